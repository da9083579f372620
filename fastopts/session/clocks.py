"""Steps of this machine's clock, and an estimate of a remote clock."""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

__all__ = ("HostClock", "RemoteClock", "wall_ms")

# Larger than what NTP corrects by slewing: such a difference is a clock that was set.
JUMP_MS = 1000.0


def wall_ms() -> int:
    """Return this machine's wall clock, in ms since 1970."""
    return time.time_ns() // 1_000_000


class HostClock:
    """This machine's wall clock, with detection of steps: somebody or NTP set it.

    *stepped* is called with the step in ms. *steady_ms* is a clock that cannot be set, preferably
    one that runs on while the machine is suspended, so that a suspend is no step.
    """

    def __init__(self, steady_ms: Callable[[], float], stepped: Callable[[float], None]) -> None:
        self._steady_ms = steady_ms
        self._stepped = stepped
        self._observed_ms = wall_ms()
        self._difference_ms = self._observed_ms - steady_ms()

    def observe_ms(self) -> int:
        """Read the wall clock in ms; call *stepped* first if it was set since the last reading.

        Every socket read begins with it, so that no tick gets a receive time of the new clock
        while the skew to the venue is still that of the old one.
        """
        now_ms = wall_ms()
        # The second clock costs a system call: without a large enough change it need not be read.
        if 0 <= now_ms - self._observed_ms < JUMP_MS / 2:
            return now_ms
        self._observed_ms = now_ms
        step_ms = now_ms - self._steady_ms() - self._difference_ms
        if abs(step_ms) > JUMP_MS:
            self._difference_ms += step_ms
            self._stepped(step_ms)
        return now_ms


@dataclass(slots=True)
class RemoteClock:
    """A remote clock relative to this machine's monotonic clock. All times are in ms.

    Of the last *size* exchanges the quickest counts: its reading is off by no more than half its
    round trip. After a jump of the remote clock earlier exchanges are discarded.
    """

    # At one exchange per heartbeat: long enough to have met a quick one, short enough for drift.
    size: int = 8
    _samples: deque[tuple[float, float]] = field(default_factory=deque, init=False)
    _offset_ms: float | None = field(default=None, init=False)

    def add(self, remote_ms: float, sent_ms: float, received_ms: float) -> bool:
        """Add a reading *remote_ms* taken between *sent_ms* and *received_ms* of the local clock.

        Returns True when the clock jumped: it was set, or this machine was suspended, during which
        its monotonic clock stands still.
        """
        round_trip_ms = max(0.0, received_ms - sent_ms)
        offset_ms = remote_ms - (sent_ms + received_ms) / 2
        has_jumped = self._has_jumped(offset_ms, round_trip_ms)
        if has_jumped:
            self._samples.clear()
        self._samples.append((round_trip_ms, offset_ms))
        if len(self._samples) > self.size:
            self._samples.popleft()
        self._offset_ms = min(self._samples)[1]
        return has_jumped

    def _has_jumped(self, offset_ms: float, round_trip_ms: float) -> bool:
        if self._offset_ms is None:
            return False
        # Two readings may differ by half of either round trip without any jump.
        uncertainty_ms = (round_trip_ms + min(self._samples)[0]) / 2
        return abs(offset_ms - self._offset_ms) > uncertainty_ms + JUMP_MS

    @property
    def known(self) -> bool:
        """Whether there is an estimate."""
        return self._offset_ms is not None

    @property
    def error_ms(self) -> float:
        """Upper bound of the error of `at`: half the quickest round trip. 0 when not `known`."""
        return min(self._samples)[0] / 2 if self._samples else 0.0

    def at(self, monotonic_ms: float) -> float:
        """Return the remote clock at *monotonic_ms*. Raises ValueError when not `known`."""
        if self._offset_ms is None:
            raise ValueError("the remote clock is not known yet: add a sample first")
        return monotonic_ms + self._offset_ms

    def clear(self) -> None:
        """Discard all samples."""
        self._samples.clear()
        self._offset_ms = None
