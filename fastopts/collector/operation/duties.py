"""Periodic duties: each has a deadline, a time of last success, and an alarm when it is overdue.

A safety net that died must not go unnoticed. The owner of a duty gives its work to `attempt`, or
calls `done` where success shows elsewhere; `Duties.run` warns of what is overdue.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from fastopts.collector.store.outage_log import ConditionLog
from fastopts.contract import StatsField

__all__ = ("Duties", "Duty")

log = logging.getLogger(__name__)

LOOK_S = 1.0


class Duty:
    """Work called *name*, which is due every *every_s* and may take *within_s*.

    It is overdue when it has had no success for both together, counted from `begin` at first.
    """

    def __init__(self, name: str, every_s: float, within_s: float) -> None:
        self.name = name
        self.every_s = every_s
        self.within_s = within_s
        self._since: float | None = None  # of the last success, or of the beginning
        self._done_at: float | None = None
        self._attempt_at: float | None = None  # of work that lasts over many steps
        self._spell = ConditionLog(logging.WARNING)

    def begin(self) -> None:
        """It is due from now on; what went before does not count."""
        self._since = _now()

    def rest(self) -> None:
        """It is not due for now, as somebody else does it."""
        self._since = self._attempt_at = None

    def resume(self) -> None:
        """It is due again, if it was not."""
        if self._since is None:
            self.begin()

    def done(self) -> None:
        """It has succeeded."""
        self._since = self._done_at = _now()
        if self._attempt_at is not None:
            self.start()

    def start(self) -> None:
        """Begin an attempt that lasts over many steps; `check` ends it, each success renews it."""
        self._attempt_at = _now()

    def check(self) -> None:
        """Raise TimeoutError when the attempt has had no success for interval and deadline."""
        limit_s = self.every_s + self.within_s
        if self._attempt_at is not None and _now() - self._attempt_at > limit_s:
            raise TimeoutError(f"{self.name} took more than {limit_s:g} s")

    async def attempt(self, work: Awaitable[bool]) -> None:
        """Do *work* within the deadline; it returns whether it has succeeded."""
        try:
            async with asyncio.timeout(self.within_s):
                if await work:
                    self.done()
        except TimeoutError:
            log.warning("%s: given up after %g s", self.name, self.within_s)

    def bounded(self) -> AbstractAsyncContextManager[Any]:
        """The deadline around work that says `done` by ending. Raises TimeoutError."""
        return self._bounded()

    def limited(self) -> AbstractAsyncContextManager[Any]:
        """The deadline around work that calls `done` itself. Raises TimeoutError."""
        return self._limited()

    @asynccontextmanager
    async def _bounded(self) -> Any:
        async with self._limited():
            yield
        self.done()

    @asynccontextmanager
    async def _limited(self) -> Any:
        deadline = asyncio.timeout(self.within_s)
        try:
            async with deadline:
                yield
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise TimeoutError(f"{self.name} took more than {self.within_s:g} s") from error

    @property
    def age_s(self) -> float | None:
        """Seconds since its last success; None before the first."""
        return None if self._done_at is None else _now() - self._done_at

    @property
    def is_overdue(self) -> bool:
        return self._since is not None and _now() - self._since > self.every_s + self.within_s

    def warn(self) -> None:
        """Log that it is overdue, again once a minute, and the end of that."""
        if self.is_overdue:
            age_s = self.age_s
            last = "it never succeeded" if age_s is None else f"last success {age_s:.0f} s ago"
            self._spell.begin(
                f"{self.name} is overdue: {last}, it is due every {self.every_s:g} s", _now()
            )
        else:
            self._spell.end(f"{self.name} succeeds again", _now())


class Duties(Sequence[Duty]):
    """All duties of a collector: `run` it in a task."""

    def __init__(self, *duties: Duty) -> None:
        self._duties = duties

    def __len__(self) -> int:
        return len(self._duties)

    def __getitem__(self, index: Any) -> Any:
        return self._duties[index]

    async def run(self) -> None:
        """Warn of what is overdue, for ever."""
        for duty in self._duties:
            duty.begin()
        while True:
            await asyncio.sleep(LOOK_S)
            for duty in self._duties:
                duty.warn()

    def statistics(self) -> Mapping[str, str]:
        """The fields of `stats`: when each succeeded last by our clock, and what is overdue."""
        now = time.time()
        done = {f"{StatsField.DUTY}{duty.name}": duty.age_s for duty in self._duties}
        return {
            **{name: "" if age is None else f"{now - age:.3f}" for name, age in done.items()},
            StatsField.OVERDUE: ",".join(duty.name for duty in self._duties if duty.is_overdue),
        }


def _now() -> float:
    return asyncio.get_running_loop().time()
