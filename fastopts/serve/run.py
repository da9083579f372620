"""The server's life."""

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
from fastopts.serve.http.admission import Doors
from fastopts.serve.http.clients import Clients
from fastopts.serve.http.connection import Http
from fastopts.serve.http.websocket import WebSocket
from fastopts.serve.settings import ServeSettings
from fastopts.serve.stats import Figures

__all__ = ("Server", "serve")

log = logging.getLogger(__name__)

ENDING_S: Final = 2
BACKLOG: Final = 512


def serve(reader: AsyncOptionReader, settings: ServeSettings) -> None:
    """Serve by *settings*, which were checked, until SIGINT or SIGTERM.

    Raises ConfigError for an address that can't be had, FastoptsError after an error of its own.
    """
    with asyncio.Runner(loop_factory=loops.factory()) as runner:
        runner.run(Server(reader, settings).run())


class Server(uvicorn.Server):
    """One server over one reader."""

    def __init__(self, reader: AsyncOptionReader, settings: ServeSettings) -> None:
        figures = Figures()
        self.application = Application(reader, settings, figures, self._failed)
        self._settings = settings
        self._bug: BaseException | None = None
        clients = Clients(settings.trusted_networks)
        behind = {"doors": Doors(settings.limits, figures, clients)}
        limits = settings.limits
        super().__init__(
            uvicorn.Config(
                self.application.asgi,
                http=type("Http", (Http,), behind),
                ws=type("WebSocket", (WebSocket,), behind),
                ws_max_size=limits.message_bytes,
                ws_per_message_deflate=False,
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=ENDING_S,
            )
        )

    async def run(self) -> None:  # type: ignore[override]
        """Serve to the end."""
        with contextlib.ExitStack() as stack:
            listeners = list(_listening(self._settings, stack))
            for listener in listeners:
                host, port = listener.getsockname()[:2]
                shown = f"[{host}]" if ":" in host else host
                root = self._settings.root_path
                base = f"http://{shown}:{port}{root}"
                log.info("%s/ (API: %s/v1, document: %s/v1/openapi.json)", base, root, root)
            await self.serve(listeners)
        if self._bug is not None:
            raise FastoptsError("it ended after an error of its own; see the log") from self._bug

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await self.application.streams.end()
        await super().shutdown(sockets)
        for connection in [*self.server_state.connections]:  # whose peers don't take the rest
            connection.transport.abort()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        self._captured_signals.clear()  # which would be raised again: but it ended in order

    def _failed(self, error: BaseException) -> None:
        log.error("an error of the server's own", exc_info=error)
        self._bug = error
        self.should_exit = True


def _listening(settings: ServeSettings, stack: contextlib.ExitStack) -> Iterator[socket.socket]:
    """Listen on each address; with port 0 all of them get the first one's port."""
    port = settings.port
    for name in settings.bind:
        try:
            listener = stack.enter_context(_listener(name, port, settings))
        except OSError as error:
            number = error.errno or 0
            words = os.strerror(number) if number > 0 else str(error)
            raise ConfigError(f"--bind {name} --port {port}: {words}") from None
        port = port or listener.getsockname()[1]
        yield listener


def _listener(name: str, port: int, settings: ServeSettings) -> socket.socket:
    [(family, _, _, _, address), *_] = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    is_every = address[0] == "::"
    has_ipv4 = any(re.fullmatch(r"[0-9.]+", other) for other in settings.bind)  # they would collide
    is_dual = is_every and not has_ipv4 and socket.has_dualstack_ipv6()
    if is_every and not is_dual and not has_ipv4:
        log.warning("--bind ::: this system serves IPv6 alone there; name an IPv4 address, too")
    return socket.create_server(address[:2], family=family, backlog=BACKLOG, dualstack_ipv6=is_dual)
