"""Bounds: what a scan looks for, and what a watch lets through."""

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, Final, Literal, TypedDict, TypeVar, cast

from fastopts.errors import BadInput
from fastopts.reader.objects import expiry as expiries
from fastopts.reader.objects.expiry import Expiry
from fastopts.reader.objects.option import Option
from fastopts.reader.objects.universe import settle_coin
from fastopts.reader.selection.arguments import number, shown

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
DTE_MAX: Final = 36_525.0  # a symbol's year has two digits


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
# What a value can be, and so a bound on it. Above the highest, or below the lowest, a percentage
# is taken for what was meant where that is within.
RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "dte": (0, DTE_MAX),
    "strike": (0, math.inf),
    "moneyness": (0, 10),
    "delta": (-1, 1),
    "iv": (0, IV_MAX),
    "bid_iv": (0, IV_MAX),
    "ask_iv": (0, IV_MAX),
    "volume": (0, math.inf),
    "turnover": (0, math.inf),
    "open_interest": (0, math.inf),
    "spread_iv": (-2, 2),
    "rel_spread": (0, 2),  # of the mid: no more, whatever the ask
    "spread_ticks": (-math.inf, math.inf),
}
_PLAIN: Final = ("delta", "moneyness")  # fractions that nobody writes in per cent
_ABOVE_0: Final = ("strike", "moneyness")
_ABOVE_0_GATED: Final = ("dte", "iv", "bid_iv", "ask_iv")  # of what a scan's gate lets through
_FRACTIONS: Final = ("moneyness", "delta", "iv", "bid_iv", "ask_iv", "spread_iv", "rel_spread")


def given(bounds: Mapping[str, Any]) -> Bounds:
    """Those of *bounds* that were given."""
    found = {name: bound for name, bound in bounds.items() if bound is not None}
    if isinstance(found.get("type"), str):
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


def check(bounds: Bounds, gate: bool = False) -> Bounds:
    """Return the *bounds* that are given, numbers as float.

    Raises BadInput for a bound that does not exist, is of a wrong type, or that nothing can meet,
    behind the *gate* of a scan or at all. What depends on the listed options is checked by
    `selection.check_bounds`.
    """
    checked: dict[str, Any] = {}
    for name, bound in bounds.items():
        if name not in (*_CHOICES, *TERMS, *VALUES):
            there = ", ".join(Bounds.__annotations__)
            raise BadInput(f"there is no bound {shown(name)}; there are: {there}")
        if bound is not None:
            checked[name] = bound if name in _CHOICES else number(name, bound)
    kind = checked.get("type")
    if not (kind is None or (isinstance(kind, str) and kind in ("C", "P"))):
        raise BadInput(f"type: {shown(kind)} is neither C nor P", arguments=("type",))
    settle_coin(checked.get("settle"))
    if "expiry" in checked:
        expiries.day_of(checked["expiry"])
    for name in checked.keys() - set(_CHOICES):
        _check_range(name, checked[name], gate)
    for what in RANGES:
        _check_pair(checked, f"min_{what}", f"max_{what}")
    _check_sign(checked)
    return cast("Bounds", checked)


def _check_range(name: str, bound: float, gate: bool) -> None:
    """Raise BadInput for a bound that no value, or every value, is within, with what may be meant.

    An infinite one that bounds nothing is as good as none.
    """
    end, _, what = name.partition("_")
    low, high = RANGES[what]
    words, hint = what.replace("_", " "), "leave it out"
    if math.isinf(bound):
        if (end == "min") == (bound < 0):
            return
        fault = "is met by nothing"
    elif not low <= bound <= high:
        hundredth = bound / 100
        if what in _FRACTIONS and low <= hundredth <= high:
            fault = "is no delta" if what == "delta" else f"is {bound:.0%}"
            hint = f"write {hundredth:g}" + ("" if what in _PLAIN else f" for {bound:g}%")
        elif low == 0 and bound < 0:
            fault = f"is below 0, and no {words} is"
        else:
            fault = f"is outside of {low:g} to {high:g}"
    elif end == "max" and bound <= 0 and (what in _ABOVE_0 or (gate and what in _ABOVE_0_GATED)):
        fault = f"is met by nothing, for each {words} is above 0"
    elif gate and what == "spread_ticks" and bound < 0:
        fault = "is met by nothing, since the gate keeps out crossed quotes"
    else:
        return
    raise BadInput(f"{name}: {bound:g} {fault}: {hint}", arguments=(name,))


def _check_pair(given: Mapping[str, float], least: str, most: str) -> None:
    if least in given and most in given and given[least] > given[most]:
        raise BadInput(
            f"{least} {given[least]:g} is above {most} {given[most]:g}: nothing meets both:"
            " exchange them",
            arguments=(least, most),
        )


def _check_sign(given: Mapping[str, Any]) -> None:
    """Raise BadInput for deltas that no option of that type has."""
    kind, least, most = given.get("type"), given.get("min_delta", 0), given.get("max_delta", 0)
    if kind == "P" and least > 0:
        raise BadInput(
            f"min_delta: {least:g} is met by no put: their deltas are negative:"
            f" write max_delta {-least:g}",
            arguments=("min_delta", "max_delta"),
        )
    if kind == "C" and most < 0:
        raise BadInput(
            f"max_delta: {most:g} is met by no call: their deltas are positive:"
            f" write min_delta {-most:g}",
            arguments=("max_delta", "min_delta"),
        )


def picker(bounds: Bounds) -> Callable[[Option], Option | None]:
    """What lets through the options that meet *bounds*. Raises BadInput, also for `front`: it is
    no expiry of one option alone."""
    bounds = check(bounds)
    expiry = bounds.get("expiry")
    if expiry is not None and expiries.day_of(expiry) is None:
        raise BadInput(
            f"expiry: a watch can't follow {expiries.FRONT!r}: name the expiry",
            arguments=("expiry",),
        )
    return lambda option: option if meets(option, bounds) else None


def meets(option: Option, bounds: Bounds) -> bool:
    """Whether *option* meets the *bounds*."""
    given: Mapping[str, Any] = {k: bound for k, bound in bounds.items() if bound is not None}
    for name, bound in given.items():
        if name == "expiry":
            is_met = expiries.is_delivered_at(option.expiry_ms, bound)
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
