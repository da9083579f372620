"""How far a connection lags behind the venue, by the exchange times of its ticks."""

from collections import deque
from dataclasses import dataclass, field
from typing import Final

__all__ = ("LATE_MS", "PATIENCE_S", "WINDOW_S", "Lateness")

LATE_MS: Final = 2000
WINDOW_S: Final = 5.0
PATIENCE_S: Final = 10.0


@dataclass(slots=True)
class Lateness:
    """The lag of one connection, in ms: the smallest of its ticks of the last *window_s*.

    Where none came in that time, it is the lag of the newest tick. The smallest counts because a
    single tick may be late by itself; where even the best tick is late, a queue has formed before
    this process (a narrow link, a proxy that buffers), and everything behind it is old.

    Arrival alone proves nothing: a stream that is delayed as a whole arrives as steadily as a
    current one.
    """

    limit_ms: float = LATE_MS
    window_s: float = WINDOW_S
    patience_s: float = PATIENCE_S
    lag_ms: int | None = field(default=None, init=False)
    """None before the first tick."""
    _smallest: deque[tuple[float, int]] = field(default_factory=deque, init=False)
    _newest_ms: int | None = field(default=None, init=False)
    _late_since: float | None = field(default=None, init=False)

    def note(self, smallest_ms: int | None, newest_ms: int | None, now: float) -> None:
        """Add the smallest lag since the last call, and that of the newest tick; None for none."""
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
        """Correct the measured lags: the venue's clock is *by_ms* ahead of the former estimate."""
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
        """Whether it has been late for *patience_s*: the connection should be replaced."""
        return self._late_since is not None and now - self._late_since >= self.patience_s
