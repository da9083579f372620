"""`Summary`: a market on one screen."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final

import numpy as np
from numpy.typing import NDArray

from fastopts.metrics import quantile
from fastopts.reader.freshness.feed_state import FeedState
from fastopts.reader.objects.market import Market
from fastopts.reader.objects.option import Option
from fastopts.reader.selection.scan import scan

__all__ = ("AssetCount", "Summary", "summarise")

TOP: Final = 8

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class AssetCount:
    """How many options of *asset* are listed, how many of them live.

    *open_interest* and *volume_24h* (base coin) and *turnover_24h* (quote coin) are sums over what
    is live.
    """

    asset: str
    live: int
    total: int
    open_interest: float
    volume_24h: float
    turnover_24h: float


@dataclass(frozen=True, slots=True)
class Summary:
    """The feed, each asset, and the ages of what is live in seconds: median, 99th percentile.

    *by_turnover* are the live options that traded most in 24 hours, by notional: base coins do not
    compare across assets. *by_iv* have the highest mark volatility of those that pass the gate of a
    scan.
    """

    feed: FeedState
    assets: tuple[AssetCount, ...]
    age_s_p50: float | None
    age_s_p99: float | None
    by_turnover: tuple[Option, ...]
    by_iv: tuple[Option, ...]

    @property
    def live(self) -> int:
        return sum(one.live for one in self.assets)

    @property
    def total(self) -> int:
        return sum(one.total for one in self.assets)

    def __str__(self) -> str:
        """It as plain text, 80 columns wide and about 24 lines high."""
        return "\n".join([*_head(self), "", *_asset_lines(self), "", *_top_lines(self)])


def summarise(market: Market, top: int = TOP) -> Summary:
    """Sum *market* up, with the *top* options by turnover and by volatility."""
    live, ages_s = market.column("live"), market.live_ages_s()
    turnover = market.column("turnover_24h")
    traded = np.flatnonzero(live & (turnover > 0))
    busiest = traded[np.argsort(-turnover[traded], kind="stable")]
    return Summary(
        FeedState(market.moment),
        tuple(_count(market, asset) for asset in np.unique(market.column("asset")).tolist()),
        quantile(ages_s, 0.5),
        quantile(ages_s, 0.99),
        _options(market, busiest[:top]),
        tuple(scan(market, {}, True, "-mark_iv", top)),
    )


def _count(market: Market, asset: str) -> AssetCount:
    listed = market.column("asset") == asset
    live = listed & market.column("live")
    sums = (
        float(np.nansum(market.column(name)[live]))
        for name in ("open_interest", "volume_24h", "turnover_24h")
    )
    return AssetCount(asset, int(live.sum()), int(listed.sum()), *sums)


def _options(market: Market, rows: Rows) -> tuple[Option, ...]:
    return tuple(market.option(int(row)) for row in rows)


def _head(summary: Summary) -> Iterator[str]:
    feed = summary.feed
    is_real = feed.venue in ("bybit", "")
    if not is_real:
        yield "SIMULATED: not the market" if feed.venue == "sim" else f"venue {feed.venue}"
    state = "alive" if feed.down is None else f"DOWN: {feed.down}"
    yield f"feed    {state}, {summary.live:,} of {summary.total:,} options live"
    if summary.age_s_p50 is not None:
        yield f"age     median {summary.age_s_p50:.1f} s, 99 % below {summary.age_s_p99:.1f} s"


def _asset_lines(summary: Summary) -> Iterator[str]:
    heads = ("asset", "live", "listed", "open interest", "volume 24h", "turnover 24h")
    yield "{:<6} {:>7} {:>7} {:>15} {:>15} {:>18}".format(*heads)
    for one in summary.assets:
        yield (
            f"{one.asset:<6} {one.live:>7,} {one.total:>7,} {one.open_interest:>15,.2f}"
            f" {one.volume_24h:>15,.2f} {one.turnover_24h:>18,.0f}"
        )


def _top_lines(summary: Summary) -> Iterator[str]:
    yield f"{'high turnover':<26}{'turnover':>12}  {'high IV':<28}{'mark IV':>8}"
    for busy, wild in zip_longest(summary.by_turnover, summary.by_iv):
        left = f"{busy.symbol:<26}{busy.turnover_24h:>12,.0f}" if busy else " " * 38
        right = f"{wild.symbol:<28}{wild.mark_iv:>8.1%}" if wild else ""
        yield f"{left}  {right}".rstrip()
