"""HTTP connections with an end: deadlines and sizes that the server's own do not have."""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from fastopts.serve.http.admission import ADMIT, QUIET, Doors, Stall, response

__all__ = ("Http",)

UNSENT_MAX: Final = 32_768  # bytes for a client; then nothing more is made for it
WAITING_MAX: Final = 64  # requests behind one that is not answered: each costs some KB

_WORDS: Final = {
    400: ("no HTTP", "this is no HTTP request that can be read"),
    414: ("too large", "the URL is longer than it may be"),
    429: ("too many", "more requests wait than may"),
    431: ("too large", "the headers are larger than they may be"),
}


class Http(HttpToolsProtocol):
    """A connection behind *doors*, until it is a WebSocket."""

    doors: Doors
    _address = ""
    _deadline: asyncio.TimerHandle | None = None
    _size = 0  # of the headers of the request that is being read
    _unread = 0  # bytes since the last whole request
    _fault = 400
    _is_in = False
    _running: RequestResponseCycle | None = None
    _stall: Stall

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=UNSENT_MAX)
        self.logger = QUIET
        self.access_log = False  # whoever listens to all logs would switch it on
        self._stall = Stall(transport, self.doors)
        self._address = self.client[0] if self.client else ""
        self._is_in = self.doors.enter(transport, self._address, self._give_way)
        if not self._is_in:
            self._drop(503, "too many", "the connection limit is reached")
            return
        self._begin_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_deadline()
        self._stall.end()
        self._leave()
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
        self.scope[ADMIT] = self._admit  # type: ignore[typeddict-unknown-key]
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
        self._admit()  # the guard ends it at once if it has no token
        super().handle_websocket_upgrade()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._stall.begin()

    def resume_writing(self) -> None:
        super().resume_writing()
        self._stall.end()

    def _admit(self) -> None:
        if self._is_in:
            self.doors.admit(self.transport, self._address)

    def _leave(self) -> None:
        if self._is_in:
            self._is_in = False
            self.doors.leave(self.transport, self._address)

    def _give_way(self) -> None:
        """Make room for a new connection."""
        self._leave()
        if self._unread or self.cycle is None:  # otherwise it was answered, and is idle
            self._drop(503, "gave way", "the connection limit is reached")
        else:
            self.doors.figures.dropped("gave way")
            self.transport.close()

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
        self.transport.write(response(status, reason, detail))
        self.transport.close()


class _TooLarge(Exception):
    pass


class _NotSpoken(Exception):
    pass


class _TooMany(Exception):
    pass
