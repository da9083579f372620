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
    found = figures.window([1000 * one for one in durations_us])
    assert found == Window(p50_us, p99_us, len(durations_us))


def test_figures_are_medians_of_the_rounds_and_their_spread() -> None:
    windows = [Window(30, 90, 10), Window(10, 500, 10), Window(20, 70, 10)]
    assert figures.figures(windows) == Figures(20, 10, 30, 90)


def test_ratios_are_taken_within_a_round() -> None:
    """The second round is ten times as slow for both."""
    ours = [Window(20, 0, 1), Window(210, 0, 1), Window(22, 0, 1)]
    floor = [Window(10, 0, 1), Window(100, 0, 1), Window(11, 0, 1)]
    assert figures.times(ours, floor) == 2.0
    with pytest.raises(ValueError, match="shorter"):
        figures.times(ours, floor[:2])
