"""Numbers as text, with the decimals that the field registry gives to each kind of field."""

import functools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, Literal

from fastopts.cli.output import printing
from fastopts.field_registry import DISPLAY_RULES, Display, DisplayRule
from fastopts.reader import Chain, Option

__all__ = ("NO_STEPS", "Precision", "Steps", "exact", "formatted", "places")


Precision = Literal["table", "detail", "full"]


@dataclass(frozen=True, slots=True)
class Steps:
    """The grids of a series: its tick and lot size, decimals of its strikes, and its forward.

    An unknown step is empty or None; numbers that need it have five significant digits.
    """

    tick: str = ""
    lot: str = ""
    strike_places: int | None = None
    forward: float | None = None

    @classmethod
    def of_chain(cls, chain: Chain) -> "Steps":
        """The steps that all values of *chain* share."""
        strikes = [places(exact(strike).replace(",", "")) for strike in chain.strikes]
        return cls(chain.tick_size, chain.lot_size, max(strikes, default=None), chain.forward)

    @classmethod
    def of_chains(cls, chains: Iterable[Chain]) -> "Steps":
        """The finest steps of *chains*, for a table with a row for each; no forward."""
        steps = [cls.of_chain(chain) for chain in chains]
        return cls(
            min((each.tick for each in steps if each.tick), key=float, default=""),
            min((each.lot for each in steps if each.lot), key=float, default=""),
            max((each.strike_places or 0 for each in steps), default=None),
        )

    @classmethod
    def of_option(cls, option: Option) -> "Steps":
        """The steps of a single option."""
        terms = option.instrument
        if terms is None:
            return cls(forward=option.forward)
        strike_places = places(terms.strike_text)
        return cls(terms.tick_size, terms.lot_size, strike_places, option.forward)


NO_STEPS: Final = Steps()


def formatted(
    value: float | None,
    display: Display,
    steps: Steps = NO_STEPS,
    precision: Precision = "table",
) -> str:
    """Format *value* by the rule of its *display*; `-` for None.

    The *precision* `detail` adds the decimals that a view of a single option has; `full` is all
    digits that identify the number, which are the venue's own.
    """
    if value is None:
        return "-"
    if not math.isfinite(value):  # a hostile venue's, as no real price or size is
        return str(value)
    if precision == "full":
        return _full(value, display)
    match display:
        case "duration":
            return printing.duration(value)
        case "compact":
            return printing.compact(value)
    rule = DISPLAY_RULES.get(display)
    decimals = None if rule is None else _decimals(rule, steps)
    if rule is None or decimals is None:
        return printing.number(value)
    if precision == "detail":
        decimals += rule.detail
    text = _fixed(rule.factor * value, decimals, rule.is_signed)
    if rule.is_exact and not math.isclose(value, float(text.replace(",", "")), rel_tol=1e-9):
        return exact(value)
    return text + rule.suffix


def _full(value: float, display: Display) -> str:
    """All digits of *value*, with the factor and the suffix of its kind."""
    # in decimals: 0.07 times 100 is 7.000000000000001 in binary
    number = Decimal(repr(value))
    if display == "duration":
        return f"{number:,f} s"
    rule = DISPLAY_RULES.get(display, DisplayRule())
    number = (number * rule.factor).normalize()
    return format(number, "+,f" if rule.is_signed and number else ",f") + rule.suffix


def exact(value: float) -> str:
    """Format *value* with all of its digits: 1,205.4."""
    # twelve digits: all that the venue sends, and less than the noise of binary fractions
    return format(Decimal(f"{value:.12g}"), ",f")


@functools.lru_cache(maxsize=256)
def places(step: str) -> int:
    """Return the number of decimals of a step, a decimal text: 2 of "0.05", 0 of "5"."""
    exponent = Decimal(step).normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _decimals(rule: DisplayRule, steps: Steps) -> int | None:
    """The number of decimals of a column; None where its step is not known."""
    base: int | None
    match rule.step:
        case "tick":
            base = places(steps.tick) if steps.tick else None
        case "lot":
            base = places(steps.lot) if steps.lot else None
        case "strike":
            base = steps.strike_places
        case "forward":
            forward = steps.forward or 0.0
            base = max(0, math.floor(math.log10(forward))) if 0 < forward < math.inf else None
        case _:
            base = 0
    return None if base is None else base + rule.decimals


def _fixed(value: float, decimals: int, is_signed: bool) -> str:
    text = f"{value:,.{decimals}f}"
    if not text.strip("-0.,"):
        return text.lstrip("-")  # -0.0 is 0.0, and neither positive nor negative
    return f"+{text}" if is_signed and value > 0 else text
