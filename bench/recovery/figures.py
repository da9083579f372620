"""Quantiles of many trials."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

__all__ = ("Trials",)


@dataclass(slots=True)
class Trials:
    """The duration of each trial; *faults* name differences between Redis and the messages sent."""

    seconds: list[float] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    def quantile_ms(self, q: float) -> int:
        """Return the smallest duration that at least a share *q* of all durations do not exceed."""
        # Nearest rank, not interpolated: the p99 of 100 trials is a trial that took place.
        ranked = sorted(self.seconds)
        return round(1000 * ranked[max(0, math.ceil(q * len(ranked)) - 1)])

    def figures(self, name: str) -> Iterator[tuple[str, int]]:
        """Yield the number of trials and the quantiles, under names that begin with *name*."""
        yield f"{name}_trials", len(self.seconds)
        for label, q in (("p50", 0.5), ("p99", 0.99), ("max", 1.0)):
            yield f"{name}_ms_{label}", self.quantile_ms(q)
