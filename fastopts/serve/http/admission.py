"""Connection admission: limits in total and per address, and responses to refused connections."""

import logging
from collections import Counter, OrderedDict
from collections.abc import Callable
from http import HTTPStatus
from typing import Final

from fastopts.serve.http import problems
from fastopts.serve.http.clients import ClientResolver, address_key
from fastopts.serve.protocol import Reason
from fastopts.serve.settings import Limits
from fastopts.serve.stats import ServerStats

__all__ = ("CONFIRM", "QUIET", "Admission", "final_response")

# uvicorn's protocols log what clients send wrong, so a client could fill any log. Such faults are
# counted instead; the guard logs the server's own errors.
QUIET: Final = logging.getLogger(f"{__name__}.clients")
QUIET.setLevel(logging.CRITICAL)

# Key of the ASGI scope: the function to call once a request has passed the guard.
CONFIRM: Final = "fastopts.confirm"


class Admission:
    """Bounds the number of open connections, in total and per address.

    A connection that has not yet sent a request that passed the guard is unconfirmed: at the limit
    the oldest one is evicted for a new connection. So clients without a token can't lock out those
    with one behind the same address. A trusted proxy counts only in the total, since its
    connections are those of many clients.
    """

    def __init__(self, limits: Limits, stats: ServerStats, clients: ClientResolver) -> None:
        self.limits = limits
        self.stats = stats
        self._clients = clients
        self._counts: Counter[str] = Counter()
        # By address key, the oldest connection first: how to evict it.
        self._unconfirmed: dict[str, OrderedDict[object, Callable[[], None]]] = {}

    def __len__(self) -> int:
        return self._counts.total()

    def enter(self, connection: object, address: str, evict: Callable[[], None]) -> bool:
        """Count *connection* from *address*. Return False, and count nothing, at a limit.

        *evict* closes it; it is called at most once, while the connection is unconfirmed, and has
        to call `leave`.
        """
        key = address_key(address)
        is_crowded = self._counts[key] >= self.limits.connections_each
        if is_crowded and not self._clients.is_proxy(address) and not self._evict_oldest(key):
            return False
        if len(self) >= self.limits.connections and not self._evict_oldest(self._largest()):
            return False
        self._counts[key] += 1
        self._unconfirmed.setdefault(key, OrderedDict())[connection] = evict
        return True

    def confirm(self, connection: object, address: str) -> None:
        """Keep *connection* from being evicted: one of its requests passed the guard."""
        key = address_key(address)
        unconfirmed = self._unconfirmed.get(key, OrderedDict())
        unconfirmed.pop(connection, None)
        if not unconfirmed:
            self._unconfirmed.pop(key, None)

    def leave(self, connection: object, address: str) -> None:
        """Stop counting *connection*; call it once for each `enter` that returned True."""
        self.confirm(connection, address)
        key = address_key(address)
        self._counts[key] -= 1
        if not self._counts[key]:
            del self._counts[key]

    def _largest(self) -> str:
        """The address with the most unconfirmed connections, "" without any."""
        return max(self._unconfirmed, key=lambda key: len(self._unconfirmed[key]), default="")

    def _evict_oldest(self, key: str) -> bool:
        """Evict the oldest unconfirmed connection of *key*; False when there is none."""
        unconfirmed = self._unconfirmed.get(key)
        if not unconfirmed:
            return False
        evict = next(iter(unconfirmed.values()))
        evict()
        return True


def final_response(status: int, reason: Reason, detail: str) -> bytes:
    """Return a whole HTTP/1.1 response with a problem, after which the connection is closed."""
    body = problems.body_of(status, reason, detail)
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: {problems.MEDIA_TYPE}\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
