"""The venue's clock relative to this machine's monotonic clock, from the times in its answers.

A request sent at s and answered at r with the time stamp T bounds the offset of the venue's clock
to [T - r, T - s]. Delays, caches and answers paired with the wrong request can only make T too
early. So the lower bound always holds, and an answer whose interval lies below what the others
agree on is wrong as a whole: it is discarded and counted. The estimate is the middle of the
intersection of the rest, and half of its width is the error. A mean over answers has no such bound:
with pongs paired with the wrong pings it understated every age.

Assumptions: no time stamp is ahead of the venue's clock; two clocks drift apart by no more than
`DRIFT`; a wrong answer is too early by more than the round trips of it and of a right one (at most
`ROUND_TRIP_MAX_MS` each), or it is indistinguishable from a right one and shifts the estimate by
less than that.
"""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, NamedTuple

__all__ = ("ROUND_TRIP_MAX_MS", "Judgement", "VenueClock")

ROUND_TRIP_MAX_MS: Final = 1000.0
STAMP_MS: Final = 1.0  # time stamps are whole ms, rounded down
DRIFT: Final = 500e-6  # as fast as NTP slews a clock
SAMPLES_MAX: Final = 64
# A venue's clock that is set back contradicts its earlier answers until these are forgotten.
LIFETIME_MS: Final = 150_000.0


class Judgement(Enum):
    """How an answer was used."""

    AGREES = auto()
    SLOW = auto()  # discarded: its round trip is too long to narrow the estimate
    EARLY = auto()  # discarded: it lies below what the others agree on
    CORRECTS = auto()  # it lies above: all earlier answers were too early, and are discarded


class _Sample(NamedTuple):
    """Bounds of the offset in ms, as they were at the monotonic time *at_ms*."""

    lower_ms: float
    upper_ms: float
    at_ms: float


@dataclass(slots=True)
class VenueClock:
    """The estimate. All times are in ms. `early` and `slow` count discarded answers."""

    early: int = field(default=0, init=False)
    slow: int = field(default=0, init=False)
    _samples: deque[_Sample] = field(default_factory=lambda: deque(maxlen=SAMPLES_MAX), init=False)

    def add(self, stamp_ms: float, sent_ms: float, received_ms: float) -> Judgement:
        """Add the venue's time *stamp_ms* from the answer to a request.

        *sent_ms* and *received_ms* are when request and answer passed, by the monotonic clock.
        """
        # Such an interval is too wide to narrow the estimate.
        if received_ms - sent_ms > ROUND_TRIP_MAX_MS:
            self.slow += 1
            return Judgement.SLOW
        while self._samples and received_ms - self._samples[0].at_ms > LIFETIME_MS:
            self._samples.popleft()
        # The venue read its clock at an unknown moment between the two: until the answer is
        # received, the clocks may drift apart for the whole round trip.
        drift_ms = DRIFT * (received_ms - sent_ms)
        sample = _Sample(
            lower_ms=stamp_ms - received_ms - drift_ms,
            upper_ms=stamp_ms + STAMP_MS - sent_ms + drift_ms,
            at_ms=received_ms,
        )
        judgement = self._judge(sample)
        if judgement is Judgement.EARLY:
            self.early += 1
            return judgement
        if judgement is Judgement.CORRECTS:
            self._drop_below(sample)
        self._samples.append(sample)
        return judgement

    @property
    def known(self) -> bool:
        """Whether there is an estimate."""
        return bool(self._samples)

    def at(self, monotonic_ms: float) -> float:
        """Return the venue's clock at *monotonic_ms*. Raises ValueError when not `known`."""
        lower_ms, upper_ms = self._bounds(monotonic_ms)
        return monotonic_ms + (lower_ms + upper_ms) / 2

    def error_ms(self, monotonic_ms: float) -> float:
        """Return the upper bound of the error of `at`. Raises ValueError when not `known`."""
        lower_ms, upper_ms = self._bounds(monotonic_ms)
        return (upper_ms - lower_ms) / 2

    def clear(self) -> None:
        """Discard all answers: this machine's monotonic clock stood still in between."""
        self._samples.clear()

    def _judge(self, sample: _Sample) -> Judgement:
        if not self._samples:
            return Judgement.AGREES
        lower_ms, upper_ms = self._bounds(sample.at_ms)
        if sample.upper_ms < lower_ms:
            return Judgement.EARLY
        return Judgement.CORRECTS if sample.lower_ms > upper_ms else Judgement.AGREES

    def _drop_below(self, sample: _Sample) -> None:
        agreeing = [s for s in self._samples if _widened(s, sample.at_ms)[1] >= sample.lower_ms]
        self.early += len(self._samples) - len(agreeing)
        self._samples.clear()
        self._samples.extend(agreeing)

    def _bounds(self, now_ms: float) -> tuple[float, float]:
        """Return the intersection of all intervals, widened by the drift until *now_ms*."""
        if not self._samples:
            raise ValueError("the venue's clock is not known yet: add an answer first")
        widened = [_widened(sample, now_ms) for sample in self._samples]
        return max(lower for lower, _ in widened), min(upper for _, upper in widened)


def _widened(sample: _Sample, now_ms: float) -> tuple[float, float]:
    drift_ms = DRIFT * max(0.0, now_ms - sample.at_ms)
    return sample.lower_ms - drift_ms, sample.upper_ms + drift_ms
