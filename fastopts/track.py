"""`python -m fastopts.track [track|fetch|refresh]`: arguments in, collector started.

Exit codes: 0 done, 1 it could not go on, 2 a setting or an argument is wrong.
"""

import asyncio
import faulthandler
import os
import sys
import tomllib
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

import fastopts
from fastopts import config
from fastopts.collector import report
from fastopts.collector.run import collect, fetch
from fastopts.errors import ConfigError, FastoptsError
from fastopts.model import Instrument

__all__ = ("app", "main")

USER_AGENT = f"fastopts/{fastopts.__version__}"
T = TypeVar("T")


class Command(StrEnum):
    TRACK = "track"
    FETCH = "fetch"
    REFRESH = "refresh"


app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


@app.command(
    epilog="Example: python -m fastopts.track --coins BTC,ETH --redis-url redis://localhost:6379/1"
)
def track(
    command: Annotated[
        Command,
        typer.Argument(
            help="track: run. fetch: list the universe into the cache file. "
            "refresh: as track, but never from the cache file."
        ),
    ] = Command.TRACK,
    coins: Annotated[str | None, typer.Option(help="Coins, as BTC,ETH,SOL.")] = None,
    venue: Annotated[str | None, typer.Option(help="bybit or sim.")] = None,
    testnet: Annotated[bool | None, typer.Option("--testnet", help="Bybit's testnet.")] = None,
    rest_url: Annotated[str | None, typer.Option(help="REST at another host.")] = None,
    ws_url: Annotated[str | None, typer.Option(help="WebSocket elsewhere, with its path.")] = None,
    redis_url: Annotated[
        str | None, typer.Option(help="redis://, rediss:// or unix://. [default: localhost:6379]")
    ] = None,
    flush_ms: Annotated[str | None, typer.Option(help="Write this often. [default: 5]")] = None,
    latency_ms: Annotated[
        str | None, typer.Option(help="Read sockets this often, to save CPU. [default: at once]")
    ] = None,
    duration: Annotated[str | None, typer.Option(help="Stop after 90s, 10m or 2h.")] = None,
    log_format: Annotated[str | None, typer.Option(help="text or json.")] = None,
    cache_file: Annotated[str | None, typer.Option(help="Where the universe is kept.")] = None,
    refresh_s: Annotated[
        str | None, typer.Option(help="Refresh the universe this often. [default: 300]")
    ] = None,
    status_s: Annotated[
        str | None, typer.Option(help="A status line this often. [default: 5]")
    ] = None,
    insecure: Annotated[
        bool | None, typer.Option("--insecure", help="Loopback only: any certificate.")
    ] = None,
) -> None:
    """Bring a venue's whole options market into Redis.

    Every option is also read from FASTOPTS_<NAME>, then from fastopts.toml; REDIS_PASSWORD holds
    the password of a Redis URL that has none.
    """
    given = {name: value for name, value in locals().items() if name != "command"}
    settings = config.load(given, os.environ, _file(os.environ))
    report.set_up_logging(settings.log_format)
    if command is Command.FETCH:
        _show(_run(fetch(settings, USER_AGENT)))
    else:
        _run(collect(settings, USER_AGENT, may_use_cache=command is Command.TRACK))


def _file(environ: Mapping[str, str]) -> dict[str, Any]:
    named = environ.get("FASTOPTS_CONFIG")
    path = Path(named or "fastopts.toml")
    if named is None and not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}") from error


def _run(main: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        return runner.run(main)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop's, where there is one: 20 to 60 % less CPU."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def _show(listed: Sequence[Instrument]) -> None:
    """Print how many options there are per coin, settle coin and expiry."""
    series = Counter((i.asset, i.settle, i.expiry_ms) for i in listed)
    for asset in sorted({i.asset for i in listed}):
        total = sum(count for (coin, _, _), count in series.items() if coin == asset)
        typer.echo(f"{asset}: {total}")
        for (coin, settle, expiry_ms), count in sorted(series.items()):
            if coin == asset:
                day = datetime.fromtimestamp(expiry_ms / 1000, UTC).strftime("%d%b%y").upper()
                typer.echo(f"  {settle} {day.lstrip('0')} {count}")
    typer.echo(f"{len(listed)} options")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    faulthandler.enable()
    try:
        app(arguments, prog_name="python -m fastopts.track", standalone_mode=False)
    except typer.TyperException as error:
        return _complain(error.format_message(), 2)
    except ConfigError as error:
        return _complain(str(error), 2)
    except FastoptsError as error:
        return _complain(str(error), 1)
    except (KeyboardInterrupt, typer.Abort):
        return 130
    return 0


def _complain(words: str, code: int) -> int:
    typer.echo(f"fastopts: {words}", err=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
