"""How far a connection is behind the venue, by the exchange times of what it delivers."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

__all__ = ("LATE_MS", "PATIENCE_S", "WINDOW_S", "Lateness")

LATE_MS: Final = 2000
WINDOW_S: Final = 5.0
PATIENCE_S: Final = 10.0


@dataclass(slots=True)
class Lateness:
    """The lag of one connection: the smallest of its ticks of the last five seconds, or that of the
    newest tick where none came since.

    The smallest counts because a single tick may be late by itself; a connection whose best tick
    is late has a queue in front of it.
    """

    limit_ms: float = LATE_MS
    window_s: float = WINDOW_S
    patience_s: float = PATIENCE_S
    lag_ms: int | None = None
    """None before the first tick."""
    _smallest: deque[tuple[float, int]] = field(default_factory=deque)
    _newest_ms: int | None = None
    _late_since: float | None = None

    def note(self, smallest_ms: int | None, newest_ms: int | None, now: float) -> None:
        """Take the smallest lag and that of the newest tick since the last call; None for none."""
        if smallest_ms is not None:
            self._smallest.append((now, smallest_ms))
        while self._smallest and now - self._smallest[0][0] > self.window_s:
            self._smallest.popleft()
        if newest_ms is not None:
            self._newest_ms = newest_ms
        self.lag_ms = min((lag_ms for _, lag_ms in self._smallest), default=self._newest_ms)
        if not self.is_late:
            self._late_since = None
        elif self._late_since is None:
            self._late_since = now

    def shift(self, by_ms: int) -> None:
        """The venue's clock is *by_ms* ahead of the one by which the lags were measured."""
        self._smallest = deque((at, lag_ms + by_ms) for at, lag_ms in self._smallest)
        if self._newest_ms is not None:
            self._newest_ms += by_ms
        if self.lag_ms is not None:
            self.lag_ms += by_ms

    @property
    def is_late(self) -> bool:
        """Whether the lag is known and above the limit."""
        return self.lag_ms is not None and self.lag_ms > self.limit_ms

    def is_overdue(self, now: float) -> bool:
        """Whether it has been late for so long that the connection is to be replaced."""
        return self._late_since is not None and now - self._late_since >= self.patience_s
