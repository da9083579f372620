"""The `fastopts` command: finds the command to run, imports it, and runs it.

Nothing else is imported: `--help` answers in a tenth of a second, and the collector does not carry
the memory of commands that it does not use.
"""

import difflib
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Final

import fastopts
from fastopts import command_line
from fastopts.cli.command_list import COMMANDS
from fastopts.errors import BadInput

__all__ = ("main",)

_ABOUT: Final = "Bybit's option market in Redis: live quotes, never a stale value as live."
_OPTIONS: Final = {
    "--version": "show the version, the core (compiled or pure) and Python",
    "-h, --help": "show this help; fastopts COMMAND --help shows a command's options",
}
# What the scripts of `fastopts completion` call; no command of a user.
_COMPLETE: Final = "__complete"
_WIDTH_MAX: Final = 80  # longer lines are harder to read
_EXIT_CODES: Final = (
    "Exit codes: 0 success; 1 failure (no Redis, stale data, no match, a failed check); 2 usage or"
    " configuration error; 130 interrupted."
)


def main(words: Sequence[str] | None = None) -> int:
    """Run the command line, by default `sys.argv`; return the exit code."""
    arguments = sys.argv[1:] if words is None else words
    return command_line.guarded(lambda: _main(arguments))


def _main(words: Sequence[str]) -> int:
    name, arguments = (words[0], words[1:]) if words else ("--help", [])
    if name in ("--help", "-h"):
        print(_help())  # noqa: T201
        return 0
    if name == "--version":
        print(_version())  # noqa: T201
        return 0
    if name == _COMPLETE:
        from fastopts.cli.completion import candidates as completion

        return completion.answer("".join(arguments[:1]), arguments[1:])
    if name not in COMMANDS:
        matches = difflib.get_close_matches(name, [*COMMANDS, "--help", "--version"], 1)
        hint = f"did you mean {matches[0]}?" if matches else "fastopts --help lists the commands"
        kind = "option" if name.startswith("-") else "command"
        raise BadInput(f"unknown {kind} {name}; {hint}")
    entry = COMMANDS[name]
    module, _, function = entry.target.partition(":")
    return command_line.run(
        getattr(import_module(module), function),
        arguments,
        program=f"fastopts {name}",
        example=entry.example,
    )


def _help() -> str:
    width = min(shutil.get_terminal_size().columns, _WIDTH_MAX) - 1
    commands = {name: entry.summary for name, entry in COMMANDS.items()}
    return "\n".join(
        (
            "Usage: fastopts COMMAND [OPTIONS]",
            "",
            textwrap.fill(_ABOUT, width),
            "",
            "Commands:",
            *_listed(commands, width),
            "",
            "Options:",
            *_listed(_OPTIONS, width),
            "",
            textwrap.fill(_EXIT_CODES, width),
            "",
            "Example: fastopts doctor",
        )
    )


def _listed(texts: Mapping[str, str], width: int) -> Iterator[str]:
    """A line for each name with its text, which is wrapped under itself."""
    column = max(map(len, texts)) + 4
    for name, text in texts.items():
        head = f"  {name}".ljust(column)
        yield textwrap.fill(text, width, initial_indent=head, subsequent_indent=" " * column)


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


if __name__ == "__main__":
    sys.exit(main())
