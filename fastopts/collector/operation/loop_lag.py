"""How late the event loop runs: whatever blocks it delays every tick, ping and heartbeat."""

import asyncio
from typing import Final

from fastopts.metrics import AGE_BOUNDS_MS, Histogram

__all__ = ("LoopLag",)

INTERVAL_S: Final = 0.1


class LoopLag:
    """Measures with a timer between `begin` and `end`; `delays` is the histogram of all delays."""

    def __init__(self) -> None:
        self.delays = Histogram(AGE_BOUNDS_MS)
        self._worst_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Start measuring the running loop."""
        self._schedule(asyncio.get_running_loop())

    def end(self) -> None:
        """Stop measuring."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    @property
    def worst_ms(self) -> float:
        """The longest delay since the last `take_ms`."""
        return self._worst_s * 1000

    def take_ms(self) -> float:
        """Return the longest delay since the last call, and reset it."""
        worst_s, self._worst_s = self._worst_s, 0.0
        return worst_s * 1000

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        due = loop.time() + INTERVAL_S
        self._timer = loop.call_at(due, self._measure, loop, due)

    def _measure(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        delay_s = loop.time() - due
        self.delays.add(delay_s * 1000)
        self._worst_s = max(self._worst_s, delay_s)
        self._schedule(loop)
