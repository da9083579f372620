"""HTTP server of the metrics, in the collector's own event loop.

The HTTP is that of the `websockets` library, which is loaded anyway: it limits the size of a
request and the time that one may take. No request ever becomes a WebSocket here. Whatever clients
send, they cannot delay the collector by more than rendering once a second takes.
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

from fastopts.collector.limits import CollectorLimits
from fastopts.collector.store.outage_log import ConditionLog
from fastopts.errors import ConfigError
from fastopts.hosts import is_loopback

__all__ = ("CONNECTIONS_MAX", "MetricsServer")

log = logging.getLogger(__name__)

PATH: Final = "/metrics"
# A scrape needs one; the limit keeps a flood from using up the file descriptors.
CONNECTIONS_MAX: Final = 16
# A web page whose name resolves to 127.0.0.1 (DNS rebinding) sends its own name as Host.
_LOOPBACK_HOST: Final = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?", re.IGNORECASE)

# websockets logs each malformed request: a client must not be able to fill the log.
_silent = logging.getLogger(f"{__name__}.peers")
_silent.setLevel(logging.CRITICAL + 1)


class MetricsServer:
    """Serves the text that *render* returns, as an asynchronous context manager.

    On a loopback address it answers only requests for a loopback Host. Port 0 binds any free port;
    `port` is the bound one. Entering raises ConfigError when it cannot listen on *host* and *port*.
    """

    def __init__(
        self,
        host: str,
        port: int,
        render: Callable[[], bytes],
        limits: CollectorLimits | None = None,
    ) -> None:
        self.port = port
        self._host = host
        self._render = render
        limits = limits or CollectorLimits()
        self._cache_s = limits.metrics_cache_s
        self._request_within_s = limits.metrics_request_within_s
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
                open_timeout=self._request_within_s,
                close_timeout=self._request_within_s,
                logger=_silent,
                create_connection=_counted(self._transports),
            )
        except OSError as error:
            reason = error.strerror or error
            raise ConfigError(
                f"--metrics-port: cannot listen on {self._host}, port {self.port}: {reason}"
            ) from error
        self.port = next(iter(self._server.sockets)).getsockname()[1]
        log.info("metrics at http://%s:%d%s", _bracketed(self._host), self.port, PATH)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for transport in list(self._transports):
            transport.abort()  # otherwise the slowest client would delay the shutdown
        await self._server.wait_closed()

    def _answer(self, connection: ServerConnection, request: Request) -> Response:
        hosts = request.headers.get_all("Host")
        if self._is_loopback and not (len(hosts) == 1 and _LOOPBACK_HOST.fullmatch(hosts[0])):
            return _response(HTTPStatus.FORBIDDEN, b"use the host 127.0.0.1 or localhost\n")
        if request.path.partition("?")[0] != PATH:
            return _response(HTTPStatus.NOT_FOUND, f"not found; metrics are at {PATH}\n".encode())
        now = asyncio.get_running_loop().time()
        try:
            text = self._text(now)
        except Exception as error:  # noqa: BLE001 - a bug here must not end the collector
            self._failing.begin(f"metrics cannot be rendered: {error!r}", now)
            return _response(HTTPStatus.INTERNAL_SERVER_ERROR, b"see the collector's log\n")
        self._failing.end("metrics are rendered again", now)
        return _response(HTTPStatus.OK, text, CONTENT_TYPE_PLAIN_0_0_4)

    def _text(self, now: float) -> bytes:
        # Scrapes in quick succession get the same text: a flood costs no more than one.
        if now - self._rendered_at >= self._cache_s:
            self._rendered = self._render()
            self._rendered_at = now
        return self._rendered


def _counted(transports: set[asyncio.Transport]) -> type[ServerConnection]:
    class Connection(ServerConnection):
        """Is in *transports* while it is open; aborted at once when there are too many."""

        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            super().connection_made(transport)
            # uvloop's transports have asyncio's methods, but not its classes
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


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
