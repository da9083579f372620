"""Whether ticks arrive densely enough to read sockets on a timer instead of at each arrival."""

from typing import Final

__all__ = ("DENSE_FROM", "SPARSE_BELOW", "Density")

# Arrivals per interval. From four on, nearly every tick waits for the next flush anyway, and one
# wake-up for all of them costs less than one for each: at 2,600 messages a second the wake-ups cost
# more than parsing and encoding. Below two, most ticks would be written at once. The distance
# between the two keeps a steady feed from switching back and forth.
DENSE_FROM: Final = 4.0
SPARSE_BELOW: Final = 2.0
# Cap of the average, so that a feed that stops after a burst is sparse within about twelve
# intervals, however large the burst was.
AVERAGE_MAX: Final = 8.0
DECAY: Final = 7 / 8  # weight of the previous average after one interval


class Density:
    """Moving average of arrivals per interval, with hysteresis.

    `is_dense` becomes true when the average reaches DENSE_FROM and false when it falls below
    SPARSE_BELOW.
    """

    def __init__(self) -> None:
        self.is_dense = False
        self._average = 0.0

    def add(self, arrivals: int, intervals: float = 1.0) -> bool:
        """Add *arrivals* within the last *intervals* (one or more); return `is_dense`."""
        decay = DECAY if intervals == 1.0 else DECAY**intervals
        mean = arrivals / intervals
        self._average = min(mean + (self._average - mean) * decay, AVERAGE_MAX)
        self.is_dense = self._average >= (SPARSE_BELOW if self.is_dense else DENSE_FROM)
        return self.is_dense
