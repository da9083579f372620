"""Numbers as text, with the decimals that the display rules give to each kind of field.

Used by terminals and notebooks; the dashboard has the same rules in `page/data/numbers.js`.
"""

import functools
import math
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Final, Literal

from fastopts.display_rules import DISPLAY_RULES, Display, DisplayRule

__all__ = (
    "NO_STEPS",
    "Precision",
    "Steps",
    "compact",
    "duration",
    "exact",
    "formatted",
    "number",
    "places",
)

_DIGITS: Final = 5  # significant
# in seconds; a duration is shown with one of them and the next smaller one
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))
_SIZES: Final = ((1e9, "B"), (1e6, "M"), (1e3, "k"))

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
            return duration(value)
        case "compact":
            return compact(value)
    rule = DISPLAY_RULES.get(display)
    decimals = None if rule is None else _decimals(rule, steps)
    if rule is None or decimals is None:
        return number(value)
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


def number(value: float | None) -> str:
    """Format a number with five significant digits, or all of its whole part: `37,940,211`."""
    if value is None:
        return "-"
    # an open interest of 37,940,211 is not rounded to 37,940,000
    digits = max(_DIGITS, len(str(int(abs(value)))))
    return format(Decimal(f"{value:.{digits}g}"), ",f")


def compact(value: float | None) -> str:
    """Format a large number with three significant digits: `5.01M`, `53.0M`."""
    if value is None:
        return "-"
    # rounded first: 999,700 is 1.00M, not 1,000k
    rounded = float(f"{value:.3g}")
    size, unit = next((pair for pair in _SIZES if abs(rounded) >= pair[0]), (1.0, ""))
    return f"{rounded / size:#.3g}".rstrip(".") + unit if rounded else "0"


def duration(seconds: float) -> str:
    """Format a duration with its two largest units: `12 ms`, `3.2 s`, `4m 10s`, `2d 3h`."""
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if round(seconds * 1000) < 1000:
        return f"{seconds * 1000:.0f} ms"
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    total_s = round(seconds)
    (size, large), (part, small) = next(pair for pair in pairwise(_UNITS) if total_s >= pair[0][0])
    return f"{total_s // size}{large} {total_s % size // part}{small}"
