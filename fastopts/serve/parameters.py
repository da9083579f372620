"""The parameters of requests."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Final, Literal, TypeVar, cast

from fastapi import Path, Query, Request
from starlette.responses import Response

from fastopts.errors import BadInput, clipped
from fastopts.reader.bounds import UNITS, Bounds
from fastopts.reader.demand import Demand

__all__ = (
    "Asset",
    "Expiry",
    "Settle",
    "Stale",
    "bounded",
    "demand",
    "given",
    "no_strangers",
)

Handler = TypeVar("Handler", bound=Callable[..., Awaitable[Response]])

_FORMS: Final = "27MAR26, 260327, 2026-03-27 or front"

Asset = Annotated[str, Path(description="base coin: BTC", max_length=32)]
Expiry = Annotated[str, Path(description=_FORMS, max_length=32)]
Settle = Annotated[str | None, Query(description="settle coin: USDT or USDC", max_length=32)]
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


def demand(stale: bool, allow_expired: bool = False, max_age_s: float | None = None) -> Demand:
    """What is accepted."""
    return Demand(not stale, allow_expired, max_age_s)


def bounded(handler: Handler) -> Handler:
    """Give *handler* a parameter for each bound, in the place of its `**bounds`."""
    signature = inspect.signature(handler)
    kept = [one for one in signature.parameters.values() if one.kind is not one.VAR_KEYWORD]
    bounds = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=_annotation(name)
        )
        for name in Bounds.__annotations__
    ]
    handler.__signature__ = signature.replace(parameters=[*kept, *bounds])  # type: ignore[attr-defined]
    return handler


def given(bounds: Mapping[str, Any]) -> Bounds:
    """Those of *bounds* that were given."""
    return cast("Bounds", {name: bound for name, bound in bounds.items() if bound is not None})


def _annotation(name: str) -> Any:
    what = name.partition("_")[2]
    if name == "settle":
        return Settle
    if name == "type":
        return Annotated[Literal["C", "P"] | None, Query(description="C or P")]
    if name == "expiry":
        return Annotated[str | None, Query(description=_FORMS, max_length=32)]
    words = "a fraction: 0.8 is 80 %" if what.endswith("iv") or what == "rel_spread" else ""
    return Annotated[float | None, Query(description=words or UNITS[what])]
