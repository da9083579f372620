"""When a number of the status line deserves a warning."""

from collections import deque
from dataclasses import dataclass, field
from statistics import median

__all__ = ("Alarms",)


@dataclass(slots=True)
class Alarms:
    """Judges one status after the other; each warning is given when its condition begins."""

    rate_share_min: float = 0.2
    coverage_min: float = 0.99
    lag_ms_max: float = 1000.0
    skew_ms_max: float = 1000.0
    loop_lag_ms_max: float = 1000.0
    settle_s: float = 60.0  # coverage and rate mean little right after the start
    window_s: float = 300.0
    _rates: deque[tuple[float, float]] = field(default_factory=deque)
    _started_at: float | None = None
    _ringing: set[str] = field(default_factory=set)

    def judge(
        self,
        now: float,
        rate: float,
        covered: int,
        wanted: int,
        lag_ms: float | None,
        skew_ms: float | None,
        loop_lag_ms: float = 0.0,
    ) -> list[str]:
        """Return the warnings that begin at *now*.

        *rate* is in messages/s, *covered* of *wanted* symbols are live, *lag_ms* is how long the
        database takes for a batch (None: it takes none), *skew_ms* the venue's clock minus the
        database's (None: not known yet), *loop_lag_ms* how long this process stood still.
        """
        if self._started_at is None:
            self._started_at = now
        usual = median(rate for _, rate in self._rates) if self._rates else 0.0
        self._rates.append((now, rate))
        while now - self._rates[0][0] > self.window_s:
            self._rates.popleft()
        settled = now - self._started_at >= self.settle_s
        fallen = (
            f"the rate fell to {rate:.0f}/s, under {self.rate_share_min:.0%} of its 5-minute median"
            f" of {usual:.0f}/s"
        )
        lag = "takes no data" if lag_ms is None else f"takes {lag_ms:.0f} ms for a batch"
        conditions = (
            ("rate", settled and rate < self.rate_share_min * usual, fallen),
            (
                "coverage",
                settled and covered < self.coverage_min * wanted,
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
        begun = [words for name, on, words in conditions if on and name not in self._ringing]
        self._ringing = {name for name, on, _ in conditions if on}
        return begun
