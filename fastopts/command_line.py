"""The command-line layer of every program: an annotated function becomes an argparse parser.

    def chain(
        asset: Annotated[str, argument("ASSET", help="base coin, such as BTC")],
        strikes: Annotated[int | None, option(metavar="N", help="strikes to show")] = None,
    ) -> int: ...

    sys.exit(main(chain, program="fastopts chain"))

The style of all options, which `option` and the parser keep:

- A name says the unit of its value: `--refresh-s`, `--beat-ms`. Only `--duration`, how long a
  command runs, and `--record-keep`, a size, take a unit with the value: 90s, 10m, 2h; 20GB.
- A switch is `--x`; one that a setting may have turned on or off is `--x` and `--no-x`.
- A number may be written as tables print it: 5000, 5,000, 5k, 1.5M.
- A value may follow as `--x VALUE` or `--x=VALUE`, and may begin with a dash.
- An old spelling keeps working, with a deprecation warning on stderr.

The collector parses its options with this layer, so it may import argparse but no library: Typer
0.29 with its own imports adds 9.4 MB to the resident memory of the collector (37.4 MB without it,
CPython 3.11 on x86_64) and 150 ms to its start. Two libraries would mean two styles of help.
"""

import argparse
import contextlib
import difflib
import inspect
import itertools
import math
import re
import sys
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Final, Literal, NoReturn, TypeVar, Union, get_args, get_origin

from fastopts import ending, stdio
from fastopts.errors import BadInput
from fastopts.numerals import parse_number

__all__ = (
    "Command",
    "Function",
    "ParameterSpec",
    "argument",
    "described",
    "guarded",
    "main",
    "option",
    "run",
    "with_parameters",
    "with_signature",
)

Command = Callable[..., int]
Function = TypeVar("Function", bound=Callable[..., Any])

# The values that switches of settings took; as in the environment.
_BOOLEANS: Final = {
    **dict.fromkeys(("1", "true", "yes"), True),
    **dict.fromkeys(("0", "false", "no"), False),
}
_HELP: Final = ("-h", "--help")
_GROUP: Final = "Options"


@dataclass(frozen=True, slots=True)
class ParameterSpec:
    """How one parameter of a command is spelled, converted and explained.

    *name* is the option, such as `--json`; without one it follows from the parameter's name.
    *parse* raises a ValueError that says what is accepted. *deprecated* are older names. An option
    with a *warning*, such as `has no effect on fetch`, is accepted with it, and not in the help.
    """

    name: str = ""
    metavar: str | None = None
    help: str = ""
    parse: Callable[[str], Any] | None = None
    minimum: float | None = None
    maximum: float | None = None
    deprecated: tuple[str, ...] = ()
    warning: str = ""
    group: str = _GROUP
    is_argument: bool = False
    is_negatable: bool = False


def argument(
    metavar: str,
    *,
    help: str,  # noqa: A002 - argparse's name for it
    parse: Callable[[str], Any] | None = None,
) -> Any:
    """Describe a positional argument, for `Annotated`; *parse* as in `ParameterSpec`."""
    return ParameterSpec(metavar=metavar, help=help, parse=parse, is_argument=True)


def option(
    name: str = "",
    *,
    help: str,  # noqa: A002 - argparse's name for it
    **fields: Any,
) -> Any:
    """Describe an option, for `Annotated`; *fields* are those of `ParameterSpec`."""
    return ParameterSpec(name=name, help=help, **fields)


def described(command: Command) -> list[tuple[str, Any, ParameterSpec]]:
    """Name, type and spec of each parameter that the help of *command* lists.

    The type is without None; the spec has the name of the option and, if it is valued, a metavar.
    """
    parameters = map(_described, inspect.signature(command).parameters.values())
    return [(each.name, kind, spec) for each, kind, spec in parameters if not spec.warning]


def with_parameters(function: Function, parameters: Iterable[inspect.Parameter]) -> Function:
    """Replace the `**keywords` in the signature of *function*, if any, by *parameters*."""
    signature = inspect.signature(function)
    named = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    return with_signature(function, [*named, *parameters])


def with_signature(function: Function, parameters: Iterable[inspect.Parameter]) -> Function:
    """Give *function* a signature of *parameters*, which are all called by keyword."""
    keywords = [p.replace(kind=p.KEYWORD_ONLY) for p in parameters]
    function.__signature__ = inspect.Signature(keywords)  # type: ignore[attr-defined]
    return function


def run(command: Command, words: Sequence[str], *, program: str, example: str = "") -> int:
    """Call *command* with the arguments in *words*; return its exit code, or 0 after `--help`.

    Raises BadInput for arguments that *command* does not take.
    """
    parser = _Parser(command, program, example)
    if parser.asks_for_help(words):
        print(parser.format_help(), end="")  # noqa: T201
        return 0
    return command(**parser.values(words))


def main(
    command: Command, words: Sequence[str] | None = None, *, program: str, example: str = ""
) -> int:
    """Run *command* as a program of its own, by default on `sys.argv`; return the exit code."""
    arguments = sys.argv[1:] if words is None else words
    return guarded(lambda: run(command, arguments, program=program, example=example))


def guarded(program: Callable[[], int]) -> int:
    """Call *program* with usable standard streams; report an expected error in one line.

    A closed pipe (`| head`) ends it with 0: the reader has all it wants.
    """
    stdio.prepare()
    try:
        code = program()
        sys.stdout.flush()
    except BrokenPipeError:
        stdio.give_up(sys.stdout)
        return 0
    except ending.EXPECTED as error:
        if isinstance(error, OSError):
            # a full disk, perhaps: the interpreter's last flush would fail again, with a traceback
            stdio.give_up(sys.stdout)
        return ending.exit_code(error)
    return code


class _Formatter(argparse.HelpFormatter):
    """Help with a capital `Usage:` and the paragraphs of the docstring."""

    def __init__(self, prog: str) -> None:
        # argparse aligns help texts at column 24, which leaves `--ready-age-s S` a line of its own
        super().__init__(prog, max_help_position=26)

    def add_usage(
        self,
        usage: str | None,
        actions: Iterable[argparse.Action],
        groups: Iterable[Any],
        prefix: str | None = None,
    ) -> None:
        super().add_usage(usage, actions, groups, prefix or "Usage: ")

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        paragraphs = (super(_Formatter, self)._fill_text(p, width, indent) for p in _split(text))
        return "\n\n".join(paragraphs)


class _Switch(argparse.Action):
    """Stores True for `--x` and False for `--no-x`."""

    def __init__(self, option_strings: Sequence[str], dest: str, **fields: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, **fields)

    def __call__(
        self, parser: object, namespace: argparse.Namespace, values: object, name: str | None = None
    ) -> None:
        setattr(namespace, self.dest, not (name or "").startswith("--no-"))


class _Parser(argparse.ArgumentParser):
    """The parser of one command; its errors are exceptions."""

    def __init__(self, command: Command, program: str, example: str) -> None:
        super().__init__(
            prog=program,
            description=inspect.getdoc(command),
            epilog=f"Example: {program} {example}" if example else None,
            formatter_class=_Formatter,
            # argparse's own help option ends the process; `run` returns an exit code
            add_help=False,
            # an abbreviation would change its meaning when a second option begins like it
            allow_abbrev=False,
        )
        self._specs: dict[str, ParameterSpec] = {}  # by every accepted name of an option
        self._names: dict[str, str] = {}  # a deprecated name: the current one
        self._sections: dict[str, Any] = {}
        parameters = [_described(p) for p in inspect.signature(command).parameters.values()]
        arguments = [_shown(*each) for each in parameters if each[2].is_argument]
        # the usage of argparse names every option: of a scan, thirty
        self.usage = " ".join([program, *arguments, "[OPTIONS]"]).replace("%", "%%")
        for parameter, kind, spec in parameters:
            self._add(parameter, kind, spec)
        self._section(_GROUP).add_argument(
            *_HELP, action="store_true", default=argparse.SUPPRESS, help="show this help and exit"
        )

    def asks_for_help(self, words: Sequence[str]) -> bool:
        """Whether *words* hold `-h` or `--help` where it is not the value of an option."""
        previous = ""
        for word in words:
            if word == "--":
                return False
            takes_value = previous in self._specs and not self._is_switch(previous)
            if word in _HELP and not takes_value:
                return True
            previous = word
        return False

    def values(self, words: Sequence[str]) -> dict[str, Any]:
        """The arguments of the command by name. Raises BadInput."""
        options, arguments = self._sorted(words)
        # behind "--", so that arguments may stand between options: argparse alone would give an
        # optional argument its default at the first option
        parsed = self.parse_args([*options, "--", *arguments] if arguments else options)
        # argparse makes an empty list of an optional list that is absent, even without a default
        return {name: None if value == [] else value for name, value in vars(parsed).items()}

    def error(self, message: str) -> NoReturn:
        # the messages of argparse, in the wording of this project's own errors
        text = message.removeprefix("argument ")
        head, is_missing, names = text.partition("the following arguments are required: ")
        if is_missing:
            noun = "arguments" if ", " in names else "argument"
            text = f"{head}missing {noun} {' and '.join(names.rsplit(', ', 1))}"
        text = re.sub("unrecognized arguments: (-- )?", "unexpected argument ", text)
        raise BadInput(f"{text} ({self.prog} --help)")

    def _sorted(self, words: Sequence[str]) -> tuple[list[str], list[str]]:
        """The options, each in one word with its value, and the positional arguments."""
        options: list[str] = []
        arguments: list[str] = []
        queue = deque(words)
        while queue:
            word = queue.popleft()
            if word == "--":
                return options, [*arguments, *queue]
            if word.startswith("--"):
                # in one word, as argparse takes a value that begins with a dash for an option
                options.append(self._option(word, queue))
            elif word.startswith("-") and word != "-":
                raise BadInput(f"unknown option {word} ({self.prog} --help)")
            else:
                arguments.append(word)
        return options, arguments

    def _option(self, word: str, queue: deque[str]) -> str:
        """The option *word* as argparse takes it, with its value, which may come from *queue*."""
        name, sign, value = word.partition("=")
        name = self._current(name)
        spec = self._specs[name]
        if self._is_switch(name):
            if not sign and queue and spec.is_negatable and queue[0].lower() in _BOOLEANS:
                sign, value = "=", queue.popleft()
            return self._switched(name, value) if sign else name
        if not sign:
            if not queue:
                raise BadInput(f"{name} needs a value: {name} {spec.metavar} ({self.prog} --help)")
            value = queue.popleft()
        return f"{name}={value}"

    def _switched(self, name: str, value: str) -> str:
        """The switch that `--x 1` or `--x=0`, an old spelling, means."""
        is_on = _BOOLEANS.get(value.lower())
        if is_on is None or not self._specs[name].is_negatable or name.startswith("--no-"):
            raise BadInput(f"{name} takes no value ({self.prog} --help)")
        current = name if is_on else f"--no-{name[2:]}"
        _warn(f"{name} {value}", current)
        return current

    def _current(self, name: str) -> str:
        """The current name of an option. Raises BadInput for an unknown one."""
        if name in self._names:
            _warn(name, self._names[name])
            return self._names[name]
        if name not in self._specs:
            usual = [each for each, spec in self._specs.items() if not spec.warning]
            match = _nearest(name, [*usual, "--help"])
            hint = f"did you mean {match}?" if match else f"{self.prog} --help lists the options"
            raise BadInput(f"unknown option {name}; {hint}")
        if warning := self._specs[name].warning:
            stdio.complain(f"fastopts: {name} {warning}")
        return name

    def _is_switch(self, name: str) -> bool:
        return self._specs[name].metavar is None

    def _section(self, title: str) -> Any:
        if title not in self._sections:
            self._sections[title] = self.add_argument_group(title)
        return self._sections[title]

    def _add(self, parameter: inspect.Parameter, kind: Any, spec: ParameterSpec) -> None:
        text = _explained(spec, parameter.default)
        if spec.is_argument:
            self._section("Arguments").add_argument(
                parameter.name,
                metavar=spec.metavar,
                type=_converter(kind, spec),
                nargs=_count(parameter, kind),
                default=None if _is_required(parameter) else parameter.default,
                help=text,
            )
            return
        names = [spec.name]
        if spec.is_negatable:
            names.append(f"--no-{spec.name[2:]}")
        self._specs |= dict.fromkeys(names, spec)
        self._names |= dict.fromkeys(spec.deprecated, spec.name)
        fields: dict[str, Any] = {
            "dest": parameter.name,
            "default": parameter.default,
            "help": argparse.SUPPRESS if spec.warning else text,
        }
        if spec.metavar is None:
            fields["action"] = _Switch
        else:
            fields |= {"metavar": spec.metavar, "type": _converter(kind, spec)}
            fields["action"] = "append" if get_origin(kind) is list else "store"
        self._section(spec.group).add_argument(*names, **fields)


def _described(parameter: inspect.Parameter) -> tuple[inspect.Parameter, Any, ParameterSpec]:
    """A parameter, its type without None, and its spec with a name and, if valued, a metavar."""
    kind, spec = get_args(parameter.annotation)
    if get_origin(kind) in (Union, UnionType):
        [kind] = [each for each in get_args(kind) if each is not NoneType]
    name = spec.name or f"--{parameter.name.replace('_', '-')}"
    metavar = spec.metavar
    if kind is bool:
        metavar = None
    elif get_origin(kind) is Literal:
        metavar = metavar or "|".join(get_args(kind))
    fields = {each: getattr(spec, each) for each in spec.__slots__}
    return parameter, kind, ParameterSpec(**fields | {"name": name, "metavar": metavar})


def _shown(parameter: inspect.Parameter, kind: Any, spec: ParameterSpec) -> str:
    """A positional argument in the usage line."""
    many = "..." if get_origin(kind) is list else ""
    name = f"{spec.metavar}{many}"
    return name if _is_required(parameter) else f"[{name}]"


def _explained(spec: ParameterSpec, default: object) -> str:
    """The help of a parameter with its default, for argparse, which formats by `%`."""
    is_shown = isinstance(default, str | int | float) and not isinstance(default, bool)
    shown = f"{default:g}" if isinstance(default, float) else default
    text = f"{spec.help} (default: {shown})" if is_shown and default != "" else spec.help
    return text.replace("%", "%%")


def _is_required(parameter: inspect.Parameter) -> bool:
    return parameter.default is parameter.empty


def _count(parameter: inspect.Parameter, kind: Any) -> str | None:
    if get_origin(kind) is list:
        return "+" if _is_required(parameter) else "*"
    return None if _is_required(parameter) else "?"


def _converter(kind: Any, spec: ParameterSpec) -> Callable[[str], Any]:
    """What argparse calls with the text of a value."""

    def convert(text: str) -> Any:
        try:
            return _in_range(_value(text, kind, spec), spec)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return convert


def _value(text: str, kind: Any, spec: ParameterSpec) -> Any:
    if spec.parse is not None:
        return spec.parse(text)
    if get_origin(kind) is Literal:
        if text not in get_args(kind):
            raise ValueError(f"{text!r} is invalid: choose {' or '.join(get_args(kind))}")
        return text
    if kind is Path:
        return Path(text)
    if kind in (int, float):
        return _whole_number(text) if kind is int else parse_number(text)
    return text


def _whole_number(text: str) -> int:
    with contextlib.suppress(ValueError):
        return int(text)  # exact, however large
    try:
        number = parse_number(text)
    except ValueError:
        number = math.nan
    if not number.is_integer():
        raise ValueError(f"{text!r} is not a whole number: write 5000, 5,000 or 5k")
    return int(number)


def _in_range(value: Any, spec: ParameterSpec) -> Any:
    low, high = spec.minimum, spec.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        limits = f"from {low:g} to {high:g}" if high is not None else f"of at least {low:g}"
        raise ValueError(f"{value} is out of range: write a number {limits}")
    return value


def _split(text: str) -> list[str]:
    return [paragraph for paragraph in text.split("\n\n") if paragraph.strip()]


def _nearest(name: str, options: Sequence[str]) -> str | None:
    """The option that *name* probably means: an abbreviation, or spelled nearly alike.

    A first word that several options share, as in `--min-iv` and `--min-delta`, does not count as
    alike: `--min-oi` would suggest `--min-iv`, which is another bound. None if several are meant.
    """
    head, dash, rest = name.removeprefix("--").partition("-")
    stem = f"--{head}{dash}"
    family = [each.removeprefix(stem) for each in options if dash and each.startswith(stem)]
    if len(family) < 2:
        stem, rest, family = "--", name.removeprefix("--"), [each[2:] for each in options]
    initials = {
        "".join(part[0] for part in each.split("-")): each for each in family if "-" in each
    }
    longer = [each for each in family if each.startswith(rest)]
    if rest in initials:
        longer = [initials[rest]]
    elif len(longer) > 1:  # a name whose last letter is missing, beside longer names
        longer = [each for each in longer if len(each) == len(rest) + 1] or longer
    matches = longer or difflib.get_close_matches(rest, family, 1)
    # Short names are not alike by the share of their letters when one key was missed.
    matches = matches or [each for each in family if _differs_by_one(rest, each)][:1]
    return stem + matches[0] if len(matches) == 1 else None


def _differs_by_one(first: str, second: str) -> bool:
    """Whether one letter is replaced, missing or too many, or two are swapped."""
    start = _shared(first, second)
    first, second = first[start:][::-1], second[start:][::-1]
    end = _shared(first, second)
    first, second = first[: len(first) - end], second[: len(second) - end]
    return max(len(first), len(second)) <= 1 or (len(first) == 2 and first == second[::-1])


def _shared(first: str, second: str) -> int:
    """The number of letters with which both begin."""
    pairs = zip(first, second, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def _warn(old: str, new: str) -> None:
    stdio.complain(f"fastopts: {old} is deprecated: use {new}")
