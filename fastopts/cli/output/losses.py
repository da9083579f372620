"""The loss equations, as the collector's counters in `stats` have them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rich.text import Text

from fastopts.contract import StatsField

__all__ = ("UNKNOWN", "LossEquation", "equations")

UNKNOWN: Final = "not known: no counters of a collector in `stats`"


@dataclass(frozen=True, slots=True)
class LossEquation:
    """One of the loss equations, *left* being the sum of *right* when nothing was lost."""

    name: str
    left: int
    right: Mapping[str, int]

    @property
    def is_balanced(self) -> bool:
        return self.left == sum(self.right.values())

    @property
    def values(self) -> dict[str, Any]:
        """The terms and the verdict, for programs."""
        return {self.name: self.left, **self.right, "balanced": self.is_balanced}

    @property
    def words(self) -> Text:
        """The same for people."""
        verdict = ("balanced", "green") if self.is_balanced else ("NOT BALANCED", "bold red")
        return Text.assemble(f"{self}  ", verdict)

    def __str__(self) -> str:
        terms = " + ".join(f"{name} {count:,}" for name, count in self.right.items())
        return f"{self.name} {self.left:,} = {terms}"


def equations(counters: Mapping[str, int]) -> list[LossEquation]:
    """Both equations; none when `stats` is another program's."""
    known = {name for equation in StatsField.LOSS_EQUATIONS for name in (equation[0], *equation[1])}
    if not known <= counters.keys():
        return []
    return [
        LossEquation(left, counters[left], {name: counters[name] for name in right})
        for left, right in StatsField.LOSS_EQUATIONS
    ]
