"""How many may come in, how long they may hold on, and what they are told who may not."""

import asyncio
import logging
from collections import Counter
from http import HTTPStatus
from typing import Final

from fastopts.serve import problems
from fastopts.serve.figures import Figures
from fastopts.serve.settings import Limits

__all__ = ("QUIET", "Doors", "Stall", "response")

log = logging.getLogger(__name__)

# What clients send is counted, not logged: it could fill any log. The guard logs what is our fault.
QUIET: Final = logging.getLogger(f"{__name__}.clients")
QUIET.setLevel(logging.CRITICAL)


class Doors:
    """How many connections there are, and how many there may be."""

    def __init__(self, limits: Limits, figures: Figures) -> None:
        self.limits = limits
        self.figures = figures
        self._each: Counter[str] = Counter()

    def __len__(self) -> int:
        return self._each.total()

    def enter(self, address: str) -> bool:
        """Whether one more from *address* may come in; it has then."""
        if len(self) >= self.limits.connections:
            return False
        if self._each[address] >= self.limits.connections_each:
            return False
        self._each[address] += 1
        return True

    def leave(self, address: str) -> None:
        self._each[address] -= 1
        if not self._each[address]:
            del self._each[address]


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
