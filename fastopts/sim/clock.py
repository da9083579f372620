"""The venue's clock: UTC in milliseconds."""

import time

__all__ = ("Clock",)


class Clock:
    """UTC in milliseconds; never steps back.

    Tests control the calendar: `start_ms` sets the first time, `speed` scales the passage of time
    (0 stops it), and `advance` moves the clock forward.
    """

    def __init__(self, start_ms: int | None = None, speed: float = 1.0) -> None:
        self._base_ms = time.time() * 1000 if start_ms is None else float(start_ms)
        self._speed = speed
        self._started = time.monotonic()

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return int(self._base_ms + (time.monotonic() - self._started) * 1000 * self._speed)

    def advance(self, seconds: float) -> None:
        """Move forward by *seconds*. Raises ValueError if negative."""
        if seconds < 0:
            raise ValueError("a venue clock cannot step back")
        self._base_ms += seconds * 1000
