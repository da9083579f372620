"""Answers `GET /metrics` in the collector's own loop, and harms it in no way.

The HTTP is that of the `websockets` library, which is loaded anyway: it bounds the size of a
request and the time that one may take. No request ever becomes a WebSocket here.
"""

import asyncio
import logging
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Final, Self, cast

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from fastopts.collector.store.outage_log import ConditionLog
from fastopts.errors import ConfigError
from fastopts.hosts import is_loopback

__all__ = ("CONNECTIONS_MAX", "MetricsServer")

log = logging.getLogger(__name__)

PATH: Final = "/metrics"
CONNECTIONS_MAX: Final = 16
REQUEST_WITHIN_S: Final = 5.0
KEPT_S: Final = 1.0  # whoever asks again within it gets the same text: a flood costs no more
# As a browser on this machine is made to ask by a page whose name leads to 127.0.0.1.
_LOOPBACK_HOST: Final = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?", re.IGNORECASE)

# What a stranger sends must not fill the log.
_silent = logging.getLogger(f"{__name__}.peers")
_silent.setLevel(logging.CRITICAL + 1)


class MetricsServer:
    """Serves what *render* returns, from entering to leaving.

    To a socket of loopback it lets only who asks for it by a name of loopback. Entering raises
    ConfigError when it can't listen on *host* and *port*; a port 0 is any, and `port` tells which.
    """

    def __init__(self, host: str, port: int, render: Callable[[], bytes]) -> None:
        self.port = port
        self._host = host
        self._render = render
        self._is_loopback = is_loopback(host)
        self._rendered = b""
        self._rendered_at = float("-inf")
        self._failing = ConditionLog(logging.ERROR)
        self._transports: set[asyncio.Transport] = set()
        self._server: Server | None = None

    async def __aenter__(self) -> Self:
        try:
            self._server = await serve(
                _never_reached,
                self._host,
                self.port,
                process_request=self._answer,
                server_header=None,
                compression=None,
                open_timeout=REQUEST_WITHIN_S,
                close_timeout=REQUEST_WITHIN_S,
                logger=_silent,
                create_connection=_counted(self._transports),
            )
        except OSError as error:
            reason = error.strerror or error
            raise ConfigError(
                f"--metrics-port: can't listen on {self._host}, port {self.port}: {reason}"
            ) from error
        self.port = next(iter(self._server.sockets)).getsockname()[1]
        log.info("metrics at http://%s:%d%s", _shown(self._host), self.port, PATH)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for transport in list(self._transports):
            transport.abort()  # or the slowest of them would hold up the end
        await self._server.wait_closed()

    def _answer(self, connection: ServerConnection, request: Request) -> Response:
        hosts = request.headers.get_all("Host")
        if self._is_loopback and not (len(hosts) == 1 and _LOOPBACK_HOST.fullmatch(hosts[0])):
            return _response(HTTPStatus.FORBIDDEN, b"ask for 127.0.0.1 or localhost\n")
        if request.path.partition("?")[0] != PATH:
            return _response(HTTPStatus.NOT_FOUND, f"there is only {PATH}\n".encode())
        now = asyncio.get_running_loop().time()
        try:
            text = self._text(now)
        except Exception as error:  # noqa: BLE001 - the collector must outlive it
            self._failing.begin(f"no metrics can be told: {error!r}", now)
            return _response(HTTPStatus.INTERNAL_SERVER_ERROR, b"see the collector's log\n")
        self._failing.end("metrics can be told again", now)
        return _response(HTTPStatus.OK, text, CONTENT_TYPE_PLAIN_0_0_4)

    def _text(self, now: float) -> bytes:
        if now - self._rendered_at >= KEPT_S:
            self._rendered = self._render()
            self._rendered_at = now
        return self._rendered


def _counted(transports: set[asyncio.Transport]) -> type[ServerConnection]:
    class Connection(ServerConnection):
        """Stands in *transports* while it is open; one too many is ended at once."""

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            # uvloop's transports are asyncio's by their methods only
            transports.add(cast("asyncio.Transport", transport))
            if len(transports) > CONNECTIONS_MAX:
                self.transport.abort()

        def connection_lost(self, exc: Exception | None) -> None:
            transports.discard(self.transport)
            super().connection_lost(exc)

    return Connection


async def _never_reached(connection: ServerConnection) -> None:
    raise AssertionError("a request became a WebSocket")


def _response(status: HTTPStatus, body: bytes, kind: str = "text/plain; charset=utf-8") -> Response:
    headers = Headers(
        {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Connection": "close",
        }
    )
    return Response(status.value, status.phrase, headers, body)


def _shown(host: str) -> str:
    return f"[{host}]" if ":" in host else host
