"""Whether there is data: the market as a whole, and what is wanting."""

from dataclasses import dataclass
from typing import Any

from fastopts.errors import FastoptsError
from fastopts.metrics import quantile
from fastopts.reader.freshness.feed_state import FeedState
from fastopts.reader.mirrors.mirror import BaseMirror
from fastopts.serve.http.problems import reason_of

__all__ = ("Look", "look", "wanting")


@dataclass(frozen=True, slots=True)
class Look:
    """How many options are live, and the ages in seconds of those that are."""

    feed: FeedState
    live: int
    total: int
    age_s_p50: float | None
    age_s_p99: float | None
    newest_age_s: float | None

    @property
    def share(self) -> float:
        """Of what is listed, how much is live."""
        return self.live / self.total if self.total else 0.0

    @property
    def values(self) -> dict[str, Any]:
        return {
            "live": self.live,
            "total": self.total,
            "share": self.share,
            "age_s_p50": self.age_s_p50,
            "age_s_p99": self.age_s_p99,
            "newest_age_s": self.newest_age_s,
        }


def look(mirror: BaseMirror) -> Look:
    """Look at everything that *mirror* holds, be it live or not."""
    feed = mirror.feed()
    try:
        market = mirror.table(require_live=False).market
    except FastoptsError:
        return Look(feed, 0, 0, None, None, None)
    ages_s = market.live_ages_s()
    return Look(
        feed,
        len(ages_s),
        len(market),
        quantile(ages_s, 0.5),
        quantile(ages_s, 0.99),
        quantile(ages_s, 0.0),
    )


def wanting(found: Look, share: float, age_s: float) -> list[dict[str, str]]:
    """Why the data is not fit for use: less than *share* of the listed options is live, or the
    newest tick is older than *age_s*. Nothing when it is."""
    reasons = []
    if (down := found.feed.down) is not None:
        reasons.append({"reason": reason_of(down), "detail": str(down)})
    if not found.total:
        reasons.append({"reason": "Empty", "detail": "nothing is listed"})
    elif found.share < share:
        words = f"{found.live} of {found.total} options are live, less than {share:.0%}"
        reasons.append({"reason": "Coverage", "detail": words})
    newest_s = found.newest_age_s
    if newest_s is not None and newest_s > age_s:
        words = f"the newest tick is {newest_s:.1f} s old, more than {age_s:g}"
        reasons.append({"reason": "TooOld", "detail": words})
    return reasons
