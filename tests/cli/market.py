"""A market for commands that read: two assets, two settle coins, and much that is amiss.

BTC 25DEC60 USDT is whole. Of BTC 27NOV60 USDT a put is stale, a call has no bid, another option
never ticked; its USDC series has one strike. Of ETH 27NOV60 USDT the put is stale.
"""

from typing import Any, Final

from tests.support.store import Store

__all__ = ("COUNTERS", "LISTED", "LIVE", "MINUTE_MS", "STALE", "UNTICKED", "feed", "fill")

MINUTE_MS: Final = 60_000
STALE: Final = "BTC-27NOV60-80000-P-USDT"
UNTICKED: Final = "BTC-27NOV60-110000-C-USDT"
LISTED, LIVE = 17, 14
_GONE: Final = 9  # a connection that the feed does not have

COUNTERS: Final[dict[Any, Any]] = {
    "received": 1000,
    "applied": 990,
    "older": 8,
    "rejected": 2,
    "written": 900,
    "conflated": 83,
    "pending": 7,
}

# strike: delta of the call, volatility
_DECEMBER: Final = {80000: (0.8, 0.60), 90000: (0.5, 0.50), 100000: (0.2, 0.55)}
_NOVEMBER: Final = {80000: (0.9, 0.70), 90000: (0.5, 0.52), 100000: (0.1, 0.58)}


def fill(store: Store) -> None:
    """List the market in *store*, and have it tick; it stays live for a minute."""
    for strike, (delta, iv) in _DECEMBER.items():
        terms = {"mark_iv": iv, "underlying_price": 90000.0}
        store.option(f"BTC-25DEC60-{strike}-C-USDT", delta=delta, **terms)
        store.option(f"BTC-25DEC60-{strike}-P-USDT", delta=delta - 1, **terms)
    for strike, (delta, iv) in _NOVEMBER.items():
        call = {"bid_price": 0.0, "bid_size": 0.0, "bid_iv": 0.0} if strike == 100000 else {}
        store.option(f"BTC-27NOV60-{strike}-C-USDT", delta=delta, mark_iv=iv, **call)
        put = {"conn": _GONE} if strike == 80000 else {}
        store.option(f"BTC-27NOV60-{strike}-P-USDT", delta=delta - 1, mark_iv=iv, **put)
    store.list(UNTICKED)
    for kind in "CP":
        store.option(f"BTC-27NOV60-90000-{kind}", mark_iv=0.8, turnover_24h=1e9, volume_24h=99.0)
    eth = {"underlying_price": 3010.0, "index_price": 3000.0, "mark_price": 150.25}
    store.option("ETH-27NOV60-3000-C-USDT", mark_iv=0.9, bid_price=148.1, ask_price=152.4, **eth)
    store.option("ETH-27NOV60-3000-P-USDT", mark_iv=0.9, conn=_GONE, **eth)
    feed(store)


def feed(store: Store, **fields: Any) -> None:
    """Write the feed, with limits that no slow machine breaks."""
    store.feed(
        heartbeat_limit_ms=MINUTE_MS,
        watchdog_limit_ms=MINUTE_MS,
        coverage=f"{LISTED - 1}/{LISTED}",
        **fields,
    )
