"""What lasts is said without flooding the log: why nothing can be written, that we stand by."""

import logging
from collections.abc import Iterable, Sequence

from fastopts.errors import StoreError
from fastopts.session.backoff import Backoff
from fastopts.session.refusals import Consequence, judge

__all__ = ("ConditionLog", "DenialLog", "OutageLog")

log = logging.getLogger(__name__)

SAY_AGAIN_S = 60.0
TIMER_S = 0.002  # a loop's timers may come early by their grain


class ConditionLog:
    """Something that lasts: said when it begins, once a minute, and when it ends."""

    def __init__(self, level: int) -> None:
        self._level = level
        self._since: float | None = None
        self._said_at = 0.0

    @property
    def is_on(self) -> bool:
        return self._since is not None

    def lasted_s(self, now: float) -> float:
        """For how long it is on."""
        return 0.0 if self._since is None else now - self._since

    def begin(self, words: str, now: float, at_first: str = "") -> None:
        """It is on; say *words*, and *at_first* behind them the first time."""
        if self._since is None:
            self._since = self._said_at = now
            log.log(self._level, "%s%s", words, at_first)
        elif now - self._said_at > SAY_AGAIN_S:
            self._said_at = now
            log.log(self._level, "for %.0f s now: %s", now - self._since, words)

    def end(self, words: str, now: float) -> None:
        """It is over; say so, if it was on."""
        if self._since is not None:
            log.info("%s, after %.1f s", words, now - self._since)
            self._since = None


class DenialLog:
    """Commands beside the ticks that the server refuses: logged once a minute until they work."""

    def __init__(self) -> None:
        self._spells: dict[str, ConditionLog] = {}

    def note(
        self, duty: str, commands: Iterable[Sequence[str]], replies: Iterable[object], now: float
    ) -> None:
        """Look for refusals among the *replies* to the *commands* of a *duty*."""
        spell = self._spells.setdefault(duty, ConditionLog(logging.WARNING))
        refused = {
            f"+{command[0].lower()}": reply.reply
            for command, reply in zip(commands, replies, strict=True)
            if isinstance(reply, StoreError) and _is_lasting(reply)
        }
        if refused:
            rights = " ".join(refused)
            words = next(iter(refused.values()))
            spell.begin(f"{duty} fails: {words} (the ACL of this user needs {rights})", now)
        else:
            spell.end(f"{duty} works again", now)


def _is_lasting(error: StoreError) -> bool:
    """Whether it is neither the fault of one key nor a state of the server that passes."""
    return judge(error.reply).consequence not in (Consequence.KEY, Consequence.WAIT)


class OutageLog:
    """On from the first failure to the next success."""

    def __init__(self) -> None:
        self._spell = ConditionLog(logging.WARNING)
        self._pause_until = 0.0
        self._backoff = Backoff(base_s=0.2, cap_s=5.0)

    @property
    def is_on(self) -> bool:
        return self._spell.is_on

    def lasted_s(self, now: float) -> float:
        """For how long it is on."""
        return self._spell.lasted_s(now)

    def is_pausing(self, now: float) -> bool:
        """Whether it is too early for another try."""
        return self.is_on and now < self._pause_until - TIMER_S

    def begin(self, words: str, now: float) -> None:
        self._spell.begin(words, now, "; the newest tick of every symbol is kept in memory")

    def pause(self, now: float) -> float:
        """Let some time pass before the next try; return when that is."""
        self._pause_until = now + self._backoff.next_s()
        return self._pause_until

    def end(self, now: float, words: str = "Redis takes data again") -> None:
        if self.is_on:
            self._spell.end(words, now)
            self._pause_until = 0.0
            self._backoff.reset()
