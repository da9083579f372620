"""The server process: sockets, uvicorn, and an orderly shutdown."""

import asyncio
import contextlib
import logging
import os
import re
import socket
from collections.abc import Iterator
from types import FrameType
from typing import Final

import uvicorn

from fastopts import loops
from fastopts.errors import ConfigError, FastoptsError
from fastopts.reader import AsyncOptionReader
from fastopts.serve.app import Application
from fastopts.serve.http.admission import Admission
from fastopts.serve.http.clients import ClientResolver
from fastopts.serve.http.connection import HttpConnection
from fastopts.serve.http.websocket import WebSocketConnection
from fastopts.serve.settings import ServeSettings
from fastopts.serve.source import MarketSource
from fastopts.serve.stats import ServerStats
from fastopts.serve.streams.broadcaster import Broadcaster
from fastopts.serve.streams.changes import ChangeLog

__all__ = ("HttpServer", "listening", "serve")

log = logging.getLogger(__name__)

SHUTDOWN_TIMEOUT_S: Final = 2  # for requests; connections that are still open then are aborted

# Longer than the 60 s for which nginx keeps an idle connection to its upstream: else a request of
# the proxy can meet a connection that is being closed.
KEEP_ALIVE_S: Final = 75
BACKLOG: Final = 512
FREE_PORT_ATTEMPTS: Final = 20


def serve(reader: AsyncOptionReader, settings: ServeSettings) -> None:
    """Serve *reader*'s market until SIGINT or SIGTERM; *settings* have been checked.

    Raises ConfigError for an address that is not available, FastoptsError after an internal error.
    """
    with asyncio.Runner(loop_factory=loops.factory()) as runner:
        runner.run(_serve(reader, settings))


async def _serve(reader: AsyncOptionReader, settings: ServeSettings) -> None:
    with listening(settings) as sockets:
        await HttpServer(reader, settings).run(sockets)


class HttpServer(uvicorn.Server):
    """A server over one reader; make it in a running event loop."""

    def __init__(self, reader: AsyncOptionReader, settings: ServeSettings) -> None:
        self._settings = settings
        self._failure: BaseException | None = None
        stats, limits = ServerStats(), settings.limits
        changes = ChangeLog()
        source = MarketSource(reader, reader.follow(changes), self._on_failure)
        broadcaster = Broadcaster(
            source,
            changes,
            limits=limits,
            beat_s=settings.beat_s,
            on_failure=self._on_failure,
        )
        self.application = Application(source, broadcaster, settings, stats)
        self.admission = Admission(limits, stats, ClientResolver(settings.trusted_networks))
        # uvicorn makes the protocols itself: what they share has to be an attribute of the class.
        shared = {"admission": self.admission}
        super().__init__(
            uvicorn.Config(
                self.application.asgi,
                http=type("HttpConnection", (HttpConnection,), shared),
                ws=type("WebSocketConnection", (WebSocketConnection,), shared),
                ws_max_size=limits.message_bytes,
                # Compressing each message for each client would cost more CPU than the rest of the
                # server, and messages are shared between clients.
                ws_per_message_deflate=False,
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=KEEP_ALIVE_S,
                timeout_graceful_shutdown=SHUTDOWN_TIMEOUT_S,
            )
        )

    async def run(self, sockets: list[socket.socket]) -> None:  # type: ignore[override]
        """Serve on *sockets* until a signal or an internal error. Raises FastoptsError for one."""
        root_path = self._settings.root_path
        for listener in sockets:
            host, port = listener.getsockname()[:2]
            shown = f"[{host}]" if ":" in host else host
            base = f"http://{shown}:{port}{root_path}"
            log.info("listening on %s/ (API: %s/v1/openapi.json)", base, root_path)
        await self.serve(sockets)
        if self._failure is not None:
            message = "server stopped after an internal error; see the log"
            raise FastoptsError(message) from self._failure

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Send `bye` to streams, finish requests, and abort what is left."""
        await self.application.streams.close()
        await super().shutdown(sockets)
        for connection in [*self.server_state.connections]:  # clients that do not read
            connection.transport.abort()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin the shutdown on SIGINT or SIGTERM."""
        super().handle_exit(sig, frame)
        # uvicorn raises captured signals again after its shutdown, which would turn the exit status
        # of an orderly end into that of a killed process.
        self._captured_signals.clear()

    def _on_failure(self, error: BaseException) -> None:
        log.error("internal error; shutting down", exc_info=error)
        self._failure = error
        self.should_exit = True


@contextlib.contextmanager
def listening(settings: ServeSettings) -> Iterator[list[socket.socket]]:
    """Listen on each address of *settings* while the block runs.

    With port 0 all addresses get one port that is free on each of them. Raises ConfigError for an
    address that is not available.
    """
    # The system chooses the port for the first address, and another program may have it in use on
    # the next one: then another is chosen. A port that the user has set stays.
    attempts = 1 if settings.port else FREE_PORT_ATTEMPTS
    for attempts_left in reversed(range(attempts)):
        with contextlib.ExitStack() as opened:
            try:
                listeners = _listen_on_each(settings, opened)
            except ConfigError:
                if attempts_left:
                    continue
                raise
            yield listeners
            return


def _listen_on_each(settings: ServeSettings, opened: contextlib.ExitStack) -> list[socket.socket]:
    listeners: list[socket.socket] = []
    port = settings.port
    for name in settings.bind:
        try:
            listener = opened.enter_context(_listen(name, port, settings))
        except OSError as error:
            number = error.errno or 0
            reason = os.strerror(number) if number > 0 else str(error)
            raise ConfigError(f"--bind {name} --port {port}: {reason}") from None
        port = port or listener.getsockname()[1]
        listeners.append(listener)
    return listeners


def _listen(name: str, port: int, settings: ServeSettings) -> socket.socket:
    [(family, _, _, _, address), *_] = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    is_any = address[0] == "::"
    # A dual-stack socket on :: would collide with an IPv4 address on the same port.
    has_ipv4 = any(re.fullmatch(r"[0-9.]+", other) for other in settings.bind)
    is_dual = is_any and not has_ipv4 and socket.has_dualstack_ipv6()
    if is_any and not is_dual and not has_ipv4:
        log.warning("--bind ::: this system listens on IPv6 only; add --bind 0.0.0.0 for IPv4")
    return socket.create_server(address[:2], family=family, backlog=BACKLOG, dualstack_ipv6=is_dual)
