"""Health of the market data: coverage, ages, and the reasons why /ready answers 503."""

from dataclasses import dataclass
from typing import Any

from fastopts.errors import FastoptsError
from fastopts.metrics import quantile
from fastopts.reader.freshness.feed_state import FeedState
from fastopts.reader.mirrors.mirror import BaseMirror
from fastopts.serve.protocol import Reason, reason_of

__all__ = ("MarketHealth", "measure", "readiness_problems")


@dataclass(frozen=True, slots=True)
class MarketHealth:
    """How many listed options are live, and the ages of the live ones in seconds.

    Ages are None while nothing is live.
    """

    feed: FeedState
    live: int
    total: int
    age_s_p50: float | None
    age_s_p99: float | None
    newest_age_s: float | None

    @property
    def share(self) -> float:
        """The live share of the listed options; 0 if none is listed."""
        return self.live / self.total if self.total else 0.0

    @property
    def values(self) -> dict[str, Any]:
        """The numbers by name, as in /ready and /v1/feed."""
        return {
            "live": self.live,
            "total": self.total,
            "share": self.share,
            "age_s_p50": self.age_s_p50,
            "age_s_p99": self.age_s_p99,
            "newest_age_s": self.newest_age_s,
        }


def measure(mirror: BaseMirror) -> MarketHealth:
    """Measure the health of everything that *mirror* holds; without data all of it is 0 or None."""
    feed = mirror.feed()
    try:
        market = mirror.table(require_live=False).market
    except FastoptsError:
        return MarketHealth(
            feed=feed, live=0, total=0, age_s_p50=None, age_s_p99=None, newest_age_s=None
        )
    ages_s = market.live_ages_s()
    return MarketHealth(
        feed=feed,
        live=len(ages_s),
        total=len(market),
        age_s_p50=quantile(ages_s, 0.5),
        age_s_p99=quantile(ages_s, 0.99),
        newest_age_s=quantile(ages_s, 0.0),
    )


def readiness_problems(
    health: MarketHealth, *, share_min: float, age_s_max: float
) -> list[dict[str, str]]:
    """Return why the data are not fit for use, as `reason` and `detail`; empty if they are.

    Fit for use: the feed is alive, at least *share_min* of the listed options are live, and the
    newest tick is not older than *age_s_max*.
    """
    problems = []
    if (down := health.feed.down) is not None:
        problems.append(_problem(reason_of(down), str(down)))
    if not health.total:
        problems.append(_problem(Reason.EMPTY, "no option is listed"))
    elif health.share < share_min:
        detail = f"{health.live} of {health.total} options are live, less than {share_min:.0%}"
        problems.append(_problem(Reason.COVERAGE, detail))
    newest_age_s = health.newest_age_s
    if newest_age_s is not None and newest_age_s > age_s_max:
        detail = f"the newest tick is {newest_age_s:.1f} s old, more than {age_s_max:g}"
        problems.append(_problem(Reason.TOO_OLD, detail))
    return problems


def _problem(reason: str, detail: str) -> dict[str, str]:
    return {"reason": reason, "detail": detail}
