"""The loss equations over the collector's counters in `stats`: is every message accounted for?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.text import Text

from fastopts.contract import StatsField

__all__ = ("UNKNOWN", "LossEquation", "equations")

UNKNOWN: Final = "unknown: `stats` has no counters of a collector"


@dataclass(frozen=True, slots=True)
class LossEquation:
    """One equation: *left*, the counter *name*, is the sum of *right* when nothing was lost."""

    name: str
    left: int
    right: Mapping[str, int]

    @property
    def is_balanced(self) -> bool:
        """Whether both sides are equal."""
        return self.left == sum(self.right.values())

    @property
    def values(self) -> dict[str, Any]:
        """The terms and the result, for JSON."""
        return {self.name: self.left, **self.right, "balanced": self.is_balanced}

    @property
    def text(self) -> Text:
        """The equation and its result, for a table."""
        result = ("balanced", "green") if self.is_balanced else ("NOT BALANCED", "bold red")
        return Text.assemble(f"{self}  ", result)

    def __str__(self) -> str:
        terms = " + ".join(f"{name} {count:,}" for name, count in self.right.items())
        return f"{self.name} {self.left:,} = {terms}"


def equations(counters: Mapping[str, int], is_recording: bool = False) -> list[LossEquation]:
    """Return both equations, and that of a recording; none when `stats` is another program's."""
    terms: Sequence[tuple[str, Sequence[str]]] = StatsField.LOSS_EQUATIONS
    if is_recording:
        terms = (*terms, StatsField.RECORDING_EQUATION)
    names = {name for left, right in terms for name in (left, *right)}
    if not names <= counters.keys():
        return []
    return [
        LossEquation(left, counters[left], {name: counters[name] for name in right})
        for left, right in terms
    ]
