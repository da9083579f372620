"""Our clock, and another machine's as seen over a connection."""

import time
from collections import deque
from dataclasses import dataclass, field

__all__ = ("RemoteClock", "wall_ms")


def wall_ms() -> int:
    """Our clock, in ms since 1970."""
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class RemoteClock:
    """A remote clock against our monotonic one.

    Of the last few exchanges the quickest counts: its answer can be off by no more than half its
    round trip. All times are in ms.
    """

    size: int = 8
    _samples: deque[tuple[float, float]] = field(default_factory=deque)
    _offset_ms: float | None = None

    def add(self, remote_ms: float, sent_ms: float, received_ms: float) -> None:
        """Note that *remote_ms* was read between *sent_ms* and *received_ms* of our clock."""
        round_trip = max(0.0, received_ms - sent_ms)
        self._samples.append((round_trip, remote_ms - (sent_ms + received_ms) / 2))
        if len(self._samples) > self.size:
            self._samples.popleft()
        self._offset_ms = min(self._samples)[1]

    @property
    def known(self) -> bool:
        return self._offset_ms is not None

    def at(self, monotonic_ms: float) -> float:
        """What the remote clock showed at *monotonic_ms*. Raises ValueError when not `known`."""
        if self._offset_ms is None:
            raise ValueError("no sample of that clock yet")
        return monotonic_ms + self._offset_ms

    def clear(self) -> None:
        self._samples.clear()
        self._offset_ms = None
