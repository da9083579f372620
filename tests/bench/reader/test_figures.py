"""Percentiles of a turn; medians and ratios over the rounds."""

import pytest

from bench.reader import figures
from bench.reader.figures import Figures, Window


@pytest.mark.parametrize(
    ("durations_us", "p50_us", "p99_us"),
    [
        ([7], 7, 7),
        ([1, 2], 1, 2),
        ([3, 1, 2], 2, 3),
        (range(1, 101), 50, 99),
        (range(1, 1001), 500, 990),
        ([*[5] * 99, 900], 5, 5),
        ([*[5] * 98, 800, 900], 5, 800),
    ],
)
def test_a_turn_is_summed_up_by_the_value_that_holds_for_that_share_of_calls(
    durations_us: list[int], p50_us: float, p99_us: float
) -> None:
    calls = len(durations_us)
    found = figures.window([1000 * one for one in durations_us], 7000 * calls)
    assert found == Window(p50_us, p99_us, 7, calls)


def test_figures_are_medians_of_the_rounds_and_their_spread() -> None:
    windows = [Window(30, 90, 3, 10), Window(10, 500, 9, 10), Window(20, 70, 4, 10)]
    assert figures.figures(windows) == Figures(20, 10, 30, 90, 4)


def test_ratios_are_taken_within_a_round() -> None:
    """The second round is ten times as slow for both."""
    ours = [Window(p50_us, 0, 0, 1) for p50_us in (20, 210, 22)]
    floor = [Window(p50_us, 0, 0, 1) for p50_us in (10, 100, 11)]
    assert figures.times(ours, floor) == 2.0
    with pytest.raises(ValueError, match="shorter"):
        figures.times(ours, floor[:2])
