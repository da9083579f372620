"""Bounds: what a scan looks for, and what a watch lets through."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypedDict, TypeVar, cast

from fastopts.errors import BadInput
from fastopts.reader import expiry as expiries
from fastopts.reader.expiry import Expiry
from fastopts.reader.option import Option
from fastopts.reader.universe import settle_coin

__all__ = (
    "TERMS",
    "UNITS",
    "VALUES",
    "Bounds",
    "Function",
    "check",
    "given",
    "meets",
    "picker",
    "spelled_out",
)

Function = TypeVar("Function", bound=Callable[..., Any])

IV_MAX: Final = 10.0  # above it a percentage was meant


class Bounds(TypedDict, total=False):
    """What a scan looks for. All bounds are inclusive; a value that is absent meets none.

    Volatilities are fractions (0.8 is 80 %), *volume* and *open_interest* in base coin, *turnover*
    in quote coin; *delta* is negative for puts; *dte* in days; *expiry* as `chain` takes it.
    """

    expiry: Expiry | None
    settle: str | None
    type: Literal["C", "P"] | None
    min_dte: float | None
    max_dte: float | None
    min_strike: float | None
    max_strike: float | None
    min_moneyness: float | None
    max_moneyness: float | None
    min_delta: float | None
    max_delta: float | None
    min_iv: float | None
    max_iv: float | None
    min_bid_iv: float | None
    max_bid_iv: float | None
    min_ask_iv: float | None
    max_ask_iv: float | None
    min_volume: float | None
    min_turnover: float | None
    min_open_interest: float | None
    max_spread_iv: float | None
    max_rel_spread: float | None
    max_spread_ticks: float | None


# The bounds on terms say what a scan is about; the gate and the other bounds judge that.
TERMS: Final = {"min_dte": "dte", "max_dte": "dte", "min_strike": "strike", "max_strike": "strike"}
VALUES: Final = {
    **{f"{end}_{name}": name for end in ("min", "max") for name in ("moneyness", "delta")},
    **{f"{end}_{name}": name for end in ("min", "max") for name in ("bid_iv", "ask_iv")},
    "min_iv": "mark_iv",
    "max_iv": "mark_iv",
    "min_volume": "volume_24h",
    "min_turnover": "turnover_24h",
    "min_open_interest": "open_interest",
    "max_spread_iv": "spread_iv",
    "max_rel_spread": "rel_spread",
    "max_spread_ticks": "spread_ticks",
}
# Of what a bound is on, where that is no fraction.
UNITS: Final = {
    "dte": "days",
    "strike": "quote coin",
    "moneyness": "strike over forward",
    "delta": "negative for puts",
    "volume": "base coin, 24 hours",
    "turnover": "quote coin, 24 hours",
    "open_interest": "base coin",
    "spread_ticks": "ticks",
}
_CHOICES: Final = ("expiry", "settle", "type")


def given(bounds: Mapping[str, Any]) -> Bounds:
    """Those of *bounds* that were given."""
    found = {name: bound for name, bound in bounds.items() if bound is not None}
    if "type" in found:
        found["type"] = found["type"].upper()
    return cast("Bounds", found)


def spelled_out(function: Function, annotation: Callable[[str], Any]) -> Function:
    """Give *function* a keyword for each bound, in the place of its `**bounds`: *annotation* makes
    what it is annotated with."""
    signature = inspect.signature(function)
    kept = [one for one in signature.parameters.values() if one.kind is not one.VAR_KEYWORD]
    bounds = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation(name)
        )
        for name in Bounds.__annotations__
    ]
    function.__signature__ = signature.replace(parameters=[*kept, *bounds])  # type: ignore[attr-defined]
    return function


def check(bounds: Bounds) -> None:
    """Raise BadInput for a bound that does not exist or can't be meant."""
    for name, bound in bounds.items():
        if name not in (*_CHOICES, *TERMS, *VALUES):
            there = ", ".join(Bounds.__annotations__)
            raise BadInput(f"there is no bound {name!r}; there are: {there}")
        if bound is None or name in _CHOICES:
            continue
        if isinstance(bound, bool) or not isinstance(bound, int | float) or bound != bound:
            raise BadInput(f"{name}: {bound!r} is no number")
        if name.endswith("_iv") and bound > IV_MAX:
            raise BadInput(f"{name}: {bound:g} is {bound:.0%}: write {bound / 100:g}")
    if bounds.get("type") not in (None, "C", "P"):
        raise BadInput(f"type: {bounds['type']!r} is neither C nor P")
    settle_coin(bounds.get("settle"))
    if (expiry := bounds.get("expiry")) is not None:
        expiries.day_of(expiry)


def picker(bounds: Bounds) -> Callable[[Option], Option | None]:
    """What lets through the options that meet *bounds*. Raises BadInput, also for `front`: it is
    no expiry of one option alone."""
    check(bounds)
    expiry = bounds.get("expiry")
    if expiry is not None and expiries.day_of(expiry) is None:
        raise BadInput(f"a watch can't follow {expiries.FRONT!r}: name the expiry")
    return lambda option: option if meets(option, bounds) else None


def meets(option: Option, bounds: Bounds) -> bool:
    """Whether *option* meets the *bounds*."""
    given: Mapping[str, Any] = {k: bound for k, bound in bounds.items() if bound is not None}
    for name, bound in given.items():
        if name == "expiry":
            is_met = option.expiry.date() == expiries.day_of(bound)
        elif name == "settle":
            is_met = option.settle == settle_coin(bound)
        elif name == "type":
            is_met = option.type == bound
        else:
            is_met = _is_within(option, name, bound)
        if not is_met:
            return False
    return True


def _is_within(option: Option, name: str, bound: float) -> bool:
    value: float | None = getattr(option, TERMS.get(name) or VALUES[name])
    if value is None:
        return False
    return value >= bound if name.startswith("min") else value <= bound
