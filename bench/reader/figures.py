"""What a turn says, and what the turns of all rounds say together."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ("Figures", "Window", "figures", "times", "window")


@dataclass(frozen=True, slots=True)
class Window:
    """One turn: percentiles of *calls* calls, and the reader's own CPU for one, on average."""

    p50_us: float
    p99_us: float
    cpu_us: float
    calls: int


@dataclass(frozen=True, slots=True)
class Figures:
    """All turns of a call: medians over the rounds, and the spread of the first."""

    p50_us: float
    p50_us_least: float
    p50_us_most: float
    p99_us: float
    cpu_us: float


def window(durations_ns: Sequence[int], cpu_ns: int) -> Window:
    """Sum up one turn, which took *cpu_ns* of CPU in all."""
    ordered = sorted(durations_ns)
    calls = len(ordered)
    p50_ns, p99_ns = _quantile(ordered, 0.5), _quantile(ordered, 0.99)
    return Window(p50_ns / 1e3, p99_ns / 1e3, cpu_ns / calls / 1e3, calls)


def figures(windows: Sequence[Window]) -> Figures:
    """Sum up all turns of one call."""
    p50_us = [one.p50_us for one in windows]
    return Figures(
        statistics.median(p50_us),
        min(p50_us),
        max(p50_us),
        statistics.median(one.p99_us for one in windows),
        statistics.median(one.cpu_us for one in windows),
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
