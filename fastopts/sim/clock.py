"""The venue's clock: UTC in milliseconds."""

import time

__all__ = ("Clock",)


class Clock:
    """Real UTC unless told otherwise; never steps back.

    `Clock(start_ms)` begins at another time, `speed` lets it run faster, or stand still at 0, and
    `advance` moves it on: tests steer the calendar with these.
    """

    def __init__(self, start_ms: int | None = None, speed: float = 1.0) -> None:
        self._base_ms = time.time() * 1000 if start_ms is None else float(start_ms)
        self._speed = speed
        self._started = time.monotonic()

    def now_ms(self) -> int:
        return int(self._base_ms + (time.monotonic() - self._started) * 1000 * self._speed)

    def advance(self, seconds: float) -> None:
        """Move on by *seconds*, at once."""
        if seconds < 0:
            raise ValueError("the clock does not step back")
        self._base_ms += seconds * 1000
