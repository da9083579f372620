"""The simulated venue on loopback: REST and WebSocket on one port.

`websockets` handles handshakes, control frames and closing. Tickers bypass it: each is framed once
for all subscribers, and several are written to a connection's transport in one call. Through
`websockets` itself the simulator could not keep up with the rates of the load tests.
"""

import asyncio
import contextlib
import errno
import http
import ssl
import tempfile
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response
from websockets.protocol import State

from fastopts.errors import ConfigError
from fastopts.sim import tls
from fastopts.sim.clock import Clock
from fastopts.sim.dialect import PATH
from fastopts.sim.faults import Faults
from fastopts.sim.feed import SendQueue, SimFeed, text_frame
from fastopts.sim.prices.chance import stream
from fastopts.sim.prices.market import SimMarket
from fastopts.sim.rest import Rest
from fastopts.sim.session import SimSession
from fastopts.sim.settings import SimSettings

__all__ = ("SimVenue",)

HOST: Final = "127.0.0.1"

_SLICE_S = 0.002  # minimum time between two rounds of tickers
_IDLE_S = 0.05  # maximum: the calendar advances without subscribers, too
_CLOSE_TIMEOUT_S = 10.0  # for a client to read a response or to answer a close frame
_END_TIMEOUT_S = 1.0  # the same at shutdown
_CONN_ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(slots=True, eq=False)
class _Link:
    """One open connection."""

    connection: ServerConnection
    session: SimSession
    queue: SendQueue


class SimVenue:
    """Simulated venue on loopback, running within its `async with` block.

    Raises ConfigError on entry if the port is in use, or if TLS is configured and no certificate
    can be created. With TLS, `certificate` is the file for clients to trust.
    """

    def __init__(self, settings: SimSettings | None = None, clock: Clock | None = None) -> None:
        self.settings = settings = settings or SimSettings()
        self.clock = clock or Clock()
        self.faults = Faults()
        self.sent = 0
        self.handshakes = 0
        self.certificate: Path | None = None
        self.port = settings.port
        self.market = SimMarket(
            settings.coins,
            settings.symbols,
            settings.seed,
            self.clock.now_ms(),
            round(settings.delivering_s * 1000),
        )
        self._feed = SimFeed(self.market, settings, self.faults)
        self._rest = Rest(self.market, self.faults, self._feed.refresh)
        self._luck = stream(settings.seed, "connections")
        self._links: dict[SendQueue, _Link] = {}
        self._exit = contextlib.AsyncExitStack()
        self._feeder: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            context = self._tls_context(stack)
            server = await self._listen(context)
            self.port = server.sockets[0].getsockname()[1]
            stack.push_async_callback(self._close, server)
            self._feeder = asyncio.create_task(self._run())
            stack.push_async_callback(_stop, self._feeder)
            self._exit = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._exit.aclose()

    @property
    def rest_url(self) -> str:
        """Base URL of REST."""
        return f"http{'s' * self.settings.tls}://{HOST}:{self.port}"

    @property
    def ws_url(self) -> str:
        """URL of the public option stream."""
        return f"ws{'s' * self.settings.tls}://{HOST}:{self.port}{PATH}"

    @property
    def symbols(self) -> list[str]:
        """Symbols that are trading."""
        return [symbol for symbol in self.market.options if self._feed.is_trading(symbol)]

    @property
    def connections(self) -> int:
        """Number of open WebSocket connections."""
        return sum(_is_open(link) for link in self._links.values())

    def last_frame(self, symbol: str) -> dict[str, Any]:
        """Return the last message sent for *symbol*. Raises KeyError if there is none."""
        return self._feed.last_frame(symbol)

    def pause(self) -> None:
        """Stop the market: nothing changes or is pushed; REST returns the last pushed state."""
        self._feed.is_paused = True

    def resume(self) -> None:
        """Continue after `pause`."""
        self._feed.is_paused = False

    async def drop(self) -> None:
        """Abort all connections without a close frame."""
        connections = [link.connection for link in self._links.values()]
        for connection in connections:
            connection.transport.abort()
        for connection in connections:
            await connection.wait_closed()

    def close(self, code: int, reason: str = "") -> None:
        """Send a close frame on all connections."""
        for link in filter(_is_open, self._links.values()):
            link.connection.protocol.send_close(code, reason)
            link.connection.transport.write(b"".join(link.connection.protocol.data_to_send()))

    def write(self, data: bytes) -> None:
        """Write raw *data* to all connections, valid protocol or not."""
        for link in filter(_is_open, self._links.values()):
            link.connection.transport.write(data)

    async def wait(self) -> None:
        """Wait until cancelled; raise the exception of the feed task if it fails."""
        assert self._feeder is not None
        await asyncio.shield(self._feeder)

    def _tls_context(self, stack: contextlib.AsyncExitStack) -> ssl.SSLContext | None:
        if not self.settings.tls:
            return None
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fastopts-sim-")))
        self.certificate = folder / tls.CERTIFICATE
        return tls.server_context(folder)

    async def _listen(self, context: ssl.SSLContext | None) -> Server:
        try:
            return await serve(
                self._converse,
                HOST,
                self.settings.port,
                ssl=context,
                process_request=self._answer,
                server_header=None,
                # The venue uses neither compression nor protocol-level pings.
                compression=None,
                ping_interval=None,
                close_timeout=_CLOSE_TIMEOUT_S,
            )
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            raise ConfigError(f"port {self.settings.port} is in use") from error

    async def _close(self, server: Server) -> None:
        server.close()
        try:
            async with asyncio.timeout(_END_TIMEOUT_S):
                await server.wait_closed()
        except TimeoutError:
            await self.drop()
            await server.wait_closed()

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer a plain HTTP request; None continues with the WebSocket handshake."""
        if urlsplit(request.path).path == PATH:
            self.handshakes += 1
            status, faults = self.faults.refuse_status, self.faults
            if status is None:
                return None
            return _response(status, faults.refuse_body, faults.refuse_headers)
        if getattr(request, "method", "GET") != "GET":  # before websockets 17: always GET
            return _response(http.HTTPStatus.METHOD_NOT_ALLOWED, b"")
        now_ms = self.clock.now_ms()
        self._feed.advance(now_ms)
        return _response(*self._rest.answer(request.path, now_ms))

    async def _converse(self, connection: ServerConnection) -> None:
        """Serve one WebSocket connection until it closes or its JSON pings stop."""
        link = self._open(connection)
        loop, timeout_s = asyncio.get_running_loop(), self.settings.ping_timeout_s
        try:
            async with asyncio.timeout(timeout_s) as cutoff:
                async for message in connection:
                    if self._receive(link, message):
                        cutoff.reschedule(loop.time() + timeout_s)
        except TimeoutError:
            connection.transport.abort()
        except ConnectionClosed:
            return  # with or without a close frame
        finally:
            self._feed.leave(link.queue)
            del self._links[link.queue]

    def _open(self, connection: ServerConnection) -> _Link:
        letters = "".join(self._luck.choices(_CONN_ID_ALPHABET, k=25))
        conn_id = f"{letters[:20]}-{letters[20:]}"
        queue = SendQueue(is_mute=self.faults.mute_next > 0)
        self.faults.mute_next -= queue.is_mute
        session = SimSession(conn_id, self.settings, self.faults, self._feed.is_trading)
        link = self._links[queue] = _Link(connection, session, queue)
        return link

    def _receive(self, link: _Link, message: str | bytes) -> bool:
        """Process one message; return whether it was a ping."""
        outcome = link.session.receive(message, self.clock.now_ms())
        for reply in outcome.replies:
            self._write(link, text_frame(reply))
        if outcome.is_end:
            link.connection.transport.abort()
        for symbol in outcome.stopped:
            self._feed.unsubscribe(link.queue, symbol)
        for symbol in outcome.started:
            self._feed.subscribe(link.queue, symbol)
        self._flush([link.queue])
        return outcome.is_ping

    async def _run(self) -> None:
        """Push tickers in small slices until cancelled."""
        while True:
            await asyncio.sleep(self._pause_s(time.monotonic()))
            now = time.monotonic()
            self._feed.advance(self.clock.now_ms())
            self._flush(self._feed.push(now))

    def _pause_s(self, now: float) -> float:
        due = self._feed.next_due()
        return _IDLE_S if due is None else min(max(due - now, _SLICE_S), _IDLE_S)

    def _flush(self, queues: Iterable[SendQueue]) -> None:
        for queue in queues:
            frames, queue.frames = queue.frames, []
            if not frames or self.faults.mute:
                continue
            if self._write(self._links[queue], b"".join(frames)):
                self.sent += len(frames)
                self._echo(queue, frames)

    def _echo(self, queue: SendQueue, frames: list[bytes]) -> None:
        if self.faults.echo_after_s is None:
            return
        loop = asyncio.get_running_loop()
        for link in self._links.values():
            if link.queue is not queue:
                loop.call_later(self.faults.echo_after_s, self._write, link, b"".join(frames))

    def _write(self, link: _Link, frames: bytes) -> bool:
        """Write complete frames; abort the connection of a client that reads too slowly."""
        transport = link.connection.transport
        if not _is_open(link):
            return False
        if transport.get_write_buffer_size() > self.settings.write_buffer_bytes:
            transport.abort()
            return False
        transport.write(frames)
        return True


def _is_open(link: _Link) -> bool:
    connection = link.connection
    return connection.state is State.OPEN and not connection.transport.is_closing()


def _response(status: int, body: bytes, more: Mapping[str, str] | None = None) -> Response:
    headers = Headers(
        {
            "Content-Type": "application/json; charset=utf-8",
            "Content-Length": str(len(body)),
            "Connection": "close",
            **(more or {}),
        }
    )
    return Response(status, http.HTTPStatus(status).phrase, headers, body)


async def _stop(task: asyncio.Task[None]) -> None:
    """Cancel *task* and wait for it; re-raise its exception if it failed before."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
