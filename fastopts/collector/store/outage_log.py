"""Rate-limited log messages for ongoing conditions: Redis outages, missing rights, standby."""

import logging
from collections.abc import Iterable, Sequence

from fastopts.collector.limits import CollectorLimits
from fastopts.errors import StoreError
from fastopts.session.backoff import Backoff
from fastopts.session.refusals import Consequence, judge

__all__ = ("ConditionLog", "DenialLog", "OutageLog")

log = logging.getLogger(__name__)

TIMER_S = 0.002  # timers of an event loop may fire early by its resolution


class ConditionLog:
    """Logs a condition when it begins, at intervals while it lasts, and when it ends.

    Anything more would fill a disk in a night without Redis; a single message scrolls out of sight.
    """

    def __init__(self, level: int, limits: CollectorLimits | None = None) -> None:
        self._level = level
        self._every_s = (limits or CollectorLimits()).condition_every_s
        self._since: float | None = None
        self._logged_at = 0.0

    @property
    def is_on(self) -> bool:
        """Whether the condition lasts."""
        return self._since is not None

    def lasted_s(self, now: float) -> float:
        """Return for how long the condition has lasted; 0 if it does not."""
        return 0.0 if self._since is None else now - self._since

    def begin(self, text: str, now: float, first_note: str = "") -> None:
        """Note that the condition holds; the first message of a period ends with *first_note*."""
        if self._since is None:
            self._since = self._logged_at = now
            log.log(self._level, "%s%s", text, first_note)
        elif now - self._logged_at > self._every_s:
            self._logged_at = now
            log.log(self._level, "for %.0f s now: %s", now - self._since, text)

    def end(self, text: str, now: float) -> None:
        """Note that the condition does not hold; log *text* if it did."""
        if self._since is not None:
            log.info("%s, after %.1f s", text, now - self._since)
            self._since = None


class DenialLog:
    """Logs refusals of commands beside the ticks, by purpose, with the rights that are missing."""

    def __init__(self, limits: CollectorLimits | None = None) -> None:
        self._limits = limits
        self._conditions: dict[str, ConditionLog] = {}

    def note(
        self, purpose: str, commands: Iterable[Sequence[str]], replies: Iterable[object], now: float
    ) -> None:
        """Look for refusals among the *replies* to the *commands* of one *purpose*."""
        condition = self._conditions.get(purpose)
        if condition is None:
            condition = self._conditions[purpose] = ConditionLog(logging.WARNING, self._limits)
        refused = {
            f"+{command[0].lower()}": reply.reply
            for command, reply in zip(commands, replies, strict=True)
            if isinstance(reply, StoreError) and _is_lasting(reply)
        }
        if refused:
            rights = " ".join(refused)
            reply = next(iter(refused.values()))
            condition.begin(f"{purpose} fails: {reply} (the ACL of this user needs {rights})", now)
        else:
            condition.end(f"{purpose} works again", now)


def _is_lasting(error: StoreError) -> bool:
    """Whether it is neither the fault of one key nor a passing state of the server."""
    return judge(error.reply).consequence not in (Consequence.KEY, Consequence.WAIT)


class OutageLog:
    """An outage of Redis, from the first failure to the next success, with pauses for retries."""

    def __init__(self, limits: CollectorLimits | None = None) -> None:
        self._condition = ConditionLog(logging.WARNING, limits)
        self._pause_until = 0.0
        self._backoff = Backoff(base_s=0.2, cap_s=5.0)

    @property
    def is_on(self) -> bool:
        """Whether there is an outage."""
        return self._condition.is_on

    def lasted_s(self, now: float) -> float:
        """Return for how long the outage has lasted; 0 if there is none."""
        return self._condition.lasted_s(now)

    def is_pausing(self, now: float) -> bool:
        """Whether it is too early to retry."""
        return self.is_on and now < self._pause_until - TIMER_S

    def begin(self, text: str, now: float) -> None:
        """Note a failure."""
        self._condition.begin(text, now, "; the newest tick of every symbol is kept in memory")

    def pause(self, now: float) -> float:
        """Begin the pause before the next attempt; return when it ends."""
        self._pause_until = now + self._backoff.next_s()
        return self._pause_until

    def end(self, now: float, text: str = "Redis accepts data again") -> None:
        """Note a success."""
        if self.is_on:
            self._condition.end(text, now)
            self._pause_until = 0.0
            self._backoff.reset()
