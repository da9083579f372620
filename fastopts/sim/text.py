"""Number formatting of the venue: plain decimals without trailing zeros."""

from decimal import Decimal
from typing import Final

__all__ = ("PLACES", "Grid", "decimal")

PLACES: Final = 8  # of prices and greeks
_FORMATS = tuple(f"%.{places}f" for places in range(PLACES + 1))


def decimal(value: float, places: int = PLACES) -> str:
    """Return *value* with at most *places* decimals, never in exponent form, never `-0`."""
    text = _FORMATS[places] % value
    if text[-1] != "0":
        return text
    if places:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


class Grid:
    """Multiples of a step such as `0.1` or `5`, formatted without rounding errors."""

    __slots__ = ("_places", "_scale", "_unit", "step")

    def __init__(self, step: str) -> None:
        self.step = float(step)
        self._places = max(-int(Decimal(step).as_tuple().exponent), 0)
        self._scale = 10**self._places
        self._unit = int(Decimal(step) * self._scale)

    def text(self, count: int) -> str:
        """Return *count* steps as text."""
        scaled = count * self._unit
        return decimal(scaled / self._scale, self._places) if self._places else str(scaled)
