"""The venue's clock against our monotonic one, from the times in its answers.

A question sent at s and answered at r with the stamp T bounds the offset of the venue's clock to
[T - r, T - s]. Delays, caches and answers that were paired with the wrong question can only make T
too early. So the lower bound always holds, and an answer whose interval lies below what others
agree on is wrong as a whole: it is discarded and counted. The estimate is the middle of the
intersection of the rest, and half of its width is the error.

Assumptions: no stamp is ahead of the venue's clock; two clocks drift apart by no more than
`DRIFT`; a wrong answer is too early by more than the round trips of it and of a right one (at most
`ROUND_TRIP_MAX_MS` each), or it can't be told from a right one and shifts the estimate by less
than that.
"""

from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, NamedTuple

__all__ = ("ROUND_TRIP_MAX_MS", "Judgement", "VenueClock")

ROUND_TRIP_MAX_MS: Final = 1000.0
STAMP_MS: Final = 1.0  # stamps are whole ms, rounded down
DRIFT: Final = 500e-6  # as fast as NTP slews a clock
SAMPLES_MAX: Final = 64
# A venue's clock that is set back contradicts what was answered before; that is forgotten then.
LIFE_MS: Final = 150_000.0


class Judgement(Enum):
    """What became of an answer."""

    AGREES = auto()
    SLOW = auto()  # its round trip is too long to say much
    EARLY = auto()  # it lies below what others agree on
    CORRECTS = auto()  # it lies above: all that was believed so far is too early


class _Sample(NamedTuple):
    """Bounds of the offset in ms, as they were at the monotonic time *at_ms*."""

    lower_ms: float
    upper_ms: float
    at_ms: float


@dataclass(slots=True)
class VenueClock:
    """The estimate; all times are in ms. `early` and `slow` count answers that were not used."""

    early: int = 0
    slow: int = 0
    _samples: deque[_Sample] = field(default_factory=lambda: deque(maxlen=SAMPLES_MAX))

    def add(self, stamp_ms: float, sent_ms: float, received_ms: float) -> Judgement:
        """Take the venue's *stamp_ms*, which answers a question sent at *sent_ms*."""
        if received_ms - sent_ms > ROUND_TRIP_MAX_MS:
            self.slow += 1
            return Judgement.SLOW
        while self._samples and received_ms - self._samples[0].at_ms > LIFE_MS:
            self._samples.popleft()
        sample = _Sample(stamp_ms - received_ms, stamp_ms + STAMP_MS - sent_ms, received_ms)
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
        return bool(self._samples)

    def at(self, monotonic_ms: float) -> float:
        """What the venue's clock shows at *monotonic_ms*. Raises ValueError when not `known`."""
        lower_ms, upper_ms = self._bounds(monotonic_ms)
        return monotonic_ms + (lower_ms + upper_ms) / 2

    def error_ms(self, monotonic_ms: float) -> float:
        """How far off `at` may be then. Raises ValueError when not `known`."""
        lower_ms, upper_ms = self._bounds(monotonic_ms)
        return (upper_ms - lower_ms) / 2

    def clear(self) -> None:
        """Forget all answers: our own clock stood still."""
        self._samples.clear()

    def _judge(self, sample: _Sample) -> Judgement:
        if not self._samples:
            return Judgement.AGREES
        lower_ms, upper_ms = self._bounds(sample.at_ms)
        if sample.upper_ms < lower_ms:
            return Judgement.EARLY
        return Judgement.CORRECTS if sample.lower_ms > upper_ms else Judgement.AGREES

    def _drop_below(self, sample: _Sample) -> None:
        kept = [s for s in self._samples if _widened(s, sample.at_ms)[1] >= sample.lower_ms]
        self.early += len(self._samples) - len(kept)
        self._samples.clear()
        self._samples.extend(kept)

    def _bounds(self, now_ms: float) -> tuple[float, float]:
        """The intersection of all intervals, as wide as they have become by *now_ms*."""
        if not self._samples:
            raise ValueError("the venue's clock is not known yet")
        widened = [_widened(sample, now_ms) for sample in self._samples]
        return max(lower for lower, _ in widened), min(upper for _, upper in widened)


def _widened(sample: _Sample, now_ms: float) -> tuple[float, float]:
    drift_ms = DRIFT * max(0.0, now_ms - sample.at_ms)
    return sample.lower_ms - drift_ms, sample.upper_ms + drift_ms
