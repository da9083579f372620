"""The bounds of a scan as options of a command."""

import inspect
from typing import Annotated, Any, Final

from fastopts.cli.options import EXPIRY_FORMS, fraction, parse_expiry
from fastopts.command_line import Function, option, with_parameters
from fastopts.reader.selection.bounds import UNITS, Bounds
from fastopts.reader.selection.notation import parse_number

__all__ = ("bounded",)

_TEXTS: Final = {"type": "C or call, P or put"}
_GROUP: Final = "Bounds, inclusive"


def bounded(command: Function) -> Function:
    """Give *command* an option for each bound of a scan, in place of its `**bounds`."""
    bounds = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_annotation(name)
        )
        for name in Bounds.__annotations__
    ]
    return with_parameters(command, bounds)


def _annotation(name: str) -> Any:
    # max_rel_spread is a bound on rel_spread
    quantity = name.partition("_")[2]
    if name == "expiry":
        return Annotated[
            str | None,
            option(parse=parse_expiry, metavar="TEXT", help=EXPIRY_FORMS, group=_GROUP),
        ]
    if name in _TEXTS:
        return Annotated[str | None, option(metavar="TEXT", help=_TEXTS[name], group=_GROUP)]
    if name == "settle":
        return Annotated[
            str | None, option(metavar="COIN", help="settle coin: USDT or USDC", group=_GROUP)
        ]
    if name == "otm":
        meaning = "out of the money only; --no-otm: in the money only"
        return Annotated[bool | None, option(is_negatable=True, help=meaning, group=_GROUP)]
    if quantity.endswith("iv") or quantity == "rel_spread":
        return Annotated[
            float | None,
            option(parse=fraction, metavar="80%", help="a fraction, 80% or 0.8", group=_GROUP),
        ]
    return Annotated[
        float | None,
        option(parse=parse_number, metavar="N", help=UNITS[quantity], group=_GROUP),
    ]
