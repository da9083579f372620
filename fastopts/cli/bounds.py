"""The bounds of a scan as options of a command."""

from typing import Annotated, Any, Final

import typer

from fastopts.cli.options import EXPIRY_FORMS, Settle, fraction
from fastopts.reader.selection import bounds
from fastopts.reader.selection.bounds import UNITS, Function

__all__ = ("bounded",)

_WORDS: Final = {"expiry": EXPIRY_FORMS, "type": "C or P"}


def bounded(command: Function) -> Function:
    """Give *command* an option for each bound, in the place of its `**bounds`."""
    return bounds.spelled_out(command, _annotation)


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
