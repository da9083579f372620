"""Types of request parameters: validation, and their descriptions in the OpenAPI document."""

from typing import Annotated, Any, Final

from fastapi import Path, Query, Request
from pydantic import BeforeValidator

from fastopts.errors import BadInput, clipped
from fastopts.model import EXPIRY_TEXT_FORMS
from fastopts.numerals import parse_fraction
from fastopts.reader.selection import bounds
from fastopts.reader.selection.bounds import IV_MAX, UNITS, Function
from fastopts.reader.selection.notation import OPTION_TYPES, parse_number
from fastopts.reader.selection.scan import SORTABLE

__all__ = (
    "AllowExpired",
    "AnyAsset",
    "Asset",
    "Deltas",
    "Expiry",
    "Gate",
    "MaxAge",
    "RowLimit",
    "Settle",
    "Sort",
    "Stale",
    "Symbol",
    "Symbols",
    "bounded",
    "check_names",
)

# Documented, but not enforced here: the reader checks the same, and its messages name the remedy.
_COIN: Final = {"pattern": "^[A-Za-z0-9]{1,8}$"}
_EXPIRY: Final = {
    "pattern": "^([0-9]{1,2}[A-Za-z]{3}(20)?[0-9]{2}|[0-9]{6}|20[0-9]{2}-[0-9]{2}-[0-9]{2}|front)$"
}
_SYMBOLS: Final = {"pattern": r"[^,\s]"}
_DELTA: Final = r"([Aa][Tt][Mm]|[+-]?0?\.0{0,9}[1-9][0-9]{0,9})"
_DELTAS: Final = {"pattern": f"^{_DELTA}(,{_DELTA})*$"}
_SORT: Final = {"enum": [sign + name for name in SORTABLE for sign in ("", "-")]}
_IV: Final = {"maximum": IV_MAX}
_TYPE: Final = {"enum": list(OPTION_TYPES)}

# The lengths are enforced: they bound the work before the reader has seen the value.
AllowExpired = Annotated[bool, Query(description="also return a delivered option")]
Asset = Annotated[
    str, Path(description="base coin, such as BTC", max_length=32, json_schema_extra=_COIN)
]
AnyAsset = Annotated[
    str | None, Query(description="base coin", max_length=32, json_schema_extra=_COIN)
]
Deltas = Annotated[
    str | None,
    Query(
        description="comma-separated, such as -0.25,atm,0.25",
        max_length=2048,
        json_schema_extra=_DELTAS,
    ),
]
Expiry = Annotated[
    str, Path(description=EXPIRY_TEXT_FORMS, max_length=32, json_schema_extra=_EXPIRY)
]
Gate = Annotated[
    bool, Query(description="leave out options that are stale, settling, one-sided or crossed")
]
MaxAge = Annotated[float | None, Query(ge=0, description="highest age to accept (seconds)")]
RowLimit = Annotated[int | None, Query(ge=0, le=1_000_000, description="highest number of rows")]
Settle = Annotated[
    str | None,
    Query(description="settle coin: USDT or USDC", max_length=32, json_schema_extra=_COIN),
]
Sort = Annotated[
    str | None,
    Query(
        description="column to sort by, descending with a leading -",
        max_length=64,
        json_schema_extra=_SORT,
    ),
]
Stale = Annotated[bool, Query(description="also return values that are not live")]
Symbol = Annotated[str, Path(description="such as BTC-25JUN27-100000-C-USDT", max_length=64)]
Symbols = Annotated[
    str, Query(description="comma-separated", max_length=65536, json_schema_extra=_SYMBOLS)
]


async def check_names(request: Request) -> None:
    """Raise BadInput for a parameter that the route does not have, or one that is repeated.

    FastAPI ignores unknown parameters, so a misspelled bound would widen a scan unnoticed.
    """
    known = {field.alias for field in request.scope["route"].dependant.query_params}
    names = [name for name, _ in request.query_params.multi_items()]
    for name in names:
        if name not in known:
            choices = ", ".join(sorted(known)) or "none"
            raise BadInput(f"unknown parameter {clipped(repr(name))}; this path has: {choices}")
        if names.count(name) > 1 and name != "subscribe":
            raise BadInput(f"{name}: given more than once")


def bounded(handler: Function) -> Function:
    """Give *handler* a parameter for each bound of a scan, in place of its `**bounds`."""
    return bounds.with_bound_parameters(handler, _annotation)


def _annotation(name: str) -> Any:
    quantity = name.partition("_")[2]
    if name == "settle":
        return Settle
    if name == "type":
        return Annotated[
            str | None,
            Query(description="C or call, P or put", max_length=32, json_schema_extra=_TYPE),
        ]
    if name == "expiry":
        return Annotated[
            str | None,
            Query(description=EXPIRY_TEXT_FORMS, max_length=32, json_schema_extra=_EXPIRY),
        ]
    if name == "otm":
        text = "true: out of the money only; false: in the money only"
        return Annotated[bool | None, Query(description=text)]
    is_fraction = quantity.endswith("iv") or quantity == "rel_spread"
    description = "a fraction: 0.8 or 80%" if is_fraction else UNITS[quantity]
    limit = _IV if name.endswith("_iv") else None
    return Annotated[
        float | None,
        BeforeValidator(_fraction if is_fraction else _number),
        Query(description=description, json_schema_extra=limit),
    ]


def _fraction(value: Any) -> Any:
    """The text of a query parameter as a fraction; its default, None, as it is."""
    return parse_fraction(value) if isinstance(value, str) else value


def _number(value: Any) -> Any:
    """The text of a query parameter as a number; its default, None, as it is."""
    return parse_number(value) if isinstance(value, str) else value
