"""WebSocket connections with the limits that uvicorn's protocol lacks.

Subclassed for the same reason as the HTTP protocol: uvicorn answers pings without a rate limit,
collects fragments without a count, and waits forever for a client that does not read.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.frames import Frame

from fastopts.serve.http.admission import QUIET, final_response
from fastopts.serve.http.rate_limit import TokenBucket
from fastopts.serve.http.stall_guard import StallGuard
from fastopts.serve.protocol import CLOSE_POLICY_VIOLATION, Reason
from fastopts.serve.stats import DropReason

__all__ = ("WebSocketConnection",)

# Of one message. The largest subscription (2,000 symbols) is 56 kB and needs no fragments at all;
# empty ones would cost memory without counting towards `message_bytes`.
FRAGMENTS_MAX: Final = 64


class WebSocketConnection(StallGuard, WebSocketsSansIOProtocol):
    """A WebSocket that `HttpConnection` admitted and handed its transport.

    `admission` is a class attribute, as in `HttpConnection`.
    """

    _control_frames: TokenBucket
    _address = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take over *transport* from the HTTP protocol."""
        super().connection_made(transport)
        self.logger = self.conn.logger = QUIET
        rate = self.admission.limits.messages_s
        self._control_frames = TokenBucket(rate, 2 * rate)
        self._address = self.client[0] if self.client else ""

    def connection_lost(self, exc: Exception | None) -> None:
        """Release the place that the HTTP protocol took."""
        self.cancel_stall_timer()
        self.admission.leave(self.transport, self._address)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Parse *data*; refuse a handshake that the parser does not accept."""
        super().data_received(data)
        if not self.handshake_initiated and not self.transport.is_closing():
            # The parser got the complete head from the HTTP protocol, and waits for more bytes of
            # something that can never become a handshake.
            self.admission.stats.count_drop(DropReason.MALFORMED_REQUEST)
            detail = "malformed WebSocket handshake"
            self.transport.write(final_response(400, Reason.MALFORMED_REQUEST, detail))
            self.transport.close()

    def handle_ping(self) -> None:
        """Answer a ping within the rate limit."""
        if self._control_frames.take():
            super().handle_ping()
        else:
            self._fail(DropReason.PING_LIMIT, "too many pings")

    def handle_pong(self, event: Frame) -> None:
        """Accept a pong within the rate limit."""
        if self._control_frames.take():
            super().handle_pong(event)
        else:
            self._fail(DropReason.PONG_LIMIT, "too many pongs")

    def handle_cont(self, event: Frame) -> None:
        """Collect a fragment of a message, up to the limit."""
        if len(self.frames) < FRAGMENTS_MAX:
            super().handle_cont(event)
        else:
            self._fail(DropReason.FRAGMENT_LIMIT, "too many fragments")

    def handle_parser_exception(self) -> None:
        """Count and close a connection that breaks the protocol."""
        if not self.transport.is_closing():
            self.admission.stats.count_drop(DropReason.MALFORMED_WEBSOCKET)
        super().handle_parser_exception()

    async def send(self, message: Any) -> None:
        """Send an ASGI message once the transport accepts more bytes."""
        await self.writable.wait()
        if self.close_sent:  # by _fail(), of which the application does not know yet
            raise ClientDisconnected
        await super().send(message)

    def _fail(self, drop_reason: DropReason, reason: str) -> None:
        """Close with a policy violation (RFC 6455, section 7.4.1)."""
        if self.close_sent or self.transport.is_closing():
            return
        self.admission.stats.count_drop(drop_reason)
        self.conn.fail(CLOSE_POLICY_VIOLATION, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.transport.close()
