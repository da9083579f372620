"""Listed options: series, strikes and symbols, listed and delivered as time passes.

A series has strikes on a grid around its forward. When the forward moves, strikes are added at that
edge, and none is removed before delivery. At 08:00 UTC of the expiry an option stops trading, stays
listed as Delivering for some time, and is removed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import ceil, exp, log, log10, sqrt
from typing import Final, Literal

from fastopts.sim.prices.black76 import DAYS_PER_YEAR
from fastopts.sim.prices.coins import Coin
from fastopts.sim.prices.expiries import DAY_MS, EXPIRIES_MAX, date_text, expiries, lifetime_days

__all__ = ("SimListing", "SimSeries", "SimUniverse")

STRIKE_CHECK_MS: Final = 60_000  # interval at which new strikes are listed
STRIKES_MIN: Final = 5  # strikes per series before a coin gets another expiry
_SPAN = 4.5  # standard deviations from the lowest to the highest strike, if the grid allows
_LONG_DAYS = 60  # series further away are listed in USDC as well
_USDC_PART = 3  # ... with the middle third of the strikes

Status = Literal["Trading", "Delivering"]
Forward = Callable[[Coin, str, int], float]  # coin, settle coin, delivery ms


@dataclass(slots=True, eq=False)
class SimSeries:
    """Options of one coin, settle coin and expiry; `listed` holds its strikes."""

    coin: Coin
    settle: str
    delivery_ms: int
    date: str
    step: Decimal
    strikes: int  # number of strikes around the forward
    listed: set[Decimal] = field(default_factory=set)

    @property
    def key(self) -> tuple[str, str, int]:
        """Coin, settle coin and delivery time (UTC ms)."""
        return self.coin.name, self.settle, self.delivery_ms


@dataclass(slots=True, eq=False)
class SimListing:
    """Contract terms of one option. `weight` is its relative tick rate, at most 1."""

    symbol: str
    symbol_id: int
    series: SimSeries
    strike_text: str
    is_call: bool
    launch_ms: int
    strike: float = field(init=False)
    weight: float = 1.0
    status: Status = "Trading"

    def __post_init__(self) -> None:
        self.strike = float(self.strike_text)


class SimUniverse:
    """All listings, by symbol.

    The owner calls `roll` when `next_roll_ms` has passed; *forward* returns the forward of a
    series.
    """

    def __init__(
        self, coins: Sequence[Coin], symbols: int, delivering_ms: int, forward: Forward
    ) -> None:
        self.listings: dict[str, SimListing] = {}
        self.series: dict[tuple[str, str, int], SimSeries] = {}
        self.next_roll_ms = 0
        self._forward = forward
        self._delivering_ms = delivering_ms
        self._next_id = 1
        shares = sum(coin.share for coin in coins)
        self._plans = [_Plan.of(coin, symbols * coin.share / shares) for coin in coins]

    def roll(self, now_ms: int) -> tuple[list[SimListing], list[SimListing]]:
        """Deliver expired options and list new ones; return both (listed, stopped trading)."""
        stopped = self._deliver(now_ms)
        listed: list[SimListing] = []
        for plan in self._plans:
            for delivery_ms in expiries(now_ms, plan.expiries):
                self._open(plan, delivery_ms, now_ms)
        for series in self.series.values():
            listed += self._list(series, now_ms)
        for listing in self.listings.values():
            listing.weight = self._weight(listing, now_ms)
        deliveries = [series.delivery_ms for series in self.series.values()]
        self.next_roll_ms = min([now_ms + STRIKE_CHECK_MS, *deliveries])
        return listed, stopped

    def _deliver(self, now_ms: int) -> list[SimListing]:
        stopped = []
        for listing in list(self.listings.values()):
            left_ms = listing.series.delivery_ms - now_ms
            if left_ms <= -self._delivering_ms:
                del self.listings[listing.symbol]
            if left_ms <= 0 and listing.status == "Trading":
                listing.status = "Delivering"
                stopped.append(listing)
        for key, series in list(self.series.items()):
            if series.delivery_ms <= now_ms:
                del self.series[key]
        return stopped

    def _open(self, plan: "_Plan", delivery_ms: int, now_ms: int) -> None:
        coin, days = plan.coin, (delivery_ms - now_ms) / DAY_MS
        if (coin.name, "USDT", delivery_ms) in self.series:
            return
        step = strike_step(coin, self._forward(coin, "USDT", delivery_ms), days, plan.strikes)
        settles = {"USDT": plan.strikes}
        if coin.has_usdc and days > _LONG_DAYS:
            settles["USDC"] = ceil(plan.strikes / _USDC_PART)
        for settle, strikes in settles.items():
            series = SimSeries(coin, settle, delivery_ms, date_text(delivery_ms), step, strikes)
            self.series[series.key] = series

    def _list(self, series: SimSeries, now_ms: int) -> list[SimListing]:
        forward = self._forward(series.coin, series.settle, series.delivery_ms)
        lowest = max(round(forward / float(series.step) - (series.strikes - 1) / 2), 1)
        strikes = {series.step * n for n in range(lowest, lowest + series.strikes)}
        # Options that exist at the start were launched before, later ones now.
        launch_ms = now_ms if self.next_roll_ms else _launch_ms(series.delivery_ms, now_ms)
        missing = sorted(strikes - series.listed)
        series.listed |= strikes
        return [
            self._add(series, strike, is_call, launch_ms)
            for strike in missing
            for is_call in (True, False)
        ]

    def _add(self, series: SimSeries, strike: Decimal, is_call: bool, launch_ms: int) -> SimListing:
        text = f"{strike.normalize():f}"
        suffix = "-USDT" if series.settle == "USDT" else ""
        symbol = f"{series.coin.name}-{series.date}-{text}-{'C' if is_call else 'P'}{suffix}"
        listing = SimListing(symbol, self._next_id, series, text, is_call, launch_ms)
        self._next_id += 1
        self.listings[symbol] = listing
        return listing

    def _weight(self, listing: SimListing, now_ms: int) -> float:
        """Tick rate: high at the money and near expiry, almost zero in the wings."""
        series = listing.series
        days = max((series.delivery_ms - now_ms) / DAY_MS, 0.25)
        forward = self._forward(series.coin, series.settle, series.delivery_ms)
        deviation = series.coin.vol * sqrt(days / DAYS_PER_YEAR)
        distance = log(listing.strike / forward) / deviation
        return max(exp(-distance * distance / 2), 0.02) / (1 + days / 60)


@dataclass(frozen=True, slots=True)
class _Plan:
    """Number of expiries of a coin, and of strikes in each."""

    coin: Coin
    expiries: int
    strikes: int

    @classmethod
    def of(cls, coin: Coin, symbols: float) -> "_Plan":
        pairs = symbols / 2
        count = min(max(int(pairs / STRIKES_MIN), 1), EXPIRIES_MAX)
        # USDC series are extra: about three of ten, with a third of the strikes each.
        series = count * (1.1 if coin.has_usdc and count > 1 else 1)
        return cls(coin, count, max(round(pairs / series), 1))


def strike_step(coin: Coin, forward: float, days: float, strikes: int) -> Decimal:
    """Return the strike step that spreads *strikes* over the likely moves of the forward."""
    deviation = coin.vol * sqrt(max(days, 0.5) / DAYS_PER_YEAR)
    ideal = forward * deviation * _SPAN / strikes
    power = Decimal(10) ** int(log10(ideal) // 1)
    nice = (power * Decimal(factor) for factor in ("1", "2", "2.5", "5", "10"))
    return max(next(step for step in nice if step >= Decimal(ideal)), Decimal(coin.strike_step))


def _launch_ms(delivery_ms: int, now_ms: int) -> int:
    life = lifetime_days((delivery_ms - now_ms) / DAY_MS)
    return min(delivery_ms - life * DAY_MS, now_ms)
