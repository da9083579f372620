"""Percentiles of a turn, medians and ratios over the rounds."""

import pytest

from bench.reader import figures
from bench.reader.figures import CallFigures, Turn


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
def test_percentiles_of_a_turn_are_values_that_occurred(
    durations_us: list[int], p50_us: float, p99_us: float
) -> None:
    calls = len(durations_us)
    turn = figures.summarize_turn([1000 * duration for duration in durations_us], 7000 * calls)
    assert turn == Turn(p50_us, p99_us, 7, calls)


def test_figures_are_medians_of_the_rounds_and_their_spread() -> None:
    turns = [Turn(30, 90, 3, 10), Turn(10, 500, 9, 10), Turn(20, 70, 4, 10)]
    assert figures.summarize(turns) == CallFigures(20, 10, 30, 90, 4)


def test_ratios_are_taken_within_a_round() -> None:
    """The second round is ten times as slow for both."""
    product = [Turn(p50_us, 0, 0, 1) for p50_us in (20, 210, 22)]
    floor = [Turn(p50_us, 0, 0, 1) for p50_us in (10, 100, 11)]
    assert figures.time_ratio(product, floor) == 2.0
    with pytest.raises(ValueError, match="shorter"):
        figures.time_ratio(product, floor[:2])
