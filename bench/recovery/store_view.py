"""The state of Redis while it recovers, and the comparison with the last messages sent."""

import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bench import verify_store
from bench.session import Session
from fastopts import keys
from fastopts.errors import StoreUnavailable
from fastopts.net.redis import address
from fastopts.net.redis.blocking import BlockingConnection
from fastopts.net.redis.resp import ReplyList, pack

__all__ = ("StoreView", "until")

GIVE_UP_S = 60.0
POLL_S = 0.002  # the resolution of a trial's duration
# After 5 s of silence the collector probes a connection, and the source sends more messages.
SETTLE_WITHIN_S = 4.0


class StoreView:
    """Reads the Redis of *session*."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._connection = BlockingConnection(address.parse(session.valkey.url, None), 5.0)
        self._symbols = sorted(verify_store.expected(payload)[0] for payload in self._last())

    def close(self) -> None:
        """Close the connection to Redis."""
        self._connection.close()

    def connection_ids(self) -> set[str]:
        """Return the venue connections that delivered the present values."""
        commands = [("HGET", keys.option(symbol), "cn") for symbol in self._symbols]
        return set(self._exchange(commands))

    def key_count(self) -> int:
        """Return the number of keys; 0 while Redis is unavailable."""
        # DBSIZE, because an EXISTS of each key would compete with the collector's writes.
        try:
            [count] = self._exchange([("DBSIZE",)])
        except StoreUnavailable:
            return 0
        return int(count)

    def differences(self) -> list[str]:
        """Compare Redis with the last messages sent; the venue must be paused."""
        return verify_store.differences(self._last(), self._session.valkey.url)

    def settle(self) -> list[str]:
        """Pause the venue, wait until there are no differences, and return those that remain."""
        self._session.replay.ask("pause")
        deadline = time.monotonic() + SETTLE_WITHIN_S
        while (faults := self.differences()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return faults

    def _last(self) -> Sequence[bytes]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "last"
            self._session.replay.ask(f"last {path}")
            return path.read_bytes().splitlines()

    def _exchange(self, commands: Sequence[tuple[str, ...]]) -> list[Any]:
        payload = b"".join(pack(*command) for command in commands)
        return self._connection.exchange(payload, partial(ReplyList, len(commands))).values


def until(condition: Callable[[], bool]) -> float:
    """Wait for *condition*; return the seconds waited. Raises RuntimeError after GIVE_UP_S."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() > started + GIVE_UP_S:
            raise RuntimeError(f"no recovery within {GIVE_UP_S:g} s")
        time.sleep(POLL_S)
    return time.monotonic() - started
