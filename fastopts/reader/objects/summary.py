"""`Summary`: a market on one screen, as text and as values."""

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

TOP: Final = 8  # rows, so that the whole fits into 24 lines

Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class AssetCount:
    """The options of *asset*: how many are listed (*total*), how many of them are *live*.

    *open_interest* and *volume_24h* (base coin) and *turnover_24h* (quote coin) are sums over live
    options. *quotes* are the quote coins of the listed ones: a turnover may be the sum of several.
    """

    asset: str
    live: int
    total: int
    open_interest: float
    volume_24h: float
    turnover_24h: float
    quotes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """The feed, each asset, and the age of live values in seconds: median and 99th percentile.

    *by_turnover* are the live options with the highest turnover of 24 hours; volumes in base coin
    could not be compared across assets. *by_iv* are the options with the highest mark volatility
    among those that pass the gate of a scan.
    """

    feed: FeedState
    assets: tuple[AssetCount, ...]
    age_s_p50: float | None
    age_s_p99: float | None
    by_turnover: tuple[Option, ...]
    by_iv: tuple[Option, ...]

    @property
    def live(self) -> int:
        """Live options of all assets."""
        return sum(each.live for each in self.assets)

    @property
    def total(self) -> int:
        """Listed options of all assets."""
        return sum(each.total for each in self.assets)

    def __str__(self) -> str:
        """Plain text, 80 columns wide and about 24 lines high."""
        return "\n".join([*_head(self), "", *_asset_lines(self), "", *_top_lines(self)])


def summarise(market: Market, top: int = TOP) -> Summary:
    """Summarise *market*, with the *top* options by turnover and by volatility."""
    live, ages_s = market.column("live"), market.live_ages_s()
    turnover = market.column("turnover_24h")
    # options that did not trade are left out, however few the others are
    traded = np.flatnonzero(live & (turnover > 0))
    by_turnover = traded[np.argsort(-turnover[traded], kind="stable")]
    return Summary(
        FeedState(market.moment),
        tuple(_count(market, asset) for asset in np.unique(market.column("asset")).tolist()),
        quantile(ages_s, 0.5),
        quantile(ages_s, 0.99),
        _options(market, by_turnover[:top]),
        tuple(scan(market, {}, True, "-mark_iv", top)),
    )


def _count(market: Market, asset: str) -> AssetCount:
    listed = market.column("asset") == asset
    live = listed & market.column("live")
    names = ("open_interest", "volume_24h", "turnover_24h")
    return AssetCount(
        asset=asset,
        live=int(live.sum()),
        total=int(listed.sum()),
        quotes=tuple(np.unique(market.column("quote")[listed]).tolist()),
        **{name: float(np.nansum(market.column(name)[live])) for name in names},
    )


def _options(market: Market, rows: Rows) -> tuple[Option, ...]:
    return tuple(market.option(int(row)) for row in rows)


def _head(summary: Summary) -> Iterator[str]:
    feed = summary.feed
    # the usual venue needs no line; any other must not be taken for it
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
    for each in summary.assets:
        yield (
            f"{each.asset:<6} {each.live:>7,} {each.total:>7,} {each.open_interest:>15,.2f}"
            f" {each.volume_24h:>15,.2f} {each.turnover_24h:>18,.0f}"
        )


def _top_lines(summary: Summary) -> Iterator[str]:
    yield f"{'high turnover':<26}{'turnover':>12}  {'high IV':<28}{'mark IV':>8}"
    for traded, volatile in zip_longest(summary.by_turnover, summary.by_iv):
        left = f"{traded.symbol:<26}{traded.turnover_24h:>12,.0f}" if traded else " " * 38
        right = f"{volatile.symbol:<28}{volatile.mark_iv:>8.1%}" if volatile else ""
        yield f"{left}  {right}".rstrip()
