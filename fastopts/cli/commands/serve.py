"""`fastopts serve`: HTTP API, streams and dashboard."""

import contextlib
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Final

import fastopts
from fastopts.cli import options
from fastopts.cli.options import StoreLocation, fraction, reads_store
from fastopts.command_line import option
from fastopts.errors import MissingPackage, extra_missing
from fastopts.logs import set_up_logging

__all__ = ("serve",)

_ACCESS: Final = "Access"
_STREAMS: Final = "Streams and readiness"

BindOption = Annotated[
    list[str] | None,
    option(
        metavar="ADDRESS",
        help="address to listen on (default: 127.0.0.1); repeatable, or separated by commas;"
        " :: is every address, IPv4 included; other than loopback needs --tokens",
    ),
]
PortOption = Annotated[int, option(metavar="N", help="port to listen on; 0: any free port")]
RootPathOption = Annotated[
    str, option(metavar="PATH", help="path prefix at a reverse proxy, such as /fastopts")
]
TokensOption = Annotated[
    Path | None, option(metavar="FILE", help="access tokens, a line name:token each", group=_ACCESS)
]
AllowHostOption = Annotated[
    list[str] | None,
    option(
        "--allow-host",
        metavar="NAME",
        help="also accept this Host header; repeatable",
        group=_ACCESS,
    ),
]
AllowOriginOption = Annotated[
    list[str] | None,
    option(
        "--allow-origin",
        metavar="ORIGIN",
        help="also accept requests from pages of this origin, such as https://desk.example;"
        " repeatable",
        group=_ACCESS,
    ),
]
CorsOption = Annotated[
    list[str] | None,
    option(
        metavar="ORIGIN",
        help="let scripts of this origin read responses (CORS); repeatable",
        group=_ACCESS,
    ),
]
TrustedProxyOption = Annotated[
    list[str] | None,
    option(
        "--trusted-proxy",
        metavar="ADDRESS",
        help="use X-Forwarded-For and Forwarded from this address or network (10.0.0.0/24);"
        " repeatable, or separated by commas",
        group=_ACCESS,
    ),
]
ReadyShareOption = Annotated[
    float,
    option(
        parse=fraction,
        metavar="90%",
        help="minimum share of live options for /ready",
        group=_STREAMS,
    ),
]
ReadyAgeOption = Annotated[
    float,
    option(
        metavar="S",
        help="maximum age of the newest tick for /ready",
        deprecated=("--ready-age",),
        group=_STREAMS,
    ),
]
BeatOption = Annotated[
    int,
    option(
        metavar="MS",
        minimum=50,
        maximum=5000,
        help="interval of messages on streams",
        group=_STREAMS,
    ),
]


@reads_store
def serve(
    location: StoreLocation,
    bind: BindOption = None,
    port: PortOption = 8050,
    root_path: RootPathOption = "",
    tokens: TokensOption = None,
    hosts: AllowHostOption = None,
    origins: AllowOriginOption = None,
    cors: CorsOption = None,
    trusted_proxies: TrustedProxyOption = None,
    ready_share: ReadyShareOption = 0.9,
    ready_age_s: ReadyAgeOption = 10.0,
    beat_ms: BeatOption = 200,
) -> int:
    """Serve the market over HTTP: REST at /v1, streams of changes, /metrics, a dashboard at /.

    The server is read-only. It listens on loopback; any other address needs --tokens, which each
    request sends as `Authorization: Bearer <token>` and a browser asks for as a password.
    """
    # FastAPI and uvicorn are an extra: without them the other commands must work
    try:
        from fastopts.serve import run
    except ModuleNotFoundError as error:
        raise MissingPackage(extra_missing(error.name or "fastapi", "serve")) from None
    from fastopts.reader.asynchronous import AsyncOptionReader
    from fastopts.serve.http import tokens as token_files
    from fastopts.serve.settings import ServeSettings

    log_format = options.load().log_format
    settings = ServeSettings(
        bind=tuple(_split(bind)) if bind is not None else ("127.0.0.1",),
        port=port,
        tokens=None if tokens is None else token_files.read(tokens),
        hosts=tuple(name.lower() for name in hosts or ()),
        origins=tuple(origins or ()),
        cors=tuple(cors or ()),
        trusted_proxies=tuple(trusted_proxies or ()),
        root_path=root_path.rstrip("/"),
        ready_share=ready_share,
        ready_age_s=ready_age_s,
        beat_s=beat_ms / 1000,
        version=fastopts.__version__,
    )
    settings.check()
    # the server waits for a Redis that is down, but a certificate does not become valid by waiting
    options.check_tls(location)
    reader = AsyncOptionReader(location.url, location.venue, password=location.password)
    with contextlib.closing(set_up_logging(log_format)) as handler:
        # uvicorn's own handler would write in another format, and block on a full pipe
        logging.getLogger("uvicorn").handlers[:] = [handler]
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
        run.serve(reader, settings)
    return 0


def _split(values: Iterable[str]) -> list[str]:
    """Return the parts of *values*, each of which may hold several, separated by commas."""
    return [part.strip() for value in values for part in value.split(",")]
