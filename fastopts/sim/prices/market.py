"""The simulated market: random-walk coins and all their options.

Pure and seeded: the same seed and the same calls at the same times give the same numbers. An
option's values change only when it ticks, and they are consistent: mark price and greeks are
Black-76 of the published forward and IV at the time of the tick.

    Spot (coin) -> Curve (series: forward, smile) -> SimOption (mark, quote, tape) -> Ticker (text)
"""

from collections.abc import Sequence

from fastopts.sim.prices.black76 import YEAR_MS
from fastopts.sim.prices.chance import stream
from fastopts.sim.prices.coins import COINS, Coin
from fastopts.sim.prices.curve import Curve, forward_price
from fastopts.sim.prices.option import SimOption
from fastopts.sim.prices.spot import Spot
from fastopts.sim.prices.universe import SimListing, SimSeries, SimUniverse
from fastopts.sim.text import Grid

__all__ = ("SimMarket",)


class SimMarket:
    """Options of the given coins at `now_ms`; `options` maps symbols to the listed ones."""

    def __init__(
        self, coins: Sequence[str], symbols: int, seed: int, now_ms: int, delivering_ms: int = 0
    ) -> None:
        self.now_ms = now_ms
        self.options: dict[str, SimOption] = {}
        known = [COINS[name] for name in coins]
        self._seed = seed
        self._luck = stream(seed, "ticks")
        self._spots = {coin.name: Spot(coin, seed, now_ms) for coin in known}
        self._grids = {coin.name: (Grid(coin.tick), Grid(coin.lot)) for coin in known}
        self._curves: dict[SimSeries, Curve] = {}
        self._universe = SimUniverse(known, symbols, delivering_ms, self._forward)
        self._roll()

    def advance(self, now_ms: int) -> bool:
        """Advance to *now_ms*; return whether options were listed or delivered."""
        if now_ms <= self.now_ms:
            return False
        self.now_ms = now_ms
        for spot in self._spots.values():
            spot.advance(now_ms)
        return now_ms >= self._universe.next_roll_ms and self._roll()

    def tick(self, option: SimOption) -> bool:
        """Update *option* to the current time; return whether its state changed."""
        return option.tick(self.now_ms, self._luck)

    def _forward(self, coin: Coin, settle: str, delivery_ms: int) -> float:
        years = max(delivery_ms - self.now_ms, 0) / YEAR_MS
        return forward_price(self._spots[coin.name].price, settle, years)

    def _roll(self) -> bool:
        before = len(self.options)
        listed, stopped = self._universe.roll(self.now_ms)
        listings = self._universe.listings
        self.options = {name: option for name, option in self.options.items() if name in listings}
        removed = before - len(self.options)
        for listing in listed:
            self.options[listing.symbol] = self._open(listing)
        trading = set(self._universe.series.values())
        self._curves = {series: c for series, c in self._curves.items() if series in trading}
        return bool(listed or stopped or removed)

    def _open(self, listing: SimListing) -> SimOption:
        series = listing.series
        coin = series.coin.name
        if series not in self._curves:
            self._curves[series] = Curve(series, self._spots[coin])
        # The initial state depends on the symbol alone, not on the order of listings.
        luck = stream(self._seed, listing.symbol)
        return SimOption(listing, self._curves[series], self._grids[coin], self.now_ms, luck)
