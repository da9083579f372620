"""Figures that are kept while running."""

import pytest

from fastopts.metrics import Durations, Histogram, quantile


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


def test_a_histogram_counts_a_bound_into_the_interval_below_it() -> None:
    histogram = Histogram((1, 2.5))
    for value in (0, 1, 1.5, 2.5, 2.6):
        histogram.add(value)
    assert histogram.counts == [2, 2, 1]
    assert histogram.cumulative() == [2, 4, 5]
    assert histogram.sum_ms == 7.6


def test_a_histogram_takes_what_is_below_zero_for_zero() -> None:
    histogram = Histogram((1,))
    histogram.add(-5)
    assert histogram == Histogram((1,), [1, 0], 0)
