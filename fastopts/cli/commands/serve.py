"""`fastopts serve`: the market over HTTP, and its dashboard."""

import contextlib
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

import fastopts
from fastopts.cli import options
from fastopts.cli.options import RedisUrl, Venue, fraction
from fastopts.errors import ConfigError, extra_missing
from fastopts.logs import set_up_logging

__all__ = ("serve",)


def serve(
    bind: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ADDRESS",
            help="listen here (default: 127.0.0.1); repeatable, or with commas; ::"
            " is every address, of IPv4, too; other than loopback only with --tokens",
        ),
    ] = None,
    port: Annotated[int, typer.Option(metavar="N", help="0: any that is free")] = 8050,
    tokens: Annotated[
        Path | None, typer.Option(metavar="FILE", help="who may ask: lines name:token")
    ] = None,
    hosts: Annotated[
        list[str] | None,
        typer.Option("--allow-host", metavar="NAME", help="answer to this name, too; repeatable"),
    ] = None,
    origins: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-origin", metavar="ORIGIN", help="answer pages of https://desk.example, too"
        ),
    ] = None,
    cors: Annotated[
        list[str] | None,
        typer.Option("--cors", metavar="ORIGIN", help="let scripts of this origin read answers"),
    ] = None,
    trusted_proxies: Annotated[
        list[str] | None,
        typer.Option(
            "--trusted-proxy",
            metavar="ADDRESS",
            help="believe X-Forwarded-For and Forwarded of this address or network (10.0.0.0/24);"
            " repeatable, or with commas",
        ),
    ] = None,
    root_path: Annotated[
        str,
        typer.Option(metavar="PATH", help="a proxy has it under this path, such as /fastopts"),
    ] = "",
    ready_share: Annotated[
        float,
        typer.Option(parser=fraction, metavar="90%", help="ready: so much of it is live"),
    ] = "90%",  # type: ignore[assignment]
    ready_age_s: Annotated[
        float, typer.Option("--ready-age", metavar="S", help="ready: the newest tick is younger")
    ] = 10.0,
    beat_ms: Annotated[
        int, typer.Option(metavar="MS", min=50, max=5000, help="streams tell of changes this often")
    ] = 200,
    redis_url: RedisUrl = None,
    venue: Venue = None,
) -> None:
    """Serve the market: REST at /v1, streams of changes, /metrics, and a dashboard at /.

    Read-only. It listens on loopback; any other address needs tokens, which each request sends as
    `Authorization: Bearer <token>` and a browser asks for as a password.
    """
    try:
        from fastopts.serve import run
    except ModuleNotFoundError as error:
        raise ConfigError(extra_missing(error.name or "fastapi", "serve")) from None
    from fastopts.reader.asynchronous import AsyncOptionReader
    from fastopts.serve.http import tokens as files
    from fastopts.serve.settings import ServeSettings

    found = options.source(redis_url, venue)
    log_format = options.load().log_format
    settings = ServeSettings(
        bind=tuple(_split(bind)) if bind is not None else ("127.0.0.1",),
        port=port,
        tokens=None if tokens is None else files.read(tokens),
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
    options.check_tls(found)
    with contextlib.closing(set_up_logging(log_format)) as handler:
        logging.getLogger("uvicorn").handlers[:] = [handler]
        logging.getLogger("uvicorn").setLevel(logging.WARNING)
        run.serve(AsyncOptionReader(found.url, found.venue, password=found.password), settings)


def _split(values: Iterable[str]) -> list[str]:
    """The parts of *values*, which may hold several each with commas between."""
    return [part.strip() for value in values for part in value.split(",")]
