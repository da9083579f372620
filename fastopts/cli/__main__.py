"""The `fastopts` command: finds out which command is meant, and runs it.

Only then is anything imported that the command needs. So `--help` answers at once, and the
collector is spared the memory of a command line it does not use.
"""

import difflib
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

import fastopts
from fastopts import ending, stdio
from fastopts.cli.command_list import COMMANDS, Command
from fastopts.errors import ConfigError

__all__ = ("main",)

_HELP: Final = """\
Usage: fastopts COMMAND [OPTIONS]

Bybit's whole options market in Redis: a few per cent of a core, and never a
stale number.

Commands:
{commands}

Options:
  --version  version, implementation of the core, Python
  --help     this; fastopts COMMAND --help shows a command's options

Exit codes: 0 done; 1 not done (no Redis, stale data, nothing found, a red
check); 2 a word or a setting is wrong; 130 interrupted.

Example: fastopts doctor"""


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code."""
    stdio.prepare()
    try:
        code = _main(sys.argv[1:] if words is None else words)
        sys.stdout.flush()
    except BrokenPipeError:
        stdio.give_up(sys.stdout)
        return 0
    except ending.EXPECTED as error:
        if isinstance(error, OSError):
            stdio.give_up(sys.stdout)
        return ending.exit_code(error)
    return code


def _main(words: Sequence[str]) -> int:
    name, rest = (words[0], words[1:]) if words else ("--help", [])
    if name in ("--help", "-h"):
        _say(_help())
        return 0
    if name == "--version":
        _say(_version())
        return 0
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, 1)
        hint = f"did you mean {near[0]}?" if near else "fastopts --help lists those there are"
        raise ConfigError(f"there is no command {name}; {hint}")
    if not COMMANDS[name].place:
        from fastopts import track

        return track.main(rest, name)
    return _run(name, COMMANDS[name], rest)


def _help() -> str:
    width = max(map(len, COMMANDS))
    commands = "\n".join(f"  {name:<{width}}  {c.line}" for name, c in COMMANDS.items())
    return _HELP.format(commands=commands)


def _version() -> str:
    import platform

    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"fastopts {fastopts.__version__}, {_core()} core, {python}"


def _core() -> str:
    try:
        from fastopts.core import IMPLEMENTATION
    except ImportError:
        return "missing"
    return IMPLEMENTATION


def _run(name: str, command: Command, words: Sequence[str]) -> int:
    import typer

    module, _, function = command.place.partition(":")
    app = typer.Typer(add_completion=False, rich_markup_mode=None)
    app.command(epilog=f"\b\nExample: fastopts {name} {command.example}")(
        getattr(import_module(module), function)
    )
    parser = typer.main.get_command(app)
    try:
        with parser.make_context(f"fastopts {name}", list(words)) as context:
            parser.invoke(context)
    except typer.Exit as end:
        return end.exit_code
    except typer.TyperException as error:
        return ending.complain(
            f"{error.format_message()} (fastopts {name} --help)", error.exit_code
        )
    return 0


def _say(text: str) -> None:
    print(text)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
