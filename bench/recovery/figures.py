"""Quantiles of many trials, beside the goals."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ("Trials",)


@dataclass(slots=True)
class Trials:
    """How long each took; *faults* name what differed from what was sent last."""

    seconds: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def quantile_ms(self, q: float) -> int:
        """The smallest that at least a part *q* of them are not above."""
        ranked = sorted(self.seconds)
        return round(1000 * ranked[max(0, math.ceil(q * len(ranked)) - 1)])

    def figures(self, name: str) -> Iterator[tuple[str, int]]:
        """The quantiles, under names that begin with *name*."""
        yield f"{name}_trials", len(self.seconds)
        for label, q in (("p50", 0.5), ("p99", 0.99), ("max", 1.0)):
            yield f"{name}_ms_{label}", self.quantile_ms(q)
