"""The bounds of a scan as options of a command."""

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final, TypeVar, cast

import typer

from fastopts.cli.options import EXPIRY_FORMS, Settle, fraction
from fastopts.reader.bounds import UNITS, Bounds

__all__ = ("bounded", "given")

Command = TypeVar("Command", bound=Callable[..., None])

_WORDS: Final = {"expiry": EXPIRY_FORMS, "type": "C or P"}


def bounded(command: Command) -> Command:
    """Give *command* an option for each bound, in the place of its `**bounds`."""
    signature = inspect.signature(command)
    kept = [one for one in signature.parameters.values() if one.kind is not one.VAR_KEYWORD]
    bounds = [_parameter(name) for name in Bounds.__annotations__]
    command.__signature__ = signature.replace(parameters=[*kept, *bounds])  # type: ignore[attr-defined]
    return command


def given(bounds: Mapping[str, Any]) -> Bounds:
    """Those of *bounds* that were given."""
    found = {name: bound for name, bound in bounds.items() if bound is not None}
    if "type" in found:
        found["type"] = found["type"].upper()
    return cast("Bounds", found)


def _parameter(name: str) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_annotation(name)
    )


def _annotation(name: str) -> Any:
    word = f"--{name.replace('_', '-')}"
    what = name.partition("_")[2]
    if name == "settle":
        return Settle
    if name in _WORDS:
        return Annotated[str | None, typer.Option(word, metavar="TEXT", help=_WORDS[name])]
    if what.endswith("iv") or what == "rel_spread":
        return Annotated[
            float | None, typer.Option(word, parser=fraction, metavar="80%", help="or 0.8")
        ]
    return Annotated[float | None, typer.Option(word, metavar="NUMBER", help=UNITS[what])]
