"""`Phases`: finds the options that began to settle or were delivered since the last check.

A phase changes with the time alone, so no announcement reports it: mirrors have to look for it.
"""

from bisect import bisect_right
from collections.abc import Iterable

from fastopts.field_registry import SETTLING_MS

__all__ = ("Phases",)


class Phases:
    """The times at which each option begins to settle and is delivered."""

    def __init__(self) -> None:
        self._times_ms: list[int] = []
        self._symbols: list[str] = []
        self._venue_ms: int | None = None

    def follow(self, expiries: Iterable[tuple[str, int]]) -> None:
        """Follow these options instead of the previous ones: pairs of symbol and delivery in ms."""
        turns = sorted((at, symbol) for symbol, end in expiries for at in (end - SETTLING_MS, end))
        self._times_ms = [at for at, _ in turns]
        self._symbols = [symbol for _, symbol in turns]

    def passed(self, venue_ms: int) -> list[str]:
        """The options whose phase at *venue_ms* differs from that at the previous call.

        Time may go backwards, when the clock of the venue was corrected.
        """
        # Both turns of every option are in one sorted list, so that a check is two binary searches
        # instead of a comparison per option.
        before, self._venue_ms = self._venue_ms, venue_ms
        if before is None or not self._times_ms:
            return []
        first, last = sorted((before, venue_ms))
        return self._symbols[
            bisect_right(self._times_ms, first) : bisect_right(self._times_ms, last)
        ]
