"""`python -m fastopts.track [track|fetch|refresh]`: arguments in, collector started.

Exit codes: 0 done, 1 it could not go on, 2 a setting or an argument is wrong, 130 interrupted
before it could end in order; a second signal and a crash end it by their own number.
"""

import argparse
import asyncio
import contextlib
import difflib
import faulthandler
import logging
import os
import sys
from collections import Counter
from collections.abc import Coroutine, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar

import fastopts
from fastopts import config, ending, loops, stdio
from fastopts.errors import ConfigError
from fastopts.model import Instrument

__all__ = ("main",)

USER_AGENT = f"fastopts/{fastopts.__version__}"
log = logging.getLogger("fastopts.track")  # not __main__, which it may be called
COMMANDS = {
    "track": "run",
    "fetch": "list the universe into the cache file, and print what there is",
    "refresh": "run, but never on the cache file's universe",
}
T = TypeVar("T")


class _Parser(argparse.ArgumentParser):
    """Complains in one line. The collector's memory is why this is no larger library."""

    def error(self, message: str) -> NoReturn:
        raise ConfigError(message)


def _parser(command: str | None) -> _Parser:
    prog = "python -m fastopts.track" if command is None else f"fastopts {command}"
    parser = _Parser(
        prog=prog,
        description=f"Bring a venue's whole options market into Redis. {_explained(command)}",
        epilog="Every option is also read from FASTOPTS_<NAME>, then from fastopts.toml;"
        " REDIS_PASSWORD holds the password of a Redis URL that has none."
        f" Example: {prog} --coins BTC,ETH --redis-url redis://localhost:6379/1",
        allow_abbrev=False,
    )
    if command is None:
        parser.add_argument(
            "command",
            nargs="?",
            choices=COMMANDS,
            default="track",
            help="which of them; track unless told otherwise",
        )
    else:
        parser.set_defaults(command=command)
    for name, setting in config.SETTINGS.items():
        if setting.metavar is None:
            parser.add_argument(_option(name), action="store_true", default=None, help=setting.help)
        else:
            parser.add_argument(_option(name), metavar=setting.metavar, help=setting.help)
    return parser


def _explained(command: str | None) -> str:
    names = COMMANDS if command is None else (command,)
    return "; ".join(f"{name}: {COMMANDS[name]}" for name in names)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _arguments(words: Sequence[str], command: str | None) -> argparse.Namespace:
    options = ["--help", *map(_option, config.SETTINGS)]
    for word in words:
        option = word.split("=")[0]
        if option.startswith("--") and option not in options:
            near = difflib.get_close_matches(option, options, 1)
            hint = f"did you mean {near[0]}?" if near else "--help lists those there are"
            raise ConfigError(f"there is no option {option}; {hint}")
    return _parser(command).parse_args(words)


def main(words: Sequence[str] | None = None, command: str | None = None) -> int:
    """Run the command line; return the exit code. A *command* that is given is not in *words*."""
    stdio.prepare()
    faulthandler.enable()
    try:
        with stdio.quiet_pipes():
            _run(_arguments(sys.argv[1:] if words is None else words, command))
    except ending.EXPECTED as error:
        return ending.exit_code(error)
    return 0


def _run(arguments: argparse.Namespace) -> None:
    # Not above: what can't be imported here, such as a core that is not built, is one line, too.
    from fastopts.collector.operation import heap
    from fastopts.collector.run import collect, fetch
    from fastopts.logs import set_up_logging

    given = vars(arguments)
    command = given.pop("command")
    settings = config.load(given, os.environ, config.read_file(os.environ))
    with contextlib.closing(set_up_logging(settings.log_format)):
        for words in settings.remarks:
            log.warning("%s", words)
        if command == "fetch":
            print("\n".join(_summary(_in_loop(fetch(settings, USER_AGENT)))))  # noqa: T201
        else:
            heap.bound()
            _in_loop(collect(settings, USER_AGENT, may_use_cache=command == "track"))


def _in_loop(main: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=loops.factory()) as runner:
        return runner.run(main)


def _summary(listed: Sequence[Instrument]) -> list[str]:
    """How many options there are per coin, settle coin and expiry."""
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
