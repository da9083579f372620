"""Display rules: how the values of a kind of field are written for people, on every surface.

The field registry gives each field its kind. The command line and the dashboard follow the rules,
so that a number has the same decimals, sign and unit in both.
"""

from dataclasses import dataclass
from typing import Final, Literal

__all__ = ("DISPLAY_OF_UNIT", "DISPLAY_RULES", "UNIT_OF_FIELD", "Display", "DisplayRule")

# How a value is written for people; DISPLAY_RULES has the rule of each numeric kind.
# fmt: off
Display = Literal[
    "text", "time", "flag", "duration", "compact", "number",
    "price", "computed", "level", "size", "strike", "money", "count",
    "iv", "percent", "signed_percent", "rate", "points", "signed_points",
    "delta", "gamma", "ratio", "moneyness", "days",
]
# fmt: on


@dataclass(frozen=True, slots=True)
class DisplayRule:
    """The decimals and the unit of a kind of number, for all values of a column and a series alike.

    A number has *decimals* digits after the point, beside those of the *step* of its series: of the
    tick size, of the lot size, of the finest strike, or as many as the forward has digits before
    the point, less one. In the view of a single option it has *detail* more. With *is_exact*, a
    value between two steps (after a change of the tick size) has all its digits instead: a price
    or a size that can be traded is never rounded. The number is multiplied by *factor* and followed
    by *suffix*; *is_signed* puts a plus sign before a positive one.

    *unit* is what the heading of a column adds: "base coin" and "quote coin" are replaced by
    the coin.
    """

    decimals: int = 0
    detail: int = 0
    step: Literal["", "tick", "lot", "strike", "forward"] = ""
    is_exact: bool = False
    factor: int = 1
    suffix: str = ""
    is_signed: bool = False
    unit: str = ""


# A kind without an entry has no fixed number of decimals: `number` has five significant digits and
# all of its whole part, `compact` three with k, M or B (52.6M), `duration` two units of time. So
# has a kind whose step is not known: the terms of an option may be missing.
DISPLAY_RULES: Final[dict[Display, DisplayRule]] = {
    "price": DisplayRule(step="tick", is_exact=True),
    # The mean of two quotes may be half a tick, which needs one decimal more than a tick: 9,162.5
    # between 9,065 and 9,260, where the tick is 5.
    "computed": DisplayRule(decimals=1, detail=1, step="tick"),
    # Index and forward are finer than option prices: seven significant digits at today's ticks.
    "level": DisplayRule(decimals=2, step="tick"),
    "size": DisplayRule(step="lot", is_exact=True, unit="base coin"),
    "strike": DisplayRule(step="strike", is_exact=True),
    "money": DisplayRule(unit="quote coin"),
    "count": DisplayRule(),
    "iv": DisplayRule(decimals=1, detail=1, factor=100, suffix="%"),
    "percent": DisplayRule(decimals=1, detail=1, factor=100, suffix="%"),
    "signed_percent": DisplayRule(decimals=1, detail=1, factor=100, suffix="%", is_signed=True),
    "rate": DisplayRule(decimals=1, detail=1, factor=100, is_signed=True, unit="%/y"),
    "points": DisplayRule(decimals=1, detail=1, factor=100, unit="vol"),
    "signed_points": DisplayRule(decimals=1, detail=1, factor=100, is_signed=True, unit="vol"),
    "delta": DisplayRule(decimals=2, detail=2),
    # Of the order of 1 / forward, and larger near expiry.
    "gamma": DisplayRule(decimals=3, detail=2, step="forward"),
    "ratio": DisplayRule(decimals=2, detail=2),
    "moneyness": DisplayRule(decimals=4),
    "days": DisplayRule(decimals=2, detail=2),
}
# `compact` is for totals of sizes and of money, whose unit is that of the field.
UNIT_OF_FIELD: Final[tuple[Display, ...]] = ("compact",)

DISPLAY_OF_UNIT: Final[dict[str, Display]] = {
    "fraction": "iv",
    "quote coin": "computed",
    "base coin": "size",
    "seconds": "duration",
    "days": "days",
}
