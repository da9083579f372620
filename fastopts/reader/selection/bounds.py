"""Bounds of scans and watches: which exist, which are invalid, which options meet them.

The fields they are on, their ranges and their units come from the field registry; `Bounds` spells
their names out, so that editors and type checkers know them.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, Final, TypedDict, cast

from fastopts.errors import BadInput
from fastopts.field_registry import BOUNDED
from fastopts.reader.objects import expiry as expiries
from fastopts.reader.objects.expiry import Expiry
from fastopts.reader.objects.option import Option
from fastopts.reader.objects.universe import settle_coin
from fastopts.reader.selection.arguments import flag, number, shown
from fastopts.reader.selection.notation import OptionType, option_type
from fastopts.reader.selection.signatures import CHOICES, Function, with_parameters

__all__ = (
    "IV_MAX",
    "RANGES",
    "TERMS",
    "UNITS",
    "VALUES",
    "Bounds",
    "Function",
    "bound_filter",
    "check",
    "meets",
    "supplied",
    "with_bound_parameters",
)


class Bounds(TypedDict, total=False):
    """The bounds of a scan or watch, each inclusive; a value that is absent meets none.

    Volatilities are fractions (0.8 is 80 %), *volume* and *open_interest* in base coin, *turnover*
    in quote coin; *delta* is negative for puts; *dte* in days; *expiry* as `chain` takes it; *type*
    is C or `call`, P or `put`; *otm* is True for options out of the money, False for those in it.
    """

    expiry: Expiry | None
    settle: str | None
    type: OptionType | None
    otm: bool | None
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


_COLUMNS: Final = {name: field.name for name, field in BOUNDED.items()}
# Bounds on terms say what a scan considers at all; the gate and the other bounds judge the rest.
TERMS: Final = {name: column for name, column in _COLUMNS.items() if column in ("dte", "strike")}
VALUES: Final = {name: column for name, column in _COLUMNS.items() if name not in TERMS}

_BOUNDS: Final = {field.bound.name: field.bound for field in BOUNDED.values() if field.bound}
UNITS: Final = {name: bound.hint for name, bound in _BOUNDS.items()}  # "" for plain fractions
RANGES: Final = {name: (bound.low, bound.high) for name, bound in _BOUNDS.items()}
IV_MAX: Final = RANGES["iv"][1]
_NEVER_IN_PERCENT: Final = ("delta", "moneyness")  # fractions that nobody writes in per cent
_ABOVE_0: Final = ("strike", "moneyness")
_ABOVE_0_GATED: Final = ("dte", "iv", "bid_iv", "ask_iv")  # of options that pass a scan's gate
_FRACTIONS: Final = ("moneyness", "delta", "iv", "bid_iv", "ask_iv", "spread_iv", "rel_spread")


def supplied(bounds: Mapping[str, Any]) -> Bounds:
    """Return *bounds* without those that are None."""
    return cast("Bounds", {name: bound for name, bound in bounds.items() if bound is not None})


def with_bound_parameters(function: Function, annotation: Callable[[str], Any]) -> Function:
    """Replace the `**bounds` of *function*'s signature by a keyword parameter for each bound.

    *annotation* returns the annotation for a bound's name. Typer and FastAPI make options and query
    parameters of the signature, so the bounds need not be listed again for either.
    """
    return with_parameters(function, Bounds.__annotations__, annotation)


def check(bounds: Bounds, gate: bool = False) -> Bounds:
    """Return the *bounds* that are not None, numbers as float and the type as C or P.

    Raises BadInput for a bound that does not exist, has a wrong type, or that no option can meet:
    no option that passes the *gate* of a scan, or none at all. Whether a listed option meets them
    is checked by `matching.check_bounds`.
    """
    checked: dict[str, Any] = {}
    for name, bound in bounds.items():
        if name not in CHOICES and name not in _COLUMNS:
            names = ", ".join(Bounds.__annotations__)
            raise BadInput(f"there is no bound {shown(name)}; there are: {names}")
        # None is a bound that was left out: wrappers pass on all their keywords
        if bound is not None:
            checked[name] = bound if name in CHOICES else number(name, bound)
    if "type" in checked:
        checked["type"] = option_type(checked["type"])
    # called for their errors: both accept several spellings, and the caller's is kept for messages
    settle_coin(checked.get("settle"))
    if "expiry" in checked:
        expiries.day_of(checked["expiry"])
    if "otm" in checked:
        checked["otm"] = flag("otm", checked["otm"])
    for name in checked.keys() - set(CHOICES):
        _check_range(name, checked[name], gate)
    for name in RANGES:
        _check_pair(checked, f"min_{name}", f"max_{name}")
    _check_sign(checked)
    return cast("Bounds", checked)


def _check_range(name: str, bound: float, gate: bool) -> None:
    """Raise BadInput for a bound that no value, or every value, is within, with a suggestion.

    Percentages are the usual mistake: above the range, the hundredth is suggested if that is
    within. An infinite bound that limits nothing is accepted.
    """
    end, _, quantity = name.partition("_")
    low, high = RANGES[quantity]
    noun, hint = quantity.replace("_", " "), "leave it out"
    if math.isinf(bound):
        if (end == "min") == (bound < 0):
            return
        fault = "matches nothing"
    elif not low <= bound <= high:
        hundredth = bound / 100
        if quantity in _FRACTIONS and low <= hundredth <= high:
            fault = "is not a delta" if quantity == "delta" else f"is {bound:.0%}"
            is_plain = quantity in _NEVER_IN_PERCENT
            hint = f"write {hundredth:g}" + ("" if is_plain else f" for {bound:g}%")
        elif low == 0 and bound < 0:
            fault = f"is below 0, and no {noun} is"
        else:
            fault = f"is outside of {low:g} to {high:g}"
    elif end == "max" and bound <= 0 and _is_above_0(quantity, gate):
        fault = f"matches nothing, for each {noun} is above 0"
    elif gate and quantity == "spread_ticks" and bound < 0:
        fault = "matches nothing, since the gate excludes crossed quotes"
    else:
        return
    raise BadInput(f"{name}: {bound:g} {fault}: {hint}", arguments=(name,))


def _is_above_0(quantity: str, gate: bool) -> bool:
    return quantity in _ABOVE_0 or (gate and quantity in _ABOVE_0_GATED)


def _check_pair(bounds: Mapping[str, float], least: str, most: str) -> None:
    if least in bounds and most in bounds and bounds[least] > bounds[most]:
        raise BadInput(
            f"{least} {bounds[least]:g} is above {most} {bounds[most]:g}: nothing meets both:"
            " exchange them",
            arguments=(least, most),
        )


def _check_sign(bounds: Mapping[str, Any]) -> None:
    """Raise BadInput for deltas that no option of that type has."""
    kind, least, most = bounds.get("type"), bounds.get("min_delta", 0), bounds.get("max_delta", 0)
    if kind == "P" and least > 0:
        raise BadInput(
            f"min_delta: {least:g} matches no put: their deltas are negative:"
            f" write max_delta {-least:g}",
            arguments=("min_delta", "max_delta"),
        )
    if kind == "C" and most < 0:
        raise BadInput(
            f"max_delta: {most:g} matches no call: their deltas are positive:"
            f" write min_delta {-most:g}",
            arguments=("max_delta", "min_delta"),
        )


def bound_filter(bounds: Bounds) -> Callable[[Option], Option | None]:
    """Return a function that returns an option which meets *bounds*, and None for others.

    Raises BadInput for invalid bounds, and for `front`, which is an expiry only relative to others.
    """
    bounds = check(bounds)
    expiry = bounds.get("expiry")
    if expiry is not None and expiries.day_of(expiry) is None:
        raise BadInput(
            f"expiry: a watch can't follow {expiries.FRONT!r}: name the expiry",
            arguments=("expiry",),
        )
    return lambda option: option if meets(option, bounds) else None


def meets(option: Option, bounds: Bounds) -> bool:
    """Whether *option* meets the *bounds*, as `check` returns them."""
    for name, bound in cast("Mapping[str, Any]", bounds).items():
        if bound is not None and not _meets(option, name, bound):
            return False
    return True


def _meets(option: Option, name: str, bound: Any) -> bool:
    match name:
        case "expiry":
            return expiries.is_delivered_at(option.expiry_ms, bound)
        case "settle":
            return option.settle == settle_coin(bound)
        case "type":
            return bool(option.type == bound)
        case "otm":
            # without a forward it is neither
            return option.forward is not None and option.otm == bound
    value: float | None = getattr(option, _COLUMNS[name])
    if value is None:  # unknown is not within any limit
        return False
    return bool(value >= bound if name.startswith("min") else value <= bound)
