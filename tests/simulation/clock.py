"""Virtual time: the world's agenda, and an event loop that waits by letting the world go on."""

import asyncio
import heapq
import itertools
from collections.abc import Callable
from typing import Any

__all__ = ("Agenda", "AgendaLoop")

RESOLUTION_S = 1e-6
STEPS_AT_ONCE_MAX = 20_000  # without time passing


class Agenda:
    """What happens in the world outside of the process under test, in order of time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.steps = 0
        self._events: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._numbers = itertools.count()

    def at(self, when: float, call: Callable[..., None], *args: Any) -> None:
        heapq.heappush(self._events, (max(when, self.now), next(self._numbers), call, args))

    def after(self, wait_s: float, call: Callable[..., None], *args: Any) -> None:
        self.at(self.now + wait_s, call, *args)

    def next_at(self) -> float:
        return self._events[0][0] if self._events else float("inf")

    def step(self) -> None:
        """Let the next event happen, at its time."""
        self.now, _, call, args = heapq.heappop(self._events)
        self.steps += 1
        call(*args)

    def run_until(self, when: float) -> None:
        """Let happen what is due up to *when*: a process that is stopped misses nothing of it."""
        while self.next_at() <= when:
            self.step()
        self.now = max(self.now, when)


class AgendaLoop(asyncio.BaseEventLoop):
    """Runs the process under test. With nothing ready it waits: the agenda goes on until then."""

    def __init__(self, agenda: Agenda, after_step: Callable[[], None]) -> None:
        super().__init__()
        self.steps = self._steps_at_once = 0
        self._last_now = 0.0
        self._agenda = agenda
        self._after_step = after_step
        self._clock_resolution = RESOLUTION_S
        self._selector = self
        self.connect: Callable[..., Any] = _nowhere

    def time(self) -> float:
        return self._agenda.now

    def select(self, timeout: float | None) -> list[Any]:
        """Stand in for a selector: *timeout* is how long until the next timer."""
        self._after_step()
        self.steps += 1
        agenda = self._agenda
        self._steps_at_once = self._steps_at_once + 1 if agenda.now == self._last_now else 0
        self._last_now = agenda.now
        assert self._steps_at_once < STEPS_AT_ONCE_MAX, "busy without end"
        deadline = float("inf") if timeout is None else agenda.now + timeout
        while not self._ready and agenda.next_at() <= deadline:  # type: ignore[attr-defined]
            agenda.step()
        if not self._ready:  # type: ignore[attr-defined]
            assert deadline < float("inf"), "nothing will ever happen again"
            agenda.now = max(agenda.now, deadline)
        return []

    def wind_up(self, tasks: set[asyncio.Task[Any]]) -> None:
        """Cancel *tasks*, wherever they hang, and close."""
        self._last_now = -1.0
        for task in tasks:
            task.cancel()
        if tasks:
            self.run_until_complete(asyncio.wait(tasks))
        self.close()

    async def create_connection(self, *args: Any, **options: Any) -> Any:
        return await self.connect(*args, **options)

    def _process_events(self, events: list[Any]) -> None:
        """There are none: the network calls back by itself."""

    def _write_to_self(self) -> None:
        """Nobody sleeps who must be woken."""


async def _nowhere(*args: Any, **options: Any) -> Any:
    raise ConnectionRefusedError("there is no network")
