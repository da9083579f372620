"""Figures that are kept while running."""

import pytest

from fastopts.metrics import Durations, quantile


@pytest.mark.parametrize(("q", "value"), [(0.0, 1.0), (0.5, 3.0), (0.99, 4.0), (1.0, 4.0)])
def test_a_quantile_is_one_of_the_values(q: float, value: float) -> None:
    assert quantile([1.0, 2.0, 3.0, 4.0], q) == value


def test_no_values_have_none() -> None:
    assert quantile([], 0.5) is None
    assert Durations().quantile_ms(0.5) is None


def test_only_the_last_durations_count() -> None:
    durations = Durations(size=3)
    for value in (100.0, 1.0, 3.0, 2.0):
        durations.add(value)
    assert durations.quantile_ms(1.0) == 3.0
    assert durations.quantile_ms(0.0) == 1.0
