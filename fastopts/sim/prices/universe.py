"""Which options exist: series, strikes and symbols, listed and delivered as time passes.

A series is what shares coin, settle coin and expiry. It holds strikes on a grid of its own around
the forward; when the forward moves, strikes are added at the edge it moves to, and none goes away
before delivery. At 08:00 UTC an option stops trading, stays listed as Delivering for a while, and
is gone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from math import ceil, exp, log, log10, sqrt
from typing import Final, Literal

from fastopts.sim.prices.black76 import DAYS_PER_YEAR
from fastopts.sim.prices.coins import Coin
from fastopts.sim.prices.expiries import DAY_MS, EXPIRIES_MAX, date_text, expiries, lifetime_days

__all__ = ("Listing", "Series", "Universe")

STRIKE_CHECK_MS: Final = 60_000  # how often new strikes are looked for
STRIKES_MIN: Final = 5  # of a series, before a coin gets another expiry
_SPAN = 4.5  # standard deviations from the lowest strike to the highest, if the grid allows
_LONG_DAYS = 60  # series this far away exist in USDC too
_USDC_PART = 3  # ... with the middle third of the strikes

Status = Literal["Trading", "Delivering"]
Forward = Callable[[Coin, str, int], float]  # coin, settle coin, delivery ms


@dataclass(slots=True, eq=False)
class Series:
    """The options of one coin, settle coin and expiry; `listed` are the strikes it has."""

    coin: Coin
    settle: str
    delivery_ms: int
    date: str
    step: Decimal
    strikes: int  # how many around the forward
    listed: set[Decimal] = field(default_factory=set)

    @property
    def key(self) -> tuple[str, str, int]:
        return self.coin.name, self.settle, self.delivery_ms


@dataclass(slots=True, eq=False)
class Listing:
    """One option's terms. `weight` says how busy it is, 1 being the busiest."""

    symbol: str
    symbol_id: int
    series: Series
    strike_text: str
    is_call: bool
    launch_ms: int
    strike: float = field(init=False)
    weight: float = 1.0
    status: Status = "Trading"

    def __post_init__(self) -> None:
        self.strike = float(self.strike_text)


class Universe:
    """All listings, by symbol.

    `roll` must be called whenever `next_roll_ms` has come; `forward` tells where a series trades.
    """

    def __init__(
        self, coins: Sequence[Coin], symbols: int, delivering_ms: int, forward: Forward
    ) -> None:
        self.listings: dict[str, Listing] = {}
        self.series: dict[tuple[str, str, int], Series] = {}
        self.next_roll_ms = 0
        self._forward = forward
        self._delivering_ms = delivering_ms
        self._next_id = 1
        shares = sum(coin.share for coin in coins)
        self._plans = [_Plan.of(coin, symbols * coin.share / shares) for coin in coins]

    def roll(self, now_ms: int) -> tuple[list[Listing], list[Listing]]:
        """Deliver what is due, list what is missing; return what came and what stopped trading."""
        stopped = self._deliver(now_ms)
        listed: list[Listing] = []
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

    def _deliver(self, now_ms: int) -> list[Listing]:
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
            series = Series(coin, settle, delivery_ms, date_text(delivery_ms), step, strikes)
            self.series[series.key] = series

    def _list(self, series: Series, now_ms: int) -> list[Listing]:
        forward = self._forward(series.coin, series.settle, series.delivery_ms)
        lowest = max(round(forward / float(series.step) - (series.strikes - 1) / 2), 1)
        wanted = {series.step * n for n in range(lowest, lowest + series.strikes)}
        # What is there at the beginning was launched before, the rest is launched now.
        launch_ms = now_ms if self.next_roll_ms else _launch_ms(series.delivery_ms, now_ms)
        missing = sorted(wanted - series.listed)
        series.listed |= wanted
        return [
            self._add(series, strike, is_call, launch_ms)
            for strike in missing
            for is_call in (True, False)
        ]

    def _add(self, series: Series, strike: Decimal, is_call: bool, launch_ms: int) -> Listing:
        text = f"{strike.normalize():f}"
        suffix = "-USDT" if series.settle == "USDT" else ""
        symbol = f"{series.coin.name}-{series.date}-{text}-{'C' if is_call else 'P'}{suffix}"
        listing = Listing(symbol, self._next_id, series, text, is_call, launch_ms)
        self._next_id += 1
        self.listings[symbol] = listing
        return listing

    def _weight(self, listing: Listing, now_ms: int) -> float:
        """Busy near the money and near expiry, nearly still in the wings."""
        series = listing.series
        days = max((series.delivery_ms - now_ms) / DAY_MS, 0.25)
        forward = self._forward(series.coin, series.settle, series.delivery_ms)
        deviation = series.coin.vol * sqrt(days / DAYS_PER_YEAR)
        distance = log(listing.strike / forward) / deviation
        return max(exp(-distance * distance / 2), 0.02) / (1 + days / 60)


@dataclass(frozen=True, slots=True)
class _Plan:
    """How many expiries a coin gets, and how many strikes each."""

    coin: Coin
    expiries: int
    strikes: int

    @classmethod
    def of(cls, coin: Coin, symbols: float) -> "_Plan":
        pairs = symbols / 2
        count = min(max(int(pairs / STRIKES_MIN), 1), EXPIRIES_MAX)
        # USDC comes on top: about three series of ten, a third of the strikes each.
        series = count * (1.1 if coin.has_usdc and count > 1 else 1)
        return cls(coin, count, max(round(pairs / series), 1))


def strike_step(coin: Coin, forward: float, days: float, strikes: int) -> Decimal:
    """Return the distance of strikes that spreads them over the usual moves of the forward."""
    deviation = coin.vol * sqrt(max(days, 0.5) / DAYS_PER_YEAR)
    wanted = forward * deviation * _SPAN / strikes
    power = Decimal(10) ** int(log10(wanted) // 1)
    nice = (power * Decimal(factor) for factor in ("1", "2", "2.5", "5", "10"))
    return max(next(step for step in nice if step >= Decimal(wanted)), Decimal(coin.strike_step))


def _launch_ms(delivery_ms: int, now_ms: int) -> int:
    life = lifetime_days((delivery_ms - now_ms) / DAY_MS)
    return min(delivery_ms - life * DAY_MS, now_ms)
