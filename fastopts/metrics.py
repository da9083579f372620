"""Figures that are kept while running."""

from collections import deque
from dataclasses import dataclass, field

__all__ = ("Durations", "quantile")


def quantile(ordered: list[float], q: float) -> float | None:
    """The value below which a share *q* of the *ordered* values lies; None for none."""
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


@dataclass(slots=True)
class Durations:
    """The last *size* durations, in ms."""

    size: int = 512
    _values: deque[float] = field(default_factory=deque)

    def add(self, value_ms: float) -> None:
        self._values.append(value_ms)
        if len(self._values) > self.size:
            self._values.popleft()

    def quantile_ms(self, q: float) -> float | None:
        return quantile(sorted(self._values), q)
