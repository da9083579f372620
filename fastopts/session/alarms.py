"""Thresholds that turn figures of the status line into warnings."""

from collections import deque
from dataclasses import dataclass, field
from statistics import median

__all__ = ("Alarms",)


@dataclass(slots=True)
class Alarms:
    """Judges successive statuses; a warning is returned once, when its condition begins.

    A condition that ends and begins again is reported again.
    """

    rate_share_min: float = 0.2
    coverage_min: float = 0.99
    lag_ms_max: float = 1000.0
    skew_ms_max: float = 1000.0
    loop_lag_ms_max: float = 1000.0
    settle_s: float = 60.0  # coverage and rate mean little right after the start
    window_s: float = 300.0  # of the median rate
    _rates: deque[tuple[float, float]] = field(default_factory=deque, init=False)
    _started_at: float | None = field(default=None, init=False)
    _active: set[str] = field(default_factory=set, init=False)

    def judge(
        self,
        now: float,
        *,
        rate: float,
        covered: int,
        wanted: int,
        lag_ms: float | None,
        skew_ms: float | None,
        loop_lag_ms: float = 0.0,
    ) -> list[str]:
        """Return the warnings that begin at *now*, in monotonic seconds.

        *rate* is in messages/s, *covered* of *wanted* symbols are live. *lag_ms* is how long Redis
        takes to acknowledge a batch; None if it accepts none. *skew_ms* is the venue's clock minus
        that of the Redis server; None if unknown. *loop_lag_ms* is how late the event loop ran.
        """
        if self._started_at is None:
            self._started_at = now
        # The median, and of the rates before this one: a burst must not raise the reference, and
        # a fall must not lower it while it is being judged.
        usual_rate = median(rate for _, rate in self._rates) if self._rates else 0.0
        self._rates.append((now, rate))
        while now - self._rates[0][0] > self.window_s:
            self._rates.popleft()
        is_settled = now - self._started_at >= self.settle_s
        lag = "accepts no data" if lag_ms is None else f"takes {lag_ms:.0f} ms for a batch"
        conditions = (
            (
                "rate",
                is_settled and rate < self.rate_share_min * usual_rate,
                (
                    f"message rate fell to {rate:.0f}/s, below {self.rate_share_min:.0%} of its"
                    f" 5-minute median of {usual_rate:.0f}/s"
                ),
            ),
            (
                "coverage",
                is_settled and covered < self.coverage_min * wanted,
                f"{wanted - covered} of {wanted} symbols are not live",
            ),
            ("lag", lag_ms is None or lag_ms > self.lag_ms_max, f"Redis {lag}"),
            (
                "skew",
                abs(skew_ms or 0) > self.skew_ms_max,
                f"the clocks of venue and Redis host are {(skew_ms or 0) / 1000:.1f} s apart",
            ),
            (
                "loop",
                loop_lag_ms > self.loop_lag_ms_max,
                f"this process stood still for {loop_lag_ms / 1000:.1f} s",
            ),
        )
        warnings = [text for name, is_on, text in conditions if is_on and name not in self._active]
        self._active = {name for name, is_on, _ in conditions if is_on}
        return warnings
