"""MoveDetector: what `watch_moves` makes of a stream of options."""

import math
from dataclasses import dataclass

from fastopts.errors import BadInput
from fastopts.field_registry import FIELDS
from fastopts.reader.objects.option import Option
from fastopts.reader.selection.arguments import number, shown, text

__all__ = ("Move", "MoveDetector")


@dataclass(frozen=True, slots=True)
class Move:
    """A *field* of *option* went from *before* to *after*: a *change* of -0.1 is -10 %, of what
    *before* is without its sign; from 0 every change is infinite."""

    symbol: str
    field: str
    before: float
    after: float
    change: float
    option: Option


class MoveDetector:
    """Finds the moves in a stream of options: from the value last told of, or first seen."""

    def __init__(self, threshold: float, field: str) -> None:
        """Raises BadInput for a threshold that is not above 0, or a field without numbers."""
        least = number("threshold", threshold, "0.05 for 5 %")
        if not 0 < least < math.inf:
            fault = f"threshold: {least:g} is not a change"
            raise BadInput(f"{fault}: write 0.05 for 5 %", arguments=("threshold",))
        word = FIELDS.get(text("field", field, "mark_price"))
        if word is None or word.form != "number":
            numbers = [word.name for word in FIELDS.values() if word.form == "number"]
            raise BadInput(
                f"field: {shown(field)} has no numbers to move; take one of {', '.join(numbers)}"
            )
        self._threshold = least
        self._field = field
        self._told: dict[str, float] = {}

    def detect(self, option: Option) -> Move | None:
        """The move that *option* makes, if it makes one."""
        after: float | None = getattr(option, self._field)
        if after is None:
            return None
        before = self._told.setdefault(option.symbol, after)
        if before == after:
            return None
        change = (after - before) / abs(before) if before else math.copysign(math.inf, after)
        if abs(change) < self._threshold:
            return None
        self._told[option.symbol] = after
        return Move(option.symbol, self._field, before, after, change, option)
