"""How late the event loop comes to what is due: whatever holds it up holds up everything."""

import asyncio
from typing import Final

from fastopts.metrics import AGE_BOUNDS_MS, Histogram

__all__ = ("LoopLag",)

LOOK_S: Final = 0.1


class LoopLag:
    """Measures between `begin` and `end`; `delays` has all that was measured."""

    def __init__(self) -> None:
        self.delays = Histogram(AGE_BOUNDS_MS)
        self._worst_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        self._expect(asyncio.get_running_loop())

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def take_ms(self) -> float:
        """The worst since it was last taken."""
        worst_s, self._worst_s = self._worst_s, 0.0
        return worst_s * 1000

    def _expect(self, loop: asyncio.AbstractEventLoop) -> None:
        due = loop.time() + LOOK_S
        self._timer = loop.call_at(due, self._look, loop, due)

    def _look(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        late_s = loop.time() - due
        self.delays.add(late_s * 1000)
        self._worst_s = max(self._worst_s, late_s)
        self._expect(loop)
