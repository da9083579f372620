"""Changes of phase, which come with the time alone: nothing announces them."""

from bisect import bisect_right
from collections.abc import Iterable

from fastopts.field_registry import SETTLING_MS

__all__ = ("Phases",)


class Phases:
    """Knows when each option begins to settle and when it is delivered."""

    def __init__(self) -> None:
        self._times_ms: list[int] = []
        self._symbols: list[str] = []
        self._venue_ms: int | None = None

    def follow(self, expiries: Iterable[tuple[str, int]]) -> None:
        """Follow these options, each with its delivery in ms, and no others."""
        turns = sorted((at, symbol) for symbol, end in expiries for at in (end - SETTLING_MS, end))
        self._times_ms = [at for at, _ in turns]
        self._symbols = [symbol for _, symbol in turns]

    def passed(self, venue_ms: int) -> list[str]:
        """The options whose phase is another at *venue_ms* than it was at the last call. The
        venue's clock may have been corrected backwards."""
        before, self._venue_ms = self._venue_ms, venue_ms
        if before is None or not self._times_ms:
            return []
        first, last = sorted((before, venue_ms))
        return self._symbols[
            bisect_right(self._times_ms, first) : bisect_right(self._times_ms, last)
        ]
