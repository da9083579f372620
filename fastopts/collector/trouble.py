"""Why nothing can be written at the moment, said without flooding the log."""

import logging

from fastopts.session.backoff import Backoff

__all__ = ("Trouble",)

log = logging.getLogger(__name__)

SAY_AGAIN_S = 60.0
TIMER_S = 0.002  # a loop's timers may come early by their grain


class Trouble:
    """On from the first failure to the next success; said once, then once a minute."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._said_at = 0.0
        self._pause_until = 0.0
        self._backoff = Backoff(base_s=0.2, cap_s=5.0)

    @property
    def is_on(self) -> bool:
        return self._since is not None

    def is_pausing(self, now: float) -> bool:
        """Whether it is too early for another try."""
        return self.is_on and now < self._pause_until - TIMER_S

    def begin(self, words: str, now: float) -> None:
        if self._since is None:
            self._since = self._said_at = now
            log.warning("%s; the newest tick of every symbol is kept in memory", words)
        elif now - self._said_at > SAY_AGAIN_S:
            self._said_at = now
            log.warning("for %.0f s now: %s", now - self._since, words)

    def pause(self, now: float) -> float:
        """Let some time pass before the next try; return when that is."""
        self._pause_until = now + self._backoff.next_s()
        return self._pause_until

    def end(self, now: float) -> None:
        if self._since is not None:
            log.info("Redis takes data again, after %.1f s", now - self._since)
            self._since = None
            self._pause_until = 0.0
            self._backoff.reset()
