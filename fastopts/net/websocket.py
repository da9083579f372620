"""One WebSocket client connection: frames parsed in the socket's buffer where that is safe.

Nearly all frames of a feed are whole, plain text frames. A scan that the caller provides takes them
straight from the buffer, with one call for a read of the socket. The `websockets` library gets
everything else, exactly one frame at a time, so that the scan can continue at the next frame
boundary:

    state            parser
    CONNECTING       the library, line by line: it turns OPEN at the end of the response headers
    OPEN             the scan; at a frame that is not plain, and while a fragmented message is
                     incomplete: the library, one frame whose length is read from its header
    CLOSING, CLOSED  the library
"""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from typing import cast

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import CONNECTING, OPEN
from websockets.uri import parse_uri

from fastopts.errors import ConnectionLost, HandshakeRefused
from fastopts.net import forks, manual_transport, proxy
from fastopts.net.manual_transport import ManualReading

__all__ = (
    "BUFFER_SIZE",
    "MESSAGE_SIZE_MAX",
    "AfterRead",
    "Deliver",
    "Scan",
    "WebSocket",
    "connect",
)

# Parses frames in view[start:end]; returns the position behind the last one, inverted (~position)
# if the frame there is not a plain text frame.
Scan = Callable[[memoryview, int, int], int]
# Receives a message that the library parsed.
Deliver = Callable[[bytes], None]
# Called after each read, once everything that it brought was scanned or delivered.
AfterRead = Callable[[], None]

# The scan leaves at most an incomplete plain frame (64 KiB); the rest is space to read into.
BUFFER_SIZE = 256 * 1024
ROOM_MIN = 64 * 1024
MESSAGE_SIZE_MAX = 1024 * 1024
CLOSE_TIMEOUT_S = 2.0


class WebSocket(ManualReading, asyncio.BufferedProtocol):
    """The connection. The future `opened` gets its result or error once the handshake is over.

    `closed` gets the reason, a text, once the connection is closed by either side.
    """

    def __init__(
        self,
        protocol: ClientProtocol,
        scan: Scan,
        deliver: Deliver,
        headers: Mapping[str, str] | None = None,
        after_read: AfterRead | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.opened: asyncio.Future[None] = self._loop.create_future()
        self.closed: asyncio.Future[str] = self._loop.create_future()
        self._headers = headers or {}
        self._protocol = protocol
        self._scan = scan
        self._deliver = deliver
        self._after_read = after_read or _nothing
        self._transport: asyncio.Transport | None = None
        self._closing: asyncio.TimerHandle | None = None
        # Never resized: uvloop keeps a pointer to the memory between reads.
        self._view = memoryview(bytearray(BUFFER_SIZE))
        self._start = self._end = 0
        # The frame that the library is receiving: its header as far as it has arrived, then the
        # number of payload bytes still missing.
        self._header = b""
        self._missing = 0
        self._fragments: list[bytes] = []
        self._is_plain = False
        self._settle()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the handshake."""
        # uvloop's transports have asyncio's methods, but not its base class
        self._transport = cast("asyncio.Transport", transport)
        forks.keep(self, transport)
        request = self._protocol.connect()
        request.headers.update(self._headers)
        self._protocol.send_request(request)
        self._send()

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return the free part of the read buffer."""
        return self._view[self._end :] if self._end else self._view

    def buffer_updated(self, nbytes: int) -> None:
        """Parse what was read."""
        self._end += nbytes
        self._parse()
        if self._start == self._end:
            self._start = self._end = 0
        else:
            self._make_room()
        self._after_read()

    def eof_received(self) -> bool:
        """Pass the end to the library; the transport closes the connection."""
        self._protocol.receive_eof()
        self._drain()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Set the results of `opened` and `closed`."""
        forks.lost(self)
        self._transport = self._manual = None
        if self._closing is not None:
            self._closing.cancel()
        self._protocol.receive_eof()
        self._protocol.data_to_send()
        reason = f"{type(exc).__name__}: {exc}" if exc else self._close_reason()
        if not self.opened.done():
            self.opened.set_exception(
                ConnectionLost(f"connection closed during the handshake: {reason}")
            )
        if not self.closed.done():
            self.closed.set_result(reason)

    def send_text(self, payload: bytes) -> None:
        """Send one text message; ignored if the connection is not open any more."""
        if self._protocol.state is OPEN:
            self._protocol.send_text(payload)
            self._send()

    def close(self) -> None:
        """Start the closing handshake; nothing is delivered any more.

        The connection is closed after two seconds if the peer does not answer.
        """
        self._deliver = _ignore
        if self._transport is not None:
            self._transport.resume_reading()
        if self._protocol.state is OPEN:
            self._protocol.send_close(1000)
            self._settle()
            self._send()
            self._expect_close()
        else:
            self.abort()

    def abort(self) -> None:
        """Close the connection at once."""
        if self._transport is not None:
            self._transport.abort()

    def _parse(self) -> None:
        while self._start < self._end:
            if self._is_plain:
                at = self._scan(self._view, self._start, self._end)
                if at >= 0:
                    self._start = at
                    return
                self._start = ~at
                if self._is_plain:
                    self._pass_header()
            elif self._protocol.state is CONNECTING:
                self._pass(self._line_end())
            elif self._protocol.state is not OPEN:
                self._pass(self._end)
            elif self._header or self._missing:
                self._pass_frame()
            else:
                self._pass_header()

    def _line_end(self) -> int:
        stop = self._view[self._start : self._end].tobytes().find(b"\n")
        return self._end if stop < 0 else self._start + stop + 1

    def _pass_frame(self) -> None:
        if self._header:
            self._pass_header()
        else:
            size = min(self._missing, self._end - self._start)
            self._missing -= size
            self._pass(self._start + size)

    def _pass_header(self) -> None:
        """Pass the header, or a part of it, to the library; note the payload's size."""
        missing = _header_size(self._header) - len(self._header)
        stop = min(self._start + missing, self._end)
        self._header += self._view[self._start : stop].tobytes()
        if len(self._header) == _header_size(self._header):
            self._missing = _payload_size(self._header)
            self._header = b""
        self._pass(stop)

    def _pass(self, stop: int) -> None:
        data = self._view[self._start : stop].tobytes()
        self._start = stop
        self._protocol.receive_data(data)
        self._drain()
        self._settle()

    def _settle(self) -> None:
        """Update whether the scan may continue."""
        is_between_frames = not (self._header or self._missing or self._fragments)
        self._is_plain = is_between_frames and self._protocol.state is OPEN

    def _drain(self) -> None:
        for event in self._protocol.events_received():
            if isinstance(event, Frame):
                self._frame(event)
        self._send()
        if not self.opened.done():
            self._check_handshake()
        if self._protocol.close_expected():
            self._expect_close()

    def _frame(self, frame: Frame) -> None:
        if frame.opcode not in (Opcode.TEXT, Opcode.CONT, Opcode.BINARY):
            return
        self._fragments.append(bytes(frame.data))
        if frame.fin:
            message, self._fragments = b"".join(self._fragments), []
            self._deliver(message)

    def _check_handshake(self) -> None:
        failure = self._protocol.handshake_exc
        if self._protocol.state is OPEN:
            self.opened.set_result(None)
        elif isinstance(failure, InvalidStatus):
            self.opened.set_exception(_refusal(failure.response))
        elif failure is not None:
            self.opened.set_exception(ConnectionLost(f"WebSocket handshake failed: {failure}"))

    def _send(self) -> None:
        for data in self._protocol.data_to_send():
            if self._transport is None:
                return
            if data:
                self._transport.write(data)
            elif self._transport.can_write_eof():
                self._transport.write_eof()
            else:
                self._transport.close()

    def _expect_close(self) -> None:
        if self._closing is None and self._transport is not None:
            self._closing = self._loop.call_later(CLOSE_TIMEOUT_S, self.abort)

    def _make_room(self) -> None:
        if BUFFER_SIZE - self._end < ROOM_MIN:
            size = self._end - self._start
            self._view[:size] = self._view[self._start : self._end].tobytes()
            self._start, self._end = 0, size

    def _close_reason(self) -> str:
        if self._protocol.close_rcvd is None and self._protocol.close_sent is None:
            return "closed by the peer without a close frame"
        return str(self._protocol.close_exc)


def _ignore(message: bytes) -> None:
    """Drop a message of a connection that is being closed."""


def _nothing() -> None:
    """Do nothing after a read."""


def _header_size(header: bytes) -> int:
    """Return the size of the header that begins with *header*. Servers don't mask frames."""
    if len(header) < 2:
        return 2
    return 2 + {126: 2, 127: 8}.get(header[1] & 0x7F, 0)


def _payload_size(header: bytes) -> int:
    return int.from_bytes(header[2:], "big") if len(header) > 2 else header[1] & 0x7F


def _refusal(response: Response) -> HandshakeRefused:
    after = response.headers.get("Retry-After", "")
    return HandshakeRefused(
        f"the venue refused the WebSocket handshake: HTTP {response.status_code}",
        response.status_code,
        float(after) if after.isdigit() else None,
    )


async def connect(
    url: str,
    scan: Scan,
    deliver: Deliver,
    *,
    tls: ssl.SSLContext | None,
    headers: Mapping[str, str],
    timeout_s: float,
    on_clock: bool = False,
    after_read: AfterRead | None = None,
) -> WebSocket:
    """Open a connection to *url*; TCP, TLS and the upgrade share one deadline.

    A wss URL needs *tls*. With *on_clock*, the open connection reads only when `read` is called.
    Raises ConnectionLost, or HandshakeRefused for an HTTP error.
    """
    loop = asyncio.get_running_loop()
    uri = parse_uri(url)
    if uri.secure != (tls is not None):
        raise ValueError(f"{url}: a TLS context is needed for wss, and only for wss")
    protocol = ClientProtocol(uri, max_size=MESSAGE_SIZE_MAX)
    websocket = WebSocket(protocol, scan, deliver, headers, after_read)
    try:
        async with asyncio.timeout(timeout_s):
            sock = await proxy.reach(url, uri.host, uri.port)
            if on_clock:
                websocket._manual = await manual_transport.connect(websocket, sock, tls, uri.host)
            else:
                name = uri.host if tls else None
                await loop.create_connection(
                    lambda: websocket, sock=sock, ssl=tls, server_hostname=name
                )
            await websocket.opened
            websocket.pause_reading()
    except BaseException as error:
        websocket.abort()
        if websocket.opened.done() and not websocket.opened.cancelled():
            websocket.opened.exception()  # mark it retrieved: another error may be raised here
        if isinstance(error, TimeoutError):
            message = f"{uri.host}:{uri.port} did not answer in {timeout_s:g} s"
            raise ConnectionLost(message) from error
        if isinstance(error, OSError):
            raise ConnectionLost(f"{uri.host}:{uri.port}: {error}") from error
        raise
    return websocket
