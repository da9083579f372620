"""How long a connection over which nothing is live is kept, and how often a copy is taken anew."""

import os
from typing import Final

__all__ = ("Pace", "Patience")

GROWTH_MAX: Final = 16  # doublings


def jitter() -> float:
    """A random factor from 0.5 to 1. The module random would take half a MB."""
    return 0.5 + int.from_bytes(os.urandom(4)) / 2**33


class Patience:
    """When to give up a connection over which the feed is down, so that the name is resolved anew:
    after some seconds, jittered, and ever later while that does not help."""

    FIRST_S: Final = 4.0
    MAX_S: Final = 30.0

    def __init__(self) -> None:
        self._tries = 0
        self._limit_s = self.FIRST_S * jitter()
        self._since: float | None = None

    def alive(self, now: float) -> None:
        """The feed is alive over this connection."""
        self._since = now
        if self._tries:
            self._tries = 0
            self._limit_s = self.FIRST_S * jitter()

    def begin(self, now: float) -> None:
        """A connection was opened."""
        self._since = now

    def is_over(self, now: float) -> bool:
        """Whether the connection is to be given up, the feed being down."""
        return self._since is not None and now - self._since >= self._limit_s

    def given_up(self, now: float) -> None:
        """Another connection begins, to be kept for longer."""
        self._tries = min(self._tries + 1, GROWTH_MAX)
        self._limit_s = min(self.FIRST_S * 2.0**self._tries, self.MAX_S) * jitter()
        self._since = now


class Pace:
    """When something expensive may be done again: at once, unless it was done a short while ago;
    then ever later, jittered, until it is not asked for during QUIET_S."""

    FIRST_S: Final = 0.1
    MAX_S: Final = 10.0
    QUIET_S: Final = 5.0

    def __init__(self) -> None:
        self.due_at = 0.0
        self._tries = 0

    def begin(self, now: float) -> None:
        """It is done now; `due_at` is when it may be done again."""
        self._tries = 0 if now > self.due_at + self.QUIET_S else min(self._tries + 1, GROWTH_MAX)
        self.due_at = now + min(self.FIRST_S * 2.0**self._tries, self.MAX_S) * jitter()
