"""The candidates for the word at the cursor, from the words of the line up to it."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Final, get_origin

from fastopts.cli.command_list import COMMANDS
from fastopts.cli.completion import values
from fastopts.cli.completion.scripts import FILES
from fastopts.command_line import ParameterSpec, described
from fastopts.errors import FastoptsError

__all__ = ("Candidate", "answer", "candidates")

_PROGRAM_OPTIONS: Final = {"--help": "show the help", "--version": "show the version"}
_FILE_METAVARS: Final = ("FILE", "FILES", "PATH", "DIR")

Candidate = tuple[str, str]  # the text to insert, and its description


def answer(shell: str, arguments: Sequence[str]) -> int:
    """Print a candidate a line, as *shell* reads them; `:files` for the names of files.

    *arguments* are the tokens behind the program's name, the last one up to the cursor, or for bash
    its whole line. Errors print nothing: Tab must not disturb the line.
    """
    tokens = list(arguments)
    if shell == "bash":
        tokens = [typed for line in arguments[:1] for typed in _split(line)[1:]]
    try:
        lines = [_line(shell, *candidate) for candidate in candidates(tokens or [""])]
    except (FastoptsError, ImportError, OSError):
        lines = []
    print("\n".join(lines))  # noqa: T201
    return 0


def candidates(tokens: Sequence[str]) -> Iterator[Candidate]:
    """The candidates for the last of *tokens* behind the program's name, in the order of the help.

    May raise FastoptsError where values come from Redis, and ImportError.
    """
    *before, typed = tokens
    if not before:
        commands = {name: entry.summary for name, entry in COMMANDS.items()}
        yield from _matching((commands | _PROGRAM_OPTIONS).items(), typed)
        return
    if before[0] not in COMMANDS:
        return
    module, _, function = COMMANDS[before[0]].target.partition(":")
    line = _Line(described(getattr(import_module(module), function)))
    for each in before[1:]:
        line.take(each)
    yield from line.complete(typed)


@dataclass(slots=True)
class _Line:
    """The tokens of a command that are complete, sorted into options and arguments."""

    parameters: list[tuple[str, Any, ParameterSpec]]
    used: dict[str, str] = field(default_factory=dict)  # texts by the name of the parameter
    pending: str = ""  # an option whose value comes next
    is_only_arguments: bool = False
    arguments: int = 0

    def take(self, typed: str) -> None:
        """Add a complete word."""
        if self.pending:
            self.used[self._options()[self.pending][0]] = typed
            self.pending = ""
        elif typed == "--":
            self.is_only_arguments = True
        elif typed.startswith("--") and not self.is_only_arguments:
            self._take_option(typed)
        else:
            parameter = self._argument()
            self.arguments += 1
            if parameter is not None:
                self.used[parameter[0]] = typed

    def complete(self, typed: str) -> Iterator[Candidate]:
        """The candidates for *typed*, which follows."""
        name, sign, value = typed.partition("=")
        options = self._options()
        if self.pending:
            yield from self._values(options[self.pending], typed)
        elif typed.startswith("-") and not self.is_only_arguments:
            if sign and name in options:
                # in one word with its option
                for text, note in self._values(options[name], value):
                    yield (text if text == FILES else f"{name}={text}"), note
            else:
                yield from _matching(self._offered(), typed)
        elif (parameter := self._argument()) is not None:
            yield from self._values(parameter, typed)

    def _take_option(self, typed: str) -> None:
        name, sign, value = typed.partition("=")
        parameter = self._options().get(name)
        if parameter is None:
            return
        self.used[parameter[0]] = value
        if parameter[2].metavar is not None and not sign:
            self.pending = name

    def _options(self) -> Mapping[str, tuple[str, Any, ParameterSpec]]:
        """The parameters by every spelling of their options."""
        return {
            spelling: parameter
            for parameter in self.parameters
            if not parameter[2].is_argument
            for spelling in _spellings(parameter[2])
        }

    def _offered(self) -> Iterator[Candidate]:
        """The options that may still follow: those that are used only if they may be repeated."""
        for spelling, (name, kind, spec) in self._options().items():
            if name not in self.used or get_origin(kind) is list:
                yield spelling, spec.help
        yield "--help", _PROGRAM_OPTIONS["--help"]

    def _argument(self) -> tuple[str, Any, ParameterSpec] | None:
        """The argument that comes next; the last one may take any number of tokens."""
        listed = [each for each in self.parameters if each[2].is_argument]
        if self.arguments < len(listed):
            return listed[self.arguments]
        return listed[-1] if listed and get_origin(listed[-1][1]) is list else None

    def _values(self, parameter: tuple[str, Any, ParameterSpec], typed: str) -> Iterator[Candidate]:
        name, kind, spec = parameter
        if spec.metavar in _FILE_METAVARS:
            yield FILES, ""
        else:
            texts = values.of(name, kind, typed, self.used)
            yield from _matching(((text, "") for text in texts), typed)


def _spellings(spec: ParameterSpec) -> tuple[str, ...]:
    return (spec.name, f"--no-{spec.name[2:]}") if spec.is_negatable else (spec.name,)


def _matching(offered: Any, typed: str) -> Iterator[Candidate]:
    """Those that begin with *typed*, in any case: `btc` completes to BTC."""
    for text, note in offered:
        if text.lower().startswith(typed.lower()):
            yield text, note


def _line(shell: str, text: str, note: str) -> str:
    if shell == "bash" or not note or text == FILES:
        return text.replace(":", r"\:") if shell == "zsh" and text != FILES else text
    return f"{text.replace(':', chr(92) + ':')}:{note}" if shell == "zsh" else f"{text}\t{note}"


def _split(line: str) -> list[str]:
    """The tokens of a shell's *line*; the last one is empty behind a space."""
    for quote in ("", '"', "'"):  # the cursor may be within quotes
        try:
            tokens = shlex.split(line + quote)
        except ValueError:
            continue
        return [*tokens, ""] if line[-1:].isspace() and not quote else tokens
    return []
