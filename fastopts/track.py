"""`python -m fastopts.track [track|fetch|refresh]`: parse the options, start the collector.

Exit codes: 0 done; 1 failed; 2 usage or configuration error; 130 interrupted before an orderly
shutdown. A second signal, and a crash, end the process with that signal's number.
"""

import asyncio
import contextlib
import faulthandler
import logging
import os
import sys
from collections import Counter
from collections.abc import Coroutine, Iterator, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, TypeVar

import fastopts
from fastopts import command_line, config, loops
from fastopts.cli.setting_options import with_settings
from fastopts.command_line import argument
from fastopts.config import SETTINGS, Settings
from fastopts.model import Instrument

__all__ = ("collector", "fetch", "main", "refresh", "track")

USER_AGENT = f"fastopts/{fastopts.__version__}"
# not __name__, which is __main__ when this file is the program
log = logging.getLogger("fastopts.track")
T = TypeVar("T")


@with_settings
def track(**settings: Any) -> int:
    """Collect the venue's option tickers into Redis until stopped.

    The list of instruments comes from the cache file while that is recent, otherwise from REST.

    Every option can also be set as FASTOPTS_<NAME> in the environment or as <name> in
    fastopts.toml. REDIS_PASSWORD is the password of a Redis URL that has none.
    """
    return _collect(settings, may_use_cache=True)


@with_settings
def refresh(**settings: Any) -> int:
    """Run like `track`, but start with a new list of instruments from REST.

    Every option can also be set as FASTOPTS_<NAME> in the environment or as <name> in
    fastopts.toml. REDIS_PASSWORD is the password of a Redis URL that has none.
    """
    return _collect(settings, may_use_cache=False)


def fetch(**settings: Any) -> int:
    """List the venue's options, write them to the cache file, and print how many there are.

    Every option can also be set as FASTOPTS_<NAME> in the environment or as <name> in
    fastopts.toml.
    """
    from fastopts.collector import run

    with _loaded(settings) as loaded:
        listed = _in_loop(run.fetch(loaded, USER_AGENT))
        print("\n".join(_summary(listed)))  # noqa: T201
    return 0


# What a single request to the venue and one file need. The others stay accepted, for scripts that
# pass the same options to all three commands.
_FETCH_SETTINGS: Final = (
    *("venue", "testnet", "coins", "rest_url", "ws_url", "insecure", "cache_file", "log_format"),
)
fetch = with_settings(fetch, SETTINGS.keys() - set(_FETCH_SETTINGS), "fetch")


@with_settings
def collector(
    command: Annotated[
        Literal["track", "fetch", "refresh"],
        argument(
            "COMMAND",
            help="track: collect until stopped; fetch: list the options into the"
            " cache file; refresh: like track, but with a new list",
        ),
    ] = "track",
    **settings: Any,
) -> int:
    """Collect the venue's option tickers into Redis until stopped.

    Every option can also be set as FASTOPTS_<NAME> in the environment or as <name> in
    fastopts.toml. REDIS_PASSWORD is the password of a Redis URL that has none.
    """
    return _COMMANDS[command](**settings)


_COMMANDS: Final = {"track": track, "fetch": fetch, "refresh": refresh}


def main(words: Sequence[str] | None = None) -> int:
    """Run `python -m fastopts.track`, by default on `sys.argv`; return the exit code."""
    program = "python -m fastopts.track"
    arguments = sys.argv[1:] if words is None else words
    if arguments and arguments[0] in _COMMANDS:
        name = arguments[0]
        return command_line.main(_COMMANDS[name], arguments[1:], program=f"{program} {name}")
    example = "--coins BTC,ETH --redis-url redis://localhost:6379/1"
    return command_line.main(collector, arguments, program=program, example=example)


def _collect(values: dict[str, Any], may_use_cache: bool) -> int:
    # Imported here, where an ImportError (a core that is not built) is reported in one line, and
    # where --help does without it.
    from fastopts.collector.operation import heap
    from fastopts.collector.run import collect

    with _loaded(values) as settings:
        faulthandler.enable()  # a crash in compiled code leaves a Python traceback on stderr
        heap.bound()
        _in_loop(collect(settings, USER_AGENT, may_use_cache=may_use_cache))
    return 0


@contextlib.contextmanager
def _loaded(values: dict[str, Any]) -> Iterator[Settings]:
    """The settings that *values*, the environment and the file give; logging is set up."""
    from fastopts.logs import set_up_logging

    settings = config.load(values, os.environ, config.read_file(os.environ))
    with contextlib.closing(set_up_logging(settings.log_format)):
        for remark in settings.remarks:
            log.warning("%s", remark)
        yield settings


def _in_loop(main: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=loops.factory()) as runner:
        return runner.run(main)


def _summary(listed: Sequence[Instrument]) -> list[str]:
    """The number of options per coin, settle coin and expiry, a line each."""
    series = Counter((i.asset, i.settle, i.expiry_ms) for i in listed)
    lines = []
    for asset in sorted({i.asset for i in listed}):
        lines.append(f"{asset}: {sum(n for (coin, _, _), n in series.items() if coin == asset)}")
        for (coin, settle, expiry_ms), count in sorted(series.items()):
            if coin == asset:
                day = datetime.fromtimestamp(expiry_ms / 1000, UTC).strftime("%d%b%y").upper()
                lines.append(f"  {settle} {day.lstrip('0'):>7} {count:5}")
    return [*lines, f"{len(listed)} options"]


if __name__ == "__main__":
    sys.exit(main())
