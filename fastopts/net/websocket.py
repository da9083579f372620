"""One WebSocket client connection: frames out of the socket's buffer, in place where that is safe.

A feed sends whole, plain text frames all day. They are taken straight from the buffer by a scan
that the caller lends (one call a socket read). Everything else is the protocol library's, which
gets exactly one frame at a time, so that the scan can take over again at the next frame boundary:

    state            who reads what
    CONNECTING       the library, line by line: it turns OPEN at the end of the response's headers
    OPEN             the scan; at a frame that is not plain, or while fragments are open: the
                     library, one frame counted from its header
    CLOSING, CLOSED  the library, everything
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

# Takes frames from view[start:end]; returns the position behind the last one taken, inverted when
# what stands there is not a plain text frame.
Scan = Callable[[memoryview, int, int], int]
# Receives a message that came through the library.
Deliver = Callable[[bytes], None]
# Called after each read, once all that it brought was scanned or delivered.
AfterRead = Callable[[], None]

# The scan leaves at most a part of a plain frame (64 KiB) behind; the rest is room to read into.
BUFFER_SIZE = 256 * 1024
ROOM_MIN = 64 * 1024
MESSAGE_SIZE_MAX = 1024 * 1024
CLOSE_TIMEOUT_S = 2.0


class WebSocket(ManualReading, asyncio.BufferedProtocol):
    """The connection; `opened` and `closed` tell its life.

    `closed` gets the reason as a text when the connection is gone, whoever ended it.
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
        # Of fixed size: asyncio's TLS writes into it behind our back, uvloop pins it.
        self._view = memoryview(bytearray(BUFFER_SIZE))
        self._start = self._end = 0
        # Of the frame that is being handed to the library: its header as far as it has come, then
        # the number of payload bytes still to come.
        self._header = b""
        self._owed = 0
        self._fragments: list[bytes] = []
        self._is_plain = False
        self._settle()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's by their methods only
        self._transport = cast("asyncio.Transport", transport)
        forks.keep(self, transport)
        request = self._protocol.connect()
        request.headers.update(self._headers)
        self._protocol.send_request(request)
        self._send()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._view[self._end :] if self._end else self._view

    def buffer_updated(self, nbytes: int) -> None:
        self._end += nbytes
        self._walk()
        if self._start == self._end:
            self._start = self._end = 0
        else:
            self._make_room()
        self._after_read()

    def eof_received(self) -> bool:
        self._protocol.receive_eof()
        self._drain()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        forks.lost(self)
        self._transport = self._manual = None
        if self._closing is not None:
            self._closing.cancel()
        self._protocol.receive_eof()
        self._protocol.data_to_send()
        reason = f"{type(exc).__name__}: {exc}" if exc else self._close_reason()
        if not self.opened.done():
            self.opened.set_exception(ConnectionLost(f"the handshake broke off: {reason}"))
        if not self.closed.done():
            self.closed.set_result(reason)

    def send_text(self, payload: bytes) -> None:
        """Send one text message; nothing happens when the connection is no longer open."""
        if self._protocol.state is OPEN:
            self._protocol.send_text(payload)
            self._send()

    def close(self) -> None:
        """Start the closing handshake; nothing is delivered any more.

        A peer that does not answer is cut off after two seconds.
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
        """Cut the connection off at once."""
        if self._transport is not None:
            self._transport.abort()

    def _walk(self) -> None:
        while self._start < self._end:
            if self._is_plain:
                at = self._scan(self._view, self._start, self._end)
                if at >= 0:
                    self._start = at
                    return
                self._start = ~at
                if self._is_plain:
                    self._hand_over_header()
            elif self._protocol.state is CONNECTING:
                self._hand_over(self._line_end())
            elif self._protocol.state is not OPEN:
                self._hand_over(self._end)
            elif self._header or self._owed:
                self._hand_over_frame()
            else:
                self._hand_over_header()

    def _line_end(self) -> int:
        stop = self._view[self._start : self._end].tobytes().find(b"\n")
        return self._end if stop < 0 else self._start + stop + 1

    def _hand_over_frame(self) -> None:
        if self._header:
            self._hand_over_header()
        else:
            size = min(self._owed, self._end - self._start)
            self._owed -= size
            self._hand_over(self._start + size)

    def _hand_over_header(self) -> None:
        """Give the library the header, or what has come of it, and note the size of the rest."""
        missing = _header_size(self._header) - len(self._header)
        stop = min(self._start + missing, self._end)
        self._header += self._view[self._start : stop].tobytes()
        if len(self._header) == _header_size(self._header):
            self._owed = _payload_size(self._header)
            self._header = b""
        self._hand_over(stop)

    def _hand_over(self, stop: int) -> None:
        data = self._view[self._start : stop].tobytes()
        self._start = stop
        self._protocol.receive_data(data)
        self._drain()
        self._settle()

    def _settle(self) -> None:
        """Find out whether the scan may take over."""
        is_between_frames = not (self._header or self._owed or self._fragments)
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
            self.opened.set_exception(ConnectionLost(f"no WebSocket handshake: {failure}"))

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
            left = self._end - self._start
            self._view[:left] = self._view[self._start : self._end].tobytes()
            self._start, self._end = 0, left

    def _close_reason(self) -> str:
        if self._protocol.close_rcvd is None and self._protocol.close_sent is None:
            return "the other side closed without a word"
        return str(self._protocol.close_exc)


def _ignore(message: bytes) -> None:
    """Take a message that nobody wants any more."""


def _nothing() -> None:
    """Do nothing after a read."""


def _header_size(header: bytes) -> int:
    """The size of the header that begins with *header*, without a mask: servers don't."""
    if len(header) < 2:
        return 2
    return 2 + {126: 2, 127: 8}.get(header[1] & 0x7F, 0)


def _payload_size(header: bytes) -> int:
    return int.from_bytes(header[2:], "big") if len(header) > 2 else header[1] & 0x7F


def _refusal(response: Response) -> HandshakeRefused:
    after = response.headers.get("Retry-After", "")
    return HandshakeRefused(
        f"the venue answered the handshake with HTTP {response.status_code}",
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

    A wss URL needs *tls*. With *on_clock* it reads, once it is open, only at each `read`. Raises
    ConnectionLost, or HandshakeRefused for an HTTP status.
    """
    loop = asyncio.get_running_loop()
    uri = parse_uri(url)
    if uri.secure != (tls is not None):
        raise ValueError(f"{url}: wss goes with a TLS context, ws without")
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
            websocket.opened.exception()  # heard, whatever is raised here
        if isinstance(error, TimeoutError):
            words = f"{uri.host}:{uri.port} did not answer in {timeout_s:g} s"
            raise ConnectionLost(words) from error
        if isinstance(error, OSError):
            raise ConnectionLost(f"{uri.host}:{uri.port}: {error}") from error
        raise
    return websocket
