"""What is looked at in Redis while it recovers, and the comparison with what was sent last."""

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

__all__ = ("Watched", "until")

GIVE_UP_S = 60.0
LOOK_EVERY_S = 0.002
SETTLE_WITHIN_S = 4.0  # after 5 s of silence the collector would probe, and be sent more


class Watched:
    """The store of *session*."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._channel = BlockingConnection(address.parse(session.valkey.url, None), 5.0)
        self._symbols = sorted(verify_store.wanted(payload)[0] for payload in self._last())

    def close(self) -> None:
        self._channel.close()

    def conns(self) -> set[str]:
        """Those that delivered what stands there now."""
        return set(self._ask([("HGET", keys.option(symbol), "cn") for symbol in self._symbols]))

    def size(self) -> int:
        """How many keys there are: to ask for each of them would keep the server from its work."""
        try:
            [count] = self._ask([("DBSIZE",)])
        except StoreUnavailable:
            return 0
        return int(count)

    def faults(self) -> list[str]:
        """What differs from what was sent last; the venue must be at rest."""
        return verify_store.differences(self._last(), self._session.valkey.url)

    def settled(self) -> list[str]:
        """Have the venue rest, wait until all is equal, and return what still differs."""
        self._session.replay.ask("pause")
        deadline = time.monotonic() + SETTLE_WITHIN_S
        while (found := self.faults()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return found

    def _last(self) -> Sequence[bytes]:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "last"
            self._session.replay.ask(f"last {path}")
            return path.read_bytes().splitlines()

    def _ask(self, commands: Sequence[tuple[str, ...]]) -> list[Any]:
        payload = b"".join(pack(*words) for words in commands)
        return self._channel.exchange(payload, partial(ReplyList, len(commands))).values


def until(condition: Callable[[], bool]) -> float:
    """Wait for *condition*; return how many seconds that took. Raises RuntimeError."""
    started = time.monotonic()
    while not condition():
        if time.monotonic() > started + GIVE_UP_S:
            raise RuntimeError(f"no recovery within {GIVE_UP_S:g} s")
        time.sleep(LOOK_EVERY_S)
    return time.monotonic() - started
