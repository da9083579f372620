"""Connections with an end: deadlines, sizes and numbers that the server itself does not have."""

import asyncio
import logging
from collections import Counter
from http import HTTPStatus
from typing import Any, Final, cast

import orjson
from uvicorn.protocols.http.httptools_impl import (
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from fastopts.serve.buckets import Bucket
from fastopts.serve.figures import Figures
from fastopts.serve.settings import Limits

__all__ = ("Doors", "protocols")

log = logging.getLogger(__name__)

UNSENT_MAX: Final = 32_768  # bytes for a client; then nothing more is made for it

# What clients send is counted, not logged: it could fill any log. The guard logs what is our fault.
_QUIET: Final = logging.getLogger(f"{__name__}.clients")
_QUIET.setLevel(logging.CRITICAL)

FRAGMENTS_MAX: Final = 64  # of one message
WAITING_MAX: Final = 64  # requests behind one that is not answered: each costs some KB
POLICY: Final = 1008


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
    _size = 0  # of the headers of the request that is being read
    _unread = 0  # bytes since the last whole request
    _fault = 400
    _is_in = False
    _running: RequestResponseCycle | None = None
    _stall: _Stall

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=UNSENT_MAX)
        self.logger = _QUIET
        self.access_log = False  # whoever listens to all logs would switch it on
        self._stall = _Stall(transport, self.doors)
        self._address = self.client[0] if self.client else ""
        self._is_in = self.doors.enter(self._address)
        if not self._is_in:
            self._drop(503, "too many", "there are as many connections as there may be")
            return
        self._begin_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_deadline()
        self._stall.end()
        if self._is_in:
            self.doors.leave(self._address)
            self._is_in = False
        running = self._running
        if running is not None and not running.response_complete:
            # The server tells the newest request only, which may wait behind this one.
            running.disconnected = True
            running.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._begin_deadline()
        self._unread += len(data)
        super().data_received(data)
        limits = self.doors.limits
        if self._unread > limits.url_bytes + limits.header_bytes:  # a header that does not end
            self._fault = 431
            self.send_400_response("")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._size = 0
        self._unread = self._unread or 1  # this one may have come with the end of another
        self._begin_deadline()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        if len(self.url) > self.doors.limits.url_bytes:
            self._fault = 414
            raise _TooLarge

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._size += len(name) + len(value) + 4
        if self._size > self.doors.limits.header_bytes:
            self._fault = 431
            raise _TooLarge

    def on_headers_complete(self) -> None:
        if self.parser.get_http_version() not in ("1.0", "1.1"):
            raise _NotSpoken
        super().on_headers_complete()
        if len(self.pipeline) > WAITING_MAX:
            self._fault = 429
            raise _TooMany

    def on_message_complete(self) -> None:
        self._end_deadline()
        self._unread = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        if self.transport.is_closing():
            return
        self._drop(self._fault, *_WORDS[self._fault])

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running = cycle
        super()._start_asgi_task(cycle, app)

    def _unsupported_upgrade_warning(self) -> None:
        # Nothing is read after such a request: so the answer is the last one, and says so.
        self.cycle.keep_alive = False

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
        if not self._unread:
            self.doors.figures.dropped("silent")
            self.transport.close()
        elif self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self._drop(408, "too slow", "the request did not come in time")
        else:
            self.transport.abort()

    def _begin_deadline(self) -> None:
        if self._deadline is None:
            limit_s = self.doors.limits.request_s
            self._deadline = self.loop.call_later(limit_s, self._too_slow)

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
    _control: Bucket
    _address = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.logger = self.conn.logger = _QUIET
        rate = self.doors.limits.messages_s
        self._control = Bucket(rate, 2 * rate)
        self._stall = _Stall(cast("asyncio.Transport", transport), self.doors)
        self._address = self.client[0] if self.client else ""

    def connection_lost(self, exc: Exception | None) -> None:
        self._stall.end()
        self.doors.leave(self._address)  # by which it came in as HTTP
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self.handshake_initiated and not self.transport.is_closing():
            # It got the whole head, and waits for more of what it can't read.
            self.doors.figures.dropped("no HTTP")
            self.transport.write(_response(400, "no HTTP", "this is no handshake"))
            self.transport.close()

    def handle_ping(self) -> None:
        if self._control.take():
            super().handle_ping()
        else:
            self._fail("too many pings")

    def handle_pong(self, event: Frame) -> None:
        if self._control.take():
            super().handle_pong(event)
        else:
            self._fail("too many pongs")

    def handle_cont(self, event: Frame) -> None:
        if len(self.frames) < FRAGMENTS_MAX:
            super().handle_cont(event)
        else:
            self._fail("too many fragments")

    def handle_parser_exception(self) -> None:
        if not self.transport.is_closing():
            self.doors.figures.dropped("no WebSocket")
        super().handle_parser_exception()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall.begin()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stall.end()

    async def send(self, message: Any) -> None:
        await self.writable.wait()
        if self.close_sent:  # by ourselves: the application does not know yet
            raise ClientDisconnected
        await super().send(message)

    def _fail(self, reason: str) -> None:
        if self.close_sent or self.transport.is_closing():
            return
        self.doors.figures.dropped(reason)
        self.conn.fail(POLICY, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.transport.close()


class _TooLarge(Exception):
    pass


class _NotSpoken(Exception):
    pass


class _TooMany(Exception):
    pass


_WORDS: Final = {
    400: ("no HTTP", "this is no HTTP request that can be read"),
    414: ("too large", "the URL is longer than it may be"),
    429: ("too many", "more requests wait than may"),
    431: ("too large", "the headers are larger than they may be"),
}


def _response(status: int, reason: str, detail: str) -> bytes:
    phrase = HTTPStatus(status).phrase
    told: dict[str, Any] = {
        "type": "about:blank",
        "title": phrase,
        "status": status,
        "reason": reason,
        "detail": detail,
    }
    body = orjson.dumps(told)
    head = (
        f"HTTP/1.1 {status} {phrase}\r\nContent-Type: application/problem+json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
