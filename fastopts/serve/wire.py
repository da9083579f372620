"""Connections with an end: deadlines, sizes and numbers that the server itself does not have."""

import asyncio
import logging
from collections import Counter
from typing import Any, Final, cast

import orjson
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

from fastopts.serve.figures import Figures
from fastopts.serve.settings import Limits

__all__ = ("Doors", "protocols")

log = logging.getLogger(__name__)

WAITING_MAX: Final = 32_768  # bytes for a client; then nothing more is made for it


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


class _Stall:
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


def protocols(doors: Doors) -> tuple[type[asyncio.Protocol], type[asyncio.Protocol]]:
    """The protocols for HTTP and for WebSocket behind *doors*."""
    return (
        type("Http", (_Http,), {"doors": doors}),
        type("WebSocket", (_WebSocket,), {"doors": doors}),
    )


class _Http(HttpToolsProtocol):
    doors: Doors
    _address = ""
    _deadline: asyncio.TimerHandle | None = None
    _size = 0  # of the head of the request that is being read
    _is_in = False
    _stall: _Stall

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=WAITING_MAX)
        self._stall = _Stall(transport, self.doors)
        self._address = self.client[0] if self.client else ""
        self._is_in = self.doors.enter(self._address)
        if not self._is_in:
            self._drop(503, "too many", "there are as many connections as there may be")

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_deadline()
        self._stall.end()
        if self._is_in:
            self.doors.leave(self._address)
            self._is_in = False
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        if self._deadline is None:
            limit_s = self.doors.limits.request_s
            self._deadline = self.loop.call_later(limit_s, self._too_slow)
        super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._size = 0

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > self.doors.limits.url_bytes:
            raise _TooLarge(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._size += len(name) + len(value) + 4
        if self._size > self.doors.limits.header_bytes:
            raise _TooLarge(431)

    def on_message_complete(self) -> None:
        self._end_deadline()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        self._drop(400, "no HTTP", "this is no HTTP request that can be read, or it is too large")

    def handle_websocket_upgrade(self) -> None:
        self._end_deadline()
        self._stall.end()
        super().handle_websocket_upgrade()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall.begin()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stall.end()

    def _too_slow(self) -> None:
        self._deadline = None
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self._drop(408, "too slow", "the request did not come in time")
        else:
            self.transport.abort()

    def _end_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _drop(self, status: int, reason: str, detail: str) -> None:
        self.doors.figures.dropped(reason)
        self.transport.write(_response(status, reason, detail))
        self.transport.close()


class _WebSocket(WebSocketsSansIOProtocol):
    doors: Doors
    _stall: _Stall
    _address = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._stall = _Stall(cast("asyncio.Transport", transport), self.doors)
        self._address = self.client[0] if self.client else ""

    def connection_lost(self, exc: Exception | None) -> None:
        self._stall.end()
        self.doors.leave(self._address)  # by which it came in as HTTP
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall.begin()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stall.end()


class _TooLarge(Exception):
    pass


_PHRASES: Final = {400: "Bad Request", 408: "Request Timeout", 503: "Service Unavailable"}


def _response(status: int, reason: str, detail: str) -> bytes:
    told: dict[str, Any] = {
        "type": "about:blank",
        "title": _PHRASES[status],
        "status": status,
        "reason": reason,
        "detail": detail,
    }
    body = orjson.dumps(told)
    head = (
        f"HTTP/1.1 {status} {_PHRASES[status]}\r\nContent-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
