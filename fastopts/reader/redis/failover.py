"""Follow a failover behind a name: when to reconnect, and whether the server is a replica."""

import os
from typing import Any, Final

from fastopts.errors import FastoptsError, FeedDown, one_line
from fastopts.net.redis.resp import pack

__all__ = ("ASK_ROLE", "GROWTH_MAX", "FailoverTimer", "jitter", "master_of", "with_master")

# INFO rather than ROLE: a user with the rights of docs/security.md may call it.
ASK_ROLE: Final = pack("INFO", "replication")
GROWTH_MAX: Final = 16  # doublings; more would overflow nothing, but there is no use for them


def jitter() -> float:
    """Return a random factor from 0.5 to 1."""
    # `import random` costs a reader half a MB; it loads hashlib and bisect for one number.
    return 0.5 + int.from_bytes(os.urandom(4)) / 2**33


class FailoverTimer:
    """Decides when to give up a connection over which the feed is down.

    A server behind a name, a proxy or a service address may have been replaced while the old one
    still answers, as a demoted master does. So a connection is given up after `FIRST_S`, jittered
    since all readers of a feed see it go down in the same second, and the name is resolved again.
    While that does not help, the next connections are kept for longer, up to `MAX_S`: usually the
    collector is down and reconnecting is useless.
    """

    # 2 to 4 s with jitter. Much less would make every reader reconnect while a standby collector
    # takes over on the same server, which takes up to three seconds.
    FIRST_S: Final = 4.0
    MAX_S: Final = 30.0

    def __init__(self) -> None:
        self._tries = 0
        self._limit_s = self.FIRST_S * jitter()
        self._since: float | None = None

    def alive(self, now: float) -> None:
        """Note that the feed is alive over this connection."""
        self._since = now
        if self._tries:
            self._tries = 0
            self._limit_s = self.FIRST_S * jitter()

    def begin(self, now: float) -> None:
        """Note that a connection was opened."""
        self._since = now

    def is_over(self, now: float) -> bool:
        """Whether to give up the connection, given that the feed is down."""
        return self._since is not None and now - self._since >= self._limit_s

    def given_up(self, now: float) -> None:
        """Note that another connection replaces this one; it is kept for longer."""
        self._tries = min(self._tries + 1, GROWTH_MAX)
        self._limit_s = min(self.FIRST_S * 2.0**self._tries, self.MAX_S) * jitter()
        self._since = now


def master_of(reply: Any) -> str | None:
    """Return the address of the server's master from its *reply* to `ASK_ROLE`.

    None if it is a master itself, or if the server refused the command.
    """
    text = reply.decode("utf-8", "replace") if isinstance(reply, bytes) else reply
    if not isinstance(text, str):
        return None
    pairs = (line.partition(":") for line in text.splitlines())
    fields = {name: value.strip() for name, _, value in pairs}
    if fields.get("role") != "slave":
        return None
    return one_line(f"{fields.get('master_host', '?')}:{fields.get('master_port', '?')}")


def with_master(problem: FastoptsError, master: str | None) -> FastoptsError:
    """Return *problem*; a FeedDown of a replica also names the *master*, which may be the cause.

    A replica cut off from its master keeps serving data that looks like that of a dead collector.
    """
    if master is None or not isinstance(problem, FeedDown):
        return problem
    return FeedDown(f"{problem}; this server is a replica of {master}")
