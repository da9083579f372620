"""What a turn says, and what the turns of all rounds say together."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ("Figures", "Window", "figures", "times", "window")


@dataclass(frozen=True, slots=True)
class Window:
    """One turn: percentiles of *calls* calls."""

    p50_us: float
    p99_us: float
    calls: int


@dataclass(frozen=True, slots=True)
class Figures:
    """All turns of a call: medians over the rounds, and the spread of the first."""

    p50_us: float
    p50_us_least: float
    p50_us_most: float
    p99_us: float


def window(durations_ns: Sequence[int]) -> Window:
    """Sum up one turn."""
    ordered = sorted(durations_ns)
    return Window(_quantile(ordered, 0.5) / 1e3, _quantile(ordered, 0.99) / 1e3, len(ordered))


def figures(windows: Sequence[Window]) -> Figures:
    """Sum up all turns of one call."""
    p50_us = [one.p50_us for one in windows]
    return Figures(
        statistics.median(p50_us),
        min(p50_us),
        max(p50_us),
        statistics.median(one.p99_us for one in windows),
    )


def times(windows: Sequence[Window], others: Sequence[Window]) -> float:
    """How many times as long as *others* it takes: each round by itself, and the median of them.

    The machine is slower in some rounds than in others, and then it is so for both.
    """
    pairs = zip(windows, others, strict=True)
    return statistics.median(one.p50_us / other.p50_us for one, other in pairs)


def _quantile(ordered: Sequence[int], share: float) -> int:
    """The least value that is not below *share* of all."""
    rank = -int(-share * len(ordered) // 1)
    return ordered[rank - 1]
