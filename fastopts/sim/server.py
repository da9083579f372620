"""The simulated venue on loopback: REST and WebSocket on one port.

`websockets` does handshakes, control frames and closing. Tickers go around it: they are framed
once, whoever subscribed, and a slice of them is written to a connection's transport in one piece.
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
from fastopts.sim.feed import Feed, Outlet, text_frame
from fastopts.sim.prices.chance import stream
from fastopts.sim.prices.market import Market
from fastopts.sim.rest import Rest
from fastopts.sim.session import Session
from fastopts.sim.settings import SimSettings

__all__ = ("SimVenue",)

HOST: Final = "127.0.0.1"

_SLICE_S = 0.002  # the least time between two rounds of tickers
_IDLE_S = 0.05  # the most: the calendar goes on while nobody listens
_CLOSE_TIMEOUT_S = 10.0  # for a client to take an answer, or to answer a close frame
_END_TIMEOUT_S = 1.0  # the same when the venue ends
_CONN_ID_ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


@dataclass(slots=True, eq=False)
class _Link:
    """One open connection."""

    connection: ServerConnection
    session: Session
    outlet: Outlet


class SimVenue:
    """A venue that exists while its `async with` block runs. Loopback only.

    Raises ConfigError on entry when its port is taken, or when TLS is asked for and no certificate
    can be made; `certificate` is then the file to trust.
    """

    def __init__(self, settings: SimSettings | None = None, clock: Clock | None = None) -> None:
        self.settings = settings = settings or SimSettings()
        self.clock = clock or Clock()
        self.faults = Faults()
        self.sent = 0
        self.handshakes = 0
        self.certificate: Path | None = None
        self.port = settings.port
        self.market = Market(
            settings.coins,
            settings.symbols,
            settings.seed,
            self.clock.now_ms(),
            round(settings.delivering_s * 1000),
        )
        self._feed = Feed(self.market, settings, self.faults)
        self._rest = Rest(self.market, self.faults, self._feed.refresh)
        self._luck = stream(settings.seed, "connections")
        self._links: dict[Outlet, _Link] = {}
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
        return f"http{'s' * self.settings.tls}://{HOST}:{self.port}"

    @property
    def ws_url(self) -> str:
        return f"ws{'s' * self.settings.tls}://{HOST}:{self.port}{PATH}"

    @property
    def symbols(self) -> list[str]:
        """The symbols that trade now."""
        return [symbol for symbol in self.market.options if self._feed.is_trading(symbol)]

    @property
    def connections(self) -> int:
        """How many WebSocket connections are open."""
        return sum(_is_open(link) for link in self._links.values())

    def last_frame(self, symbol: str) -> dict[str, Any]:
        """Return the last message made for *symbol*, as sent. Raises KeyError if there was none."""
        return self._feed.last_frame(symbol)

    def pause(self) -> None:
        """Stop the market: nothing changes, nothing is pushed, REST shows what was pushed last."""
        self._feed.is_paused = True

    def resume(self) -> None:
        self._feed.is_paused = False

    async def drop(self) -> None:
        """Cut all connections, without a close frame."""
        connections = [link.connection for link in self._links.values()]
        for connection in connections:
            connection.transport.abort()
        for connection in connections:
            await connection.wait_closed()

    def close(self, code: int, reason: str = "") -> None:
        """Say goodbye on all connections, with a close frame."""
        for link in filter(_is_open, self._links.values()):
            link.connection.protocol.send_close(code, reason)
            link.connection.transport.write(b"".join(link.connection.protocol.data_to_send()))

    def write(self, data: bytes) -> None:
        """Write *data*, which need not be of the protocol, to all connections."""
        for link in filter(_is_open, self._links.values()):
            link.connection.transport.write(data)

    async def wait(self) -> None:
        """Wait for ever; raises what ended the feed, should it end."""
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
                # Neither compression nor protocol pings: the venue has none.
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
        """Answer a plain request; None lets the WebSocket handshake go on."""
        if urlsplit(request.path).path == PATH:
            self.handshakes += 1
            status, faults = self.faults.refuse_status, self.faults
            if status is None:
                return None
            return _response(status, faults.refuse_body, faults.refuse_headers)
        if request.method != "GET":
            return _response(http.HTTPStatus.METHOD_NOT_ALLOWED, b"")
        now_ms = self.clock.now_ms()
        self._feed.advance(now_ms)
        return _response(*self._rest.answer(request.path, now_ms))

    async def _converse(self, connection: ServerConnection) -> None:
        """Serve one WebSocket connection until it ends, or no JSON ping came for too long."""
        link = self._open(connection)
        loop, patience_s = asyncio.get_running_loop(), self.settings.ping_timeout_s
        try:
            async with asyncio.timeout(patience_s) as cutoff:
                async for message in connection:
                    if self._receive(link, message):
                        cutoff.reschedule(loop.time() + patience_s)
        except TimeoutError:
            connection.transport.abort()
        except ConnectionClosed:
            # How a client leaves is its own business.
            return
        finally:
            self._feed.leave(link.outlet)
            del self._links[link.outlet]

    def _open(self, connection: ServerConnection) -> _Link:
        letters = "".join(self._luck.choices(_CONN_ID_ALPHABET, k=25))
        conn_id = f"{letters[:20]}-{letters[20:]}"
        outlet = Outlet(is_mute=self.faults.mute_next > 0)
        self.faults.mute_next -= outlet.is_mute
        session = Session(conn_id, self.settings, self.faults, self._feed.is_trading)
        link = self._links[outlet] = _Link(connection, session, outlet)
        return link

    def _receive(self, link: _Link, message: str | bytes) -> bool:
        """Do what a message asks for; return whether it was a ping."""
        outcome = link.session.receive(message, self.clock.now_ms())
        for reply in outcome.replies:
            self._write(link, text_frame(reply))
        if outcome.is_end:
            link.connection.transport.abort()
        for symbol in outcome.stopped:
            self._feed.unsubscribe(link.outlet, symbol)
        for symbol in outcome.started:
            self._feed.subscribe(link.outlet, symbol)
        self._flush([link.outlet])
        return outcome.is_ping

    async def _run(self) -> None:
        """Push tickers in small slices, for ever."""
        while True:
            await asyncio.sleep(self._pause_s(time.monotonic()))
            now = time.monotonic()
            self._feed.advance(self.clock.now_ms())
            self._flush(self._feed.push(now))

    def _pause_s(self, now: float) -> float:
        due = self._feed.next_due()
        return _IDLE_S if due is None else min(max(due - now, _SLICE_S), _IDLE_S)

    def _flush(self, outlets: Iterable[Outlet]) -> None:
        for outlet in outlets:
            frames, outlet.frames = outlet.frames, []
            if not frames or self.faults.mute:
                continue
            if self._write(self._links[outlet], b"".join(frames)):
                self.sent += len(frames)
                self._echo(outlet, frames)

    def _echo(self, outlet: Outlet, frames: list[bytes]) -> None:
        if self.faults.echo_after_s is None:
            return
        loop = asyncio.get_running_loop()
        for link in self._links.values():
            if link.outlet is not outlet:
                loop.call_later(self.faults.echo_after_s, self._write, link, b"".join(frames))

    def _write(self, link: _Link, frames: bytes) -> bool:
        """Write whole frames; a client that reads too slowly is cut off instead."""
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
    """Cancel a task and wait for it; raises what ended it before."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()
