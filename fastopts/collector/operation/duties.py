"""Periodic duties: each has an interval, a deadline, a time of last success, and an alarm.

A safety net that no longer runs goes unnoticed, as everything else works without it: a comparison
that hangs, sets that are not counted, announcements that are denied. So each such task reports its
successes here, and its absence is a warning, a field of `stats`, a metric and an alert.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastopts.collector.limits import CollectorLimits
from fastopts.collector.store.outage_log import ConditionLog
from fastopts.contract import StatsField

__all__ = ("Duties", "Duty")

log = logging.getLogger(__name__)


class Duty:
    """Work called *name* that is due every *every_s* and may take *within_s*.

    It is overdue after no success for both together, counted from `begin` at first. Pass the work
    to `attempt`, or call `done` where success shows elsewhere.
    """

    def __init__(
        self, name: str, every_s: float, within_s: float, limits: CollectorLimits | None = None
    ) -> None:
        self.name = name
        self.every_s = every_s
        self.within_s = within_s
        self._since: float | None = None  # of the last success or the beginning; None: not due
        self._done_at: float | None = None
        self._attempt_at: float | None = None  # of work that takes many steps
        self._overdue_log = ConditionLog(logging.WARNING, limits)

    def begin(self) -> None:
        """Make the duty due; earlier times do not count."""
        self._since = _now()

    def suspend(self) -> None:
        """Make the duty not due, as another collector performs it."""
        self._since = self._attempt_at = None

    def resume(self) -> None:
        """Make the duty due again. No-op if it is."""
        if self._since is None:
            self.begin()

    def done(self) -> None:
        """Note a success."""
        self._since = self._done_at = _now()
        if self._attempt_at is not None:
            self.start()

    def start(self) -> None:
        """Start an attempt of many steps; each success starts the next, `check` ends it."""
        self._attempt_at = _now()

    def check(self) -> None:
        """Raise TimeoutError when the attempt has had no success for interval and deadline."""
        limit_s = self.every_s + self.within_s
        if self._attempt_at is not None and _now() - self._attempt_at > limit_s:
            raise TimeoutError(f"{self.name} took more than {limit_s:g} s")

    async def attempt(self, work: Awaitable[bool]) -> None:
        """Await *work*, which returns whether it succeeded, within the deadline."""
        try:
            async with asyncio.timeout(self.within_s):
                if await work:
                    self.done()
        except TimeoutError:
            log.warning("%s: timed out after %g s", self.name, self.within_s)

    @asynccontextmanager
    async def bounded(self) -> AsyncIterator[None]:
        """Put the deadline around work that has succeeded when it ends. Raises TimeoutError."""
        async with self.limited():
            yield
        self.done()

    @asynccontextmanager
    async def limited(self) -> AsyncIterator[None]:
        """Put the deadline around work that calls `done` itself. Raises TimeoutError."""
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
        """Whether it is due and has had no success for interval and deadline."""
        return self._since is not None and _now() - self._since > self.every_s + self.within_s

    def warn(self) -> None:
        """Log that it is overdue, repeatedly, and the end of that."""
        if self.is_overdue:
            age_s = self.age_s
            last = "it never succeeded" if age_s is None else f"last success {age_s:.0f} s ago"
            self._overdue_log.begin(
                f"{self.name} is overdue: {last}, it is due every {self.every_s:g} s", _now()
            )
        else:
            self._overdue_log.end(f"{self.name} succeeds again", _now())


class Duties(Sequence[Duty]):
    """All duties of a collector: `run` it in a task."""

    def __init__(self, *duties: Duty, poll_s: float = CollectorLimits().duty_poll_s) -> None:
        self._duties = duties
        self._poll_s = poll_s

    def __len__(self) -> int:
        return len(self._duties)

    def __getitem__(self, index: Any) -> Any:
        return self._duties[index]

    async def run(self) -> None:
        """Warn of overdue duties; runs until cancelled."""
        for duty in self._duties:
            duty.begin()
        while True:
            await asyncio.sleep(self._poll_s)
            for duty in self._duties:
                duty.warn()

    def statistics(self) -> Mapping[str, str]:
        """Return the fields of `stats`: the last successes by our clock, and overdue duties."""
        now = time.time()
        ages = {f"{StatsField.DUTY}{duty.name}": duty.age_s for duty in self._duties}
        return {
            **{name: "" if age_s is None else f"{now - age_s:.3f}" for name, age_s in ages.items()},
            StatsField.OVERDUE: ",".join(duty.name for duty in self._duties if duty.is_overdue),
        }


def _now() -> float:
    return asyncio.get_running_loop().time()
