"""`Move`: a change of one value of an option by at least a fraction."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fastopts.errors import BadInput
from fastopts.field_registry import FIELDS
from fastopts.reader.objects.option import Option
from fastopts.reader.selection.arguments import number, shown, text

__all__ = ("Move", "MoveDetector")


@dataclass(frozen=True, slots=True)
class Move:
    """A *field* of *option* went from *before* to *after*.

    *change* is the difference as a fraction of the absolute value of *before*: -0.1 is -10 %. From
    0 every change is infinite.
    """

    symbol: str
    field: str
    before: float
    after: float
    change: float
    option: Option

    if TYPE_CHECKING:
        # as of an Option: a Gap is false, a Move is not
        def __bool__(self) -> Literal[True]: ...


class MoveDetector:
    """Detects the moves in a stream of options, each measured from the previous move."""

    def __init__(self, threshold: float, field: str) -> None:
        """Raises BadInput for a threshold outside of 0 to 1, or a field without numbers."""
        least = number("threshold", threshold, "0.05 for 5 %")
        if not 0 < least < math.inf:
            fault = f"threshold: {least:g} is not a change"
            raise BadInput(f"{fault}: write 0.05 for 5 %", arguments=("threshold",))
        if least > 1:
            fault = f"threshold: {least:g} is {least:.0%}"
            hint = f"write {least / 100:g} for {least:g}%" if least <= 100 else "write at most 1"
            raise BadInput(f"{fault}: {hint}", arguments=("threshold",))
        known = FIELDS.get(text("field", field, "mark_price"))
        if known is None or known.form != "number":
            names = [each.name for each in FIELDS.values() if each.form == "number"]
            raise BadInput(
                f"field: {shown(field)} has no numbers to move; take one of {', '.join(names)}"
            )
        self._threshold = least
        self._field = field
        # The value at the last move of each symbol, or the first value seen. Comparing with the
        # previous tick instead would miss a drift in small steps.
        self._reference: dict[str, float] = {}

    def detect(self, option: Option) -> Move | None:
        """Return the move that *option* completes, or None."""
        after: float | None = getattr(option, self._field)
        if after is None:
            return None
        before = self._reference.setdefault(option.symbol, after)
        if before == after:
            return None
        change = (after - before) / abs(before) if before else math.copysign(math.inf, after)
        if abs(change) < self._threshold:
            return None
        self._reference[option.symbol] = after
        return Move(option.symbol, self._field, before, after, change, option)
