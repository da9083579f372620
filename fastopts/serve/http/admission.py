"""How many may come in, how long they may hold on, and what they are told who may not."""

import asyncio
import logging
from collections import Counter, OrderedDict
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from fastopts.serve.http import problems
from fastopts.serve.http.clients import Clients, address_key
from fastopts.serve.settings import Limits
from fastopts.serve.stats import Figures

__all__ = ("ADMIT", "QUIET", "Doors", "Stall", "response")

log = logging.getLogger(__name__)

# What clients send is counted, not logged: it could fill any log. The guard logs what is our fault.
QUIET: Final = logging.getLogger(f"{__name__}.clients")
QUIET.setLevel(logging.CRITICAL)

ADMIT: Final = "fastopts.admit"  # key of the scope: to call when a request passed the guard


class Doors:
    """Bounds the connections, in total and of one address.

    A connection that has not yet sent a request that passed the guard makes room for a new one: so
    clients without a token can't keep out those behind the same address that have one. A trusted
    proxy counts in the total alone: its connections are those of many clients.
    """

    def __init__(self, limits: Limits, figures: Figures, clients: Clients) -> None:
        self.limits = limits
        self.figures = figures
        self._clients = clients
        self._each: Counter[str] = Counter()
        # Of connections that no request was admitted on: how to end them; the oldest first.
        self._idle: dict[str, OrderedDict[object, Callable[[], None]]] = {}

    def __len__(self) -> int:
        return self._each.total()

    def enter(self, connection: object, address: str, give_way: Callable[[], None]) -> bool:
        """Whether *connection*, from *address*, may stay; it is counted then.

        *give_way* ends it when a new connection needs its place, before it was admitted.
        """
        key = address_key(address)
        is_crowded = self._each[key] >= self.limits.connections_each and not self._clients.is_proxy(
            address
        )
        if is_crowded and not self._make_room(key):
            return False
        if len(self) >= self.limits.connections and not self._make_room(self._largest()):
            return False
        self._each[key] += 1
        self._idle.setdefault(key, OrderedDict())[connection] = give_way
        return True

    def admit(self, connection: object, address: str) -> None:
        """A request on *connection* passed the guard: it keeps its place."""
        key = address_key(address)
        idle = self._idle.get(key, OrderedDict())
        idle.pop(connection, None)
        if not idle:
            self._idle.pop(key, None)

    def leave(self, connection: object, address: str) -> None:
        """Count *connection* no more; does nothing for one that gave way."""
        self.admit(connection, address)
        key = address_key(address)
        self._each[key] -= 1
        if not self._each[key]:
            del self._each[key]

    def _largest(self) -> str:
        """The address with the most connections that may have to give way."""
        return max(self._idle, key=lambda key: len(self._idle[key]), default="")

    def _make_room(self, key: str) -> bool:
        """End the oldest connection of *key* that was not admitted, if there is one."""
        idle = self._idle.get(key)
        if not idle:
            return False
        give_way = next(iter(idle.values()))
        give_way()
        return True


class Stall:
    """Cuts a connection off whose peer takes nothing for too long."""

    def __init__(self, transport: asyncio.Transport, doors: Doors) -> None:
        self._transport = transport
        self._doors = doors
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        if self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._doors.limits.stall_s, self._cut)

    def end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _cut(self) -> None:
        self._doors.figures.dropped("does not read")
        log.info("a client took nothing for %g s: cut off", self._doors.limits.stall_s)
        self._transport.abort()


def response(status: int, reason: str, detail: str) -> bytes:
    """An answer that is the last of its connection, whatever was asked."""
    body = problems.body_of(status, reason, detail)
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: {problems.MEDIA_TYPE}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
