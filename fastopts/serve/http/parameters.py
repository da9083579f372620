"""The parameters of requests."""

from typing import Annotated, Any, Final, Literal

from fastapi import Path, Query, Request

from fastopts.errors import BadInput, clipped
from fastopts.reader.selection import bounds
from fastopts.reader.selection.bounds import IV_MAX, UNITS, Function
from fastopts.reader.selection.scan import SORTABLE

__all__ = (
    "AnyAsset",
    "Asset",
    "Deltas",
    "Expiry",
    "Settle",
    "Sort",
    "Stale",
    "Symbols",
    "bounded",
    "no_strangers",
)

_FORMS: Final = "27MAR26, 260327, 2026-03-27 or front"

# Told by the document, and checked by the reader, which says in words what is wrong.
_COIN: Final = {"pattern": "^[A-Za-z0-9]{1,8}$"}
_EXPIRY: Final = {
    "pattern": "^([0-9]{1,2}[A-Za-z]{3}[0-9]{2}|[0-9]{6}|20[0-9]{2}-[0-9]{2}-[0-9]{2}|front)$"
}
_SYMBOLS: Final = {"pattern": r"[^,\s]"}
_DELTA: Final = r"([Aa][Tt][Mm]|[+-]?0?\.0{0,9}[1-9][0-9]{0,9})"
_DELTAS: Final = {"pattern": f"^{_DELTA}(,{_DELTA})*$"}
_SORT: Final = {"enum": [sign + name for name in SORTABLE for sign in ("", "-")]}
_IV: Final = {"maximum": IV_MAX}

Asset = Annotated[str, Path(description="base coin: BTC", max_length=32, json_schema_extra=_COIN)]
AnyAsset = Annotated[
    str | None, Query(description="base coin", max_length=32, json_schema_extra=_COIN)
]
Deltas = Annotated[
    str | None,
    Query(description="with commas: -0.25,atm,0.25", max_length=2048, json_schema_extra=_DELTAS),
]
Expiry = Annotated[str, Path(description=_FORMS, max_length=32, json_schema_extra=_EXPIRY)]
Settle = Annotated[
    str | None,
    Query(description="settle coin: USDT or USDC", max_length=32, json_schema_extra=_COIN),
]
Sort = Annotated[
    str | None,
    Query(
        description="by a column; -name: the highest first",
        max_length=64,
        json_schema_extra=_SORT,
    ),
]
Symbols = Annotated[
    str, Query(description="with commas", max_length=65536, json_schema_extra=_SYMBOLS)
]
Stale = Annotated[bool, Query(description="also what is not live")]


async def no_strangers(request: Request) -> None:
    """Raise BadInput for a parameter that the route does not have, or one that is there twice."""
    known = {one.alias for one in request.scope["route"].dependant.query_params}
    names = [name for name, _ in request.query_params.multi_items()]
    for name in names:
        if name not in known:
            there = ", ".join(sorted(known)) or "none"
            raise BadInput(f"there is no parameter {clipped(repr(name))}; there are: {there}")
        if names.count(name) > 1 and name != "subscribe":
            raise BadInput(f"{name}: it is there twice")


def bounded(handler: Function) -> Function:
    """Give *handler* a parameter for each bound, in the place of its `**bounds`."""
    return bounds.spelled_out(handler, _annotation)


def _annotation(name: str) -> Any:
    what = name.partition("_")[2]
    if name == "settle":
        return Settle
    if name == "type":
        return Annotated[Literal["C", "P"] | None, Query(description="C or P")]
    if name == "expiry":
        return Annotated[
            str | None, Query(description=_FORMS, max_length=32, json_schema_extra=_EXPIRY)
        ]
    words = "a fraction: 0.8 is 80 %" if what.endswith("iv") or what == "rel_spread" else ""
    limit = _IV if name.endswith("_iv") else None
    return Annotated[float | None, Query(description=words or UNITS[what], json_schema_extra=limit)]
