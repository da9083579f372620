"""The market that the examples of the docs read: small, and the same at every run.

Its venue's clock shows NOW when a test begins: a skew makes it so, as a reader's age, phase and
days to expiry are on the venue's clock.
"""

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from fastopts.sim.prices import black76
from tests.support.store import Store, expiry_of

__all__ = ("MOVING", "NOW", "list_market")

NOW: Final = datetime(2027, 1, 4, 8, tzinfo=UTC)
FRONT, BACK = "29JAN27", "25JUN27"
MOVING: Final = "ETH-25JUN27-4500-P-USDT"
QUIET, MUTED, NO_BID = (
    "BTC-25JUN27-80000-P-USDT",
    "BTC-25JUN27-130000-C-USDT",
    "BTC-29JAN27-80000-P-USDT",
)
SPOT: Final = {"BTC": 98_400.0, "ETH": 3_520.0}
STRIKES: Final = {
    "BTC": (80_000, 90_000, 100_000, 110_000, 130_000),
    "ETH": (3_000, 3_500, 4_000, 4_500),
}
GRID: Final = {"BTC": 5.0, "ETH": 0.1}
HOUR_MS: Final = 3_600_000
MUTED_CONN: Final = 2


def list_market(store: Store) -> int:
    """Write the market into *store*; return the skew in ms that has its venue's clock at NOW."""
    skew_ms = round(NOW.timestamp() * 1000) - store.now_ms()
    limits = {"heartbeat_limit_ms": HOUR_MS, "watchdog_limit_ms": HOUR_MS}
    store.feed({1: 0, MUTED_CONN: 3601}, skew_ms=skew_ms, coverage="42/42", **limits)
    for symbol in _symbols():
        tick(store, symbol, skew_ms)
    return skew_ms


def tick(store: Store, symbol: str, skew_ms: int, factor: float = 1.0) -> None:
    """Have *symbol* tick, its mark price multiplied by *factor*."""
    age_s = 312.0 if symbol == QUIET else 0.4
    conn = MUTED_CONN if symbol == MUTED else 1
    values = _values(symbol)
    values["mark_price"] = round(values["mark_price"] * factor, 4)
    store.option(symbol, age_s - skew_ms / 1000, conn=conn, **values)
    asset = symbol.split("-")[0]
    store.list(symbol, tick_size=f"{GRID[asset]:g}")


def _symbols() -> Iterator[str]:
    for asset, strikes in STRIKES.items():
        for expiry in (FRONT, BACK):
            for strike in strikes:
                for kind in "CP":
                    yield f"{asset}-{expiry}-{strike}-{kind}-USDT"
    for strike in STRIKES["BTC"][1:4]:
        for kind in "CP":
            yield f"BTC-{FRONT}-{strike}-{kind}"


def _values(symbol: str) -> dict[str, float]:
    asset, _, text, kind, *_ = symbol.split("-")
    strike = float(text)
    days = (expiry_of(symbol) - NOW.timestamp() * 1000) / 86_400_000
    years = days / black76.DAYS_PER_YEAR
    forward = round(SPOT[asset] * math.exp(0.04 * years), 2)
    iv = _iv(asset, strike / forward, years)
    price, *greeks = black76.value(forward, strike, years, iv, kind == "C")
    grid = GRID[asset]
    bid = round(math.floor(price * 0.985 / grid) * grid, 1)
    ask = round(math.ceil(price * 1.015 / grid) * grid, 1)
    last = round(max(math.floor(price / grid), 1) * grid, 1)
    quoted = symbol != NO_BID
    return {
        "index_price": SPOT[asset],
        "underlying_price": forward,
        "mark_price": round(price, 4),
        "mark_iv": round(iv, 4),
        "bid_price": bid * quoted,
        "bid_size": 3.4 * quoted,
        "bid_iv": round(iv - 0.008, 4) * quoted,
        "ask_price": ask,
        "last_price": last,
        "high_24h": last + 4 * grid,
        "low_24h": max(last - 4 * grid, grid),
        "ask_iv": round(iv + 0.008, 4),
        **dict(
            zip(("delta", "gamma", "vega", "theta"), (round(g, 8) for g in greeks), strict=True)
        ),
    }


def _iv(asset: str, moneyness: float, years: float) -> float:
    """A smile with a skew to the puts."""
    k = math.log(moneyness) / math.sqrt(years)
    return {"BTC": 0.52, "ETH": 0.71}[asset] - 0.08 * k + 0.12 * k * k
