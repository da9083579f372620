"""Short runs over real processes, with a small market."""

import pytest

from bench.endurance import load, soak


def test_a_short_load_loses_nothing() -> None:
    result = load.run(5_000, 200, seconds=3, checkpoints=3)
    assert result.faults == []
    assert (result.checkpoints, result.compared) == (3, 600)
    assert result.sent > 0


def test_a_short_soak_survives_a_drop_and_a_restart() -> None:
    result = soak.run(500, 40, seconds=11, warm_up_s=0, drop_s=1, restart_s=6)
    assert result.faults == []
    assert min(result.drops, result.restarts) >= 1
    assert result.checkpoints == result.drops + result.restarts + 1
    assert len(result.samples) == len(result.threads) == len(result.descriptors) > 0


def test_the_slope_of_a_line_has_no_error_and_that_of_scattered_points_has() -> None:
    assert soak.slope([(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)]) == (2.0, 0.0)
    slope, error = soak.slope([(0.0, 0.0), (1.0, 2.0), (2.0, 1.0), (3.0, 3.0)])
    assert slope == pytest.approx(0.8)
    assert error == pytest.approx(0.4243, abs=1e-4)
