"""Spacing of resyncs: a mirror's snapshots are taken ever more rarely while they do not help."""

from typing import Final

from fastopts.reader.redis.failover import GROWTH_MAX, jitter

__all__ = ("ResyncBackoff",)


class ResyncBackoff:
    """Decides when the next snapshot may be taken.

    The first is taken at once. Another one soon after it waits `FIRST_S`, doubling up to `MAX_S`,
    until none was needed for `QUIET_S`. A snapshot of the whole market is a megabyte: mirrors that
    miss announcements because the server is overloaded must not add to its load, and the jitter
    keeps mirrors apart that missed the same announcement.
    """

    FIRST_S: Final = 0.1
    MAX_S: Final = 10.0
    # Gaps within this time are taken to have one cause, such as an overloaded server.
    QUIET_S: Final = 5.0

    def __init__(self) -> None:
        self.due_at: float = 0.0
        self._tries = 0

    def begin(self, now: float) -> None:
        """Note that a snapshot begins; `due_at` becomes the earliest time of the next one."""
        self._tries = 0 if now > self.due_at + self.QUIET_S else min(self._tries + 1, GROWTH_MAX)
        self.due_at = now + min(self.FIRST_S * 2.0**self._tries, self.MAX_S) * jitter()
