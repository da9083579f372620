"""HTTP connections with the deadlines and size limits that uvicorn's own protocol lacks.

uvicorn's httptools protocol is subclassed, not configured, because it has no setting for any of
these: a client may send one byte a minute, a header of 20 MB/s without an end, or 10,000 pipelined
requests in one read, and may never send anything at all. A proxy in front would add them, but a
server that is safe only behind a proxy is not safe on a desk's network.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from fastopts.serve.http.admission import CONFIRM, QUIET, final_response
from fastopts.serve.http.stall_guard import StallGuard
from fastopts.serve.protocol import Reason
from fastopts.serve.stats import DropReason

__all__ = ("HttpConnection",)

# Bytes in the transport's buffer before writing is paused. asyncio's default is 64 KiB; half of it
# bounds 500 slow streams to 16 MB and still holds a whole stream message (28 kB).
WRITE_BUFFER_MAX: Final = 32_768

# Requests that wait behind an unanswered one, such as an event stream. Each costs some kilobytes,
# and a single read of 64 KiB can hold thousands of them.
PIPELINED_MAX: Final = 64

_MALFORMED: Final = (
    400,
    DropReason.MALFORMED_REQUEST,
    Reason.MALFORMED_REQUEST,
    "malformed HTTP request",
)
_URL_TOO_LONG: Final = (414, DropReason.TOO_LARGE, Reason.TOO_LARGE, "request URL too long")
_PIPELINE_FULL: Final = (
    429,
    DropReason.PIPELINE_LIMIT,
    Reason.TOO_MANY,
    "too many pipelined requests",
)
_HEADERS_TOO_LARGE: Final = (
    431,
    DropReason.TOO_LARGE,
    Reason.TOO_LARGE,
    "request headers too large",
)
_Fault = tuple[int, DropReason, Reason, str]


class HttpConnection(StallGuard, HttpToolsProtocol):
    """One HTTP/1.1 connection, until it ends or becomes a WebSocket.

    `admission` is a class attribute: uvicorn creates the protocols itself, so each server makes a
    subclass that has its own.
    """

    _address = ""
    _deadline: asyncio.TimerHandle | None = None
    _header_bytes = 0  # of the request that is being parsed
    _unparsed_bytes = 0  # received since the last complete request
    _fault: _Fault = _MALFORMED
    _is_admitted = False
    _running_cycle: RequestResponseCycle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Admit the connection, or answer 503 and close it."""
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=WRITE_BUFFER_MAX)
        self.logger = QUIET
        # uvicorn turns the access log on when its logger has any handler, such as one for all
        # loggers. It would record query strings.
        self.access_log = False
        self._address = self.client[0] if self.client else ""
        self._is_admitted = self.admission.enter(transport, self._address, self._evict)
        if not self._is_admitted:
            detail = "connection limit reached"
            self._drop((503, DropReason.CONNECTION_LIMIT, Reason.TOO_MANY, detail))
            return
        self._start_deadline()

    def connection_lost(self, exc: Exception | None) -> None:
        """Release the connection's place and end its running request."""
        self._cancel_deadline()
        self.cancel_stall_timer()
        self._leave()
        cycle = self._running_cycle
        if cycle is not None and not cycle.response_complete:
            # uvicorn signals the newest request only. When that one waits in the pipeline behind an
            # event stream, the stream would stay open forever.
            cycle.disconnected = True
            cycle.message_event.set()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse *data*; refuse a head that exceeds the limits before it is complete."""
        if self.transport.is_closing():
            return
        self._start_deadline()
        self._unparsed_bytes += len(data)
        super().data_received(data)
        limits = self.admission.limits
        # on_header() sees complete headers only. Without this check one endless header kept the
        # event loop busy with 20 MB/s.
        if self._unparsed_bytes > limits.url_bytes + limits.header_bytes:
            self._fault = _HEADERS_TOO_LARGE
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """Start counting the bytes of a request."""
        super().on_message_begin()
        self.scope[CONFIRM] = self._confirm  # type: ignore[typeddict-unknown-key]
        self._header_bytes = 0
        # The beginning of this request may have arrived with the end of the one before it.
        self._unparsed_bytes = self._unparsed_bytes or 1
        self._start_deadline()

    def on_url(self, url: bytes) -> None:
        """Collect the URL. An exception in a parser callback leads to `send_400_response`."""
        super().on_url(url)
        if len(self.url) > self.admission.limits.url_bytes:
            self._fault = _URL_TOO_LONG
            raise _RequestRefused

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header; 4 bytes of each are the colon, the space and the line end."""
        super().on_header(name, value)
        self._header_bytes += len(name) + len(value) + 4
        if self._header_bytes > self.admission.limits.header_bytes:
            self._fault = _HEADERS_TOO_LARGE
            raise _RequestRefused

    def on_headers_complete(self) -> None:
        """Begin the request, unless its HTTP version or the pipeline's length forbids it."""
        if self.parser.get_http_version() not in ("1.0", "1.1"):
            raise _RequestRefused  # httptools accepts HTTP/0.9 and 2.0 request lines
        super().on_headers_complete()
        if len(self.pipeline) > PIPELINED_MAX:
            self._fault = _PIPELINE_FULL
            raise _RequestRefused

    def on_message_complete(self) -> None:
        """Stop the deadline: the request is complete."""
        self._cancel_deadline()
        self._unparsed_bytes = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer with the fault that a callback found, 400 by default, and close."""
        if not self.transport.is_closing():
            self._drop(self._fault)

    def handle_websocket_upgrade(self) -> None:
        """Let the WebSocket protocol take over; its guard refuses a request without a token."""
        self._cancel_deadline()
        self.cancel_stall_timer()
        self._confirm()
        super().handle_websocket_upgrade()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._running_cycle = cycle
        super()._start_asgi_task(cycle, app)

    def _unsupported_upgrade_warning(self) -> None:
        # The parser stops at an upgrade, so no later request can be read: the response has to say
        # "Connection: close".
        self.cycle.keep_alive = False

    def _confirm(self) -> None:
        if self._is_admitted:
            self.admission.confirm(self.transport, self._address)

    def _leave(self) -> None:
        if self._is_admitted:
            self._is_admitted = False
            self.admission.leave(self.transport, self._address)

    def _evict(self) -> None:
        """Close the connection in favour of a new one."""
        self._leave()
        if self._unparsed_bytes or self.cycle is None:
            detail = "connection limit reached"
            self._drop((503, DropReason.EVICTED, Reason.EVICTED, detail))
        else:  # its request was answered, with a refusal: a second response would be unsolicited
            self.admission.stats.count_drop(DropReason.EVICTED)
            self.transport.close()

    def _on_deadline(self) -> None:
        self._deadline = None
        if not self._unparsed_bytes:
            self.admission.stats.count_drop(DropReason.IDLE)
            self.transport.close()
        elif self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            detail = "request incomplete after the time limit"
            self._drop((408, DropReason.REQUEST_TIMEOUT, Reason.REQUEST_TIMEOUT, detail))
        else:  # in the middle of a response: a 408 would become part of its body
            self.transport.abort()

    def _start_deadline(self) -> None:
        if self._deadline is None:
            limit_s = self.admission.limits.request_s
            self._deadline = self.loop.call_later(limit_s, self._on_deadline)

    def _cancel_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _drop(self, fault: _Fault) -> None:
        """Answer with *fault* and close."""
        status, drop_reason, reason, detail = fault
        self.admission.stats.count_drop(drop_reason)
        self.transport.write(final_response(status, reason, detail))
        self.transport.close()


class _RequestRefused(Exception):
    """Makes the parser stop; `_fault` has the response."""
