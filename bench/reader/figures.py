"""Statistics of one turn, and of the turns of all rounds."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ("CallFigures", "Turn", "summarize", "summarize_turn", "time_ratio")


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn: percentiles of *calls* calls, and the reader's own mean CPU time per call."""

    p50_us: float
    p99_us: float
    cpu_us: float
    calls: int


@dataclass(frozen=True, slots=True)
class CallFigures:
    """All turns of a call: medians over the rounds, and the range of the p50."""

    p50_us: float
    p50_us_least: float
    p50_us_most: float
    p99_us: float
    cpu_us: float


def summarize_turn(durations_ns: Sequence[int], cpu_ns: int) -> Turn:
    """Summarize the durations of one turn's calls, which took *cpu_ns* of CPU in total."""
    ordered = sorted(durations_ns)
    calls = len(ordered)
    p50_ns, p99_ns = _quantile(ordered, 0.5), _quantile(ordered, 0.99)
    return Turn(p50_ns / 1e3, p99_ns / 1e3, cpu_ns / calls / 1e3, calls)


def summarize(turns: Sequence[Turn]) -> CallFigures:
    """Summarize all turns of one call."""
    p50_us = [turn.p50_us for turn in turns]
    # Medians rather than means: one stall of a shared machine must not decide the figure.
    return CallFigures(
        p50_us=statistics.median(p50_us),
        p50_us_least=min(p50_us),
        p50_us_most=max(p50_us),
        p99_us=statistics.median(turn.p99_us for turn in turns),
        cpu_us=statistics.median(turn.cpu_us for turn in turns),
    )


def time_ratio(turns: Sequence[Turn], reference: Sequence[Turn]) -> float:
    """Return the median over the rounds of p50 / p50 of the *reference* in the same round."""
    # Within a round, because a slow round of the machine slows both down and cancels out.
    pairs = zip(turns, reference, strict=True)
    return statistics.median(turn.p50_us / other_turn.p50_us for turn, other_turn in pairs)


def _quantile(ordered: Sequence[int], share: float) -> int:
    """The smallest value that at least *share* of all values do not exceed."""
    rank = -int(-share * len(ordered) // 1)
    return ordered[rank - 1]
