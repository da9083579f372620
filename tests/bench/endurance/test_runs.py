"""Short runs over real processes, with a small market."""

import pytest

from bench.endurance import load, soak


def test_a_short_load_loses_nothing() -> None:
    outcome = load.run(5_000, 200, seconds=3, checkpoints=3)
    assert outcome.faults == []
    assert (outcome.checkpoints, outcome.compared) == (3, 600)
    assert outcome.sent > 0


def test_a_short_soak_survives_a_drop_and_a_restart() -> None:
    outcome = soak.run(500, 40, seconds=11, warm_up_s=0, drop_s=1, restart_s=6)
    assert outcome.faults == []
    assert min(outcome.drops, outcome.restarts) >= 1
    assert outcome.checkpoints == outcome.drops + outcome.restarts + 1
    assert len(outcome.samples) == len(outcome.threads) == len(outcome.descriptors) > 0


def test_a_slope_is_that_of_the_line_and_its_error_that_of_what_is_beside_it() -> None:
    assert soak.slope([(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]) == (2.0, 0.0)
    slope, error = soak.slope([(0.0, 0.0), (1.0, 2.0), (2.0, 1.0), (3.0, 3.0)])
    assert slope == pytest.approx(0.8)
    assert error == pytest.approx(0.4243, abs=1e-4)
