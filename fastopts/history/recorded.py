"""`RecordedTimes`: from when to when the market is recorded, and the gaps between."""

from bisect import bisect_right
from dataclasses import dataclass
from typing import NamedTuple

from fastopts.errors import NotRecorded
from fastopts.history.times import SECOND_US, time_text

__all__ = ("RecordedGap", "RecordedTimes")


class RecordedGap(NamedTuple):
    """Messages between two times (µs since 1970 UTC) that are missing, and why."""

    start_us: int
    end_us: int
    reason: str


@dataclass(frozen=True, slots=True)
class RecordedTimes:
    """What is recorded: everything from *start_us* to *end_us* but the *gaps*, in order."""

    start_us: int
    end_us: int
    gaps: tuple[RecordedGap, ...]

    def check(self, at_us: int) -> None:
        """Raise NotRecorded unless the market at *at_us* is recorded."""
        # A heartbeat comes each second: what is recorded ends up to a second after the last one.
        if not self.start_us <= at_us <= self.end_us + SECOND_US:
            where = "before" if at_us < self.start_us else "after"
            raise NotRecorded(
                f"{time_text(at_us)} is {where} what is recorded:"
                f" {time_text(self.start_us)} to {time_text(self.end_us)}"
            )
        for gap in self.gaps:
            if gap.start_us < at_us < gap.end_us:
                raise NotRecorded(
                    f"{time_text(at_us)} is in a gap, {time_text(gap.start_us)} to"
                    f" {time_text(gap.end_us)}: {gap.reason}; choose a time outside of it"
                )

    def check_overlap(self, start_us: int, end_us: int) -> None:
        """Raise NotRecorded if nothing from *start_us* to *end_us* is recorded."""
        if end_us < self.start_us or start_us > self.end_us:
            self.check(end_us if end_us < self.start_us else start_us)

    def gap_end_us(self, at_us: int) -> int:
        """Return the end of the last gap up to *at_us*; 0 if there is none.

        An update within the gap is not known: a tick received before it may have been replaced.
        """
        ends = sorted(gap.end_us for gap in self.gaps)
        index = bisect_right(ends, at_us)
        return ends[index - 1] if index else 0
