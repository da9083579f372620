"""Our clock, and another machine's as seen over a connection."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ("HostClock", "RemoteClock", "wall_ms")

JUMP_MS = 1000.0


def wall_ms() -> int:
    """Our clock, in ms since 1970."""
    return time.time_ns() // 1_000_000


class HostClock:
    """Our clock, and whether somebody set it: *stepped* hears by how many ms.

    *steady_ms* is a clock that nobody sets, best one that goes on while the machine sleeps.
    """

    def __init__(self, steady_ms: Callable[[], float], stepped: Callable[[float], None]) -> None:
        self._steady_ms = steady_ms
        self._stepped = stepped
        self._asked_ms = wall_ms()
        self._apart_ms = self._asked_ms - steady_ms()

    def now_ms(self) -> int:
        now_ms = wall_ms()
        # Less than a step that counts: the other clock need not be asked.
        if 0 <= now_ms - self._asked_ms < JUMP_MS / 2:
            return now_ms
        self._asked_ms = now_ms
        step_ms = now_ms - self._steady_ms() - self._apart_ms
        if abs(step_ms) > JUMP_MS:
            self._apart_ms += step_ms
            self._stepped(step_ms)
        return now_ms


@dataclass(slots=True)
class RemoteClock:
    """A remote clock against our monotonic one.

    Of the last few exchanges the quickest counts: its answer can be off by no more than half its
    round trip. After a jump the older ones count no more. All times are in ms.
    """

    size: int = 8
    _samples: deque[tuple[float, float]] = field(default_factory=deque)
    _offset_ms: float | None = None

    def add(self, remote_ms: float, sent_ms: float, received_ms: float) -> bool:
        """Note that *remote_ms* was read between *sent_ms* and *received_ms* of our clock.

        True when it jumped: it was set, or ours stood still while the machine slept.
        """
        round_trip = max(0.0, received_ms - sent_ms)
        offset_ms = remote_ms - (sent_ms + received_ms) / 2
        jumped = self._has_jumped(offset_ms, round_trip)
        if jumped:
            self._samples.clear()
        self._samples.append((round_trip, offset_ms))
        if len(self._samples) > self.size:
            self._samples.popleft()
        self._offset_ms = min(self._samples)[1]
        return jumped

    def _has_jumped(self, offset_ms: float, round_trip: float) -> bool:
        if self._offset_ms is None:
            return False
        uncertain_ms = (round_trip + min(self._samples)[0]) / 2
        return abs(offset_ms - self._offset_ms) > uncertain_ms + JUMP_MS

    @property
    def known(self) -> bool:
        return self._offset_ms is not None

    @property
    def error_ms(self) -> float:
        """How far off `at` may be: half the quickest round trip. 0 when not `known`."""
        return min(self._samples)[0] / 2 if self._samples else 0.0

    def at(self, monotonic_ms: float) -> float:
        """What the remote clock showed at *monotonic_ms*. Raises ValueError when not `known`."""
        if self._offset_ms is None:
            raise ValueError("no sample of that clock yet")
        return monotonic_ms + self._offset_ms

    def clear(self) -> None:
        self._samples.clear()
        self._offset_ms = None
