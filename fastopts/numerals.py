"""Numbers as people write them and as tables print them: `90k`, `90,000`, `1.5M`, `80%`.

One definition for options of commands, settings, bounds of readers and parameters of the HTTP API.
"""

import math
import re
from typing import Final

from fastopts.errors import clipped

__all__ = ("parse_fraction", "parse_number")

# The units in which tables print large numbers; the case does not matter: no bound is in milli.
_EXPONENTS: Final = {"": "", "K": "e3", "M": "e6", "B": "e9"}
# A comma separates thousands and nothing else: "90,5" may be meant as a decimal fraction, and a
# strike ten times too high would silently match another option.
_GROUPED: Final = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", re.ASCII)
_SUFFIXED: Final = re.compile(r"([+-]?[\d.,]+?)\s*([kmb]?)", re.ASCII | re.IGNORECASE)


def parse_fraction(text: str) -> float:
    """Parse `80%`, `80 %` or `0.8` as a finite number. Raises ValueError for other text."""
    number, sign, rest = text.strip().partition("%")
    try:
        value = float(number) / (100 if sign else 1)
    except ValueError:
        value = math.nan
    if rest or not math.isfinite(value):
        raise ValueError(f"{clipped(repr(text))} is not a fraction: write 0.8 or 80%")
    return value


def parse_number(text: str) -> float:
    """Parse `90000`, `90,000`, `90k`, `1.5M` or `2B` as a finite number, in any case.

    Raises ValueError for other text.
    """
    written = text.strip()
    if match := _SUFFIXED.fullmatch(written):
        digits, suffix = match.groups()
        if "," not in digits or _GROUPED.fullmatch(digits):
            # an exponent, not a product: 1.1 * 1000 is not 1100
            written = digits.replace(",", "") + _EXPONENTS[suffix.upper()]
    try:
        value = float(written)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        fault = f"{clipped(repr(text))} is not a number"
        raise ValueError(f"{fault}: write 90000, 90,000 or 90k")
    return value
