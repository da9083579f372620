"""WebSocket connections with an end: what the server's own let a client do for ever."""

import asyncio
from typing import Any, Final, cast

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from fastopts.serve.http.admission import QUIET, Doors, Stall, response
from fastopts.serve.http.rate_limit import Bucket

__all__ = ("WebSocket",)

FRAGMENTS_MAX: Final = 64  # of one message
POLICY: Final = 1008


class WebSocket(WebSocketsSansIOProtocol):
    """A connection that came in through *doors* as HTTP."""

    doors: Doors
    _stall: Stall
    _control: Bucket
    _address = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.logger = self.conn.logger = QUIET
        rate = self.doors.limits.messages_s
        self._control = Bucket(rate, 2 * rate)
        self._stall = Stall(cast("asyncio.Transport", transport), self.doors)
        self._address = self.client[0] if self.client else ""

    def connection_lost(self, exc: Exception | None) -> None:
        self._stall.end()
        self.doors.leave(self.transport, self._address)  # it was counted as HTTP
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if not self.handshake_initiated and not self.transport.is_closing():
            # It got the whole head, and waits for more of what it can't read.
            self.doors.figures.dropped("no HTTP")
            self.transport.write(response(400, "no HTTP", "this is no handshake"))
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
