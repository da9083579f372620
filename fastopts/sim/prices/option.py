"""One option: mark price, greeks, quotes and trades, formatted as the venue does."""

from math import ceil
from random import Random
from typing import Final, NamedTuple

from fastopts.sim.prices.black76 import implied_iv, value
from fastopts.sim.prices.curve import Curve
from fastopts.sim.prices.tape import HOUR_MS, Tape
from fastopts.sim.prices.universe import SimListing
from fastopts.sim.text import Grid, decimal

__all__ = ("SimOption", "Ticker")

IV_PLACES: Final = 4

_HALF_SPREAD_VEGAS = 0.4  # half spread in vol points, before the random width
_HALF_SPREAD_TICKS = 0.2
_NEAREST, _FARTHEST = (
    0.6,
    1.4,
)  # a quote stays within these multiples of the half spread from the mark
_RESIZES = 0.1  # probability that a tick changes the sizes
_TRADES = 0.01  # probability of a trade per tick, for the busiest options
_HISTORY_HOURS = 40  # age of the oldest trade generated at the start
_HISTORY_TRADES = 6
_WING = 0.1  # options below this weight may lack asks or trades
_NO_OFFERS, _NO_TRADES = 0.25, 0.6  # with these probabilities


class Ticker(NamedTuple):
    """State of an option as decimal text, in the order of the venue's fields."""

    bid_price: str
    bid_size: str
    bid_iv: str
    ask_price: str
    ask_size: str
    ask_iv: str
    last_price: str
    high_24h: str
    low_24h: str
    mark_price: str
    index_price: str
    mark_iv: str
    underlying_price: str
    open_interest: str
    turnover_24h: str
    volume_24h: str
    total_volume: str
    total_turnover: str
    delta: str
    gamma: str
    vega: str
    theta: str
    predicted_delivery_price: str
    change_24h: str


class _Side:
    """One side of the quote, in whole ticks and lots; 0 ticks: no quote."""

    __slots__ = ("_grids", "_lots", "iv", "price", "price_text", "size_text", "ticks")

    def __init__(self, grids: tuple[Grid, Grid]) -> None:
        self._grids = grids
        self._lots = self.ticks = 0
        self.price = self.iv = 0.0
        self.price_text = self.size_text = "0"

    def move(self, ticks: int) -> None:
        """Change the price. No-op if it is the same."""
        if ticks != self.ticks:
            self.ticks = ticks
            self.price = ticks * self._grids[0].step
            self.price_text = self._grids[0].text(ticks)
            self.resize(self._lots)

    def resize(self, lots: int) -> None:
        self._lots = lots
        self.size_text = self._grids[1].text(lots) if self.ticks else "0"


class SimOption:
    """One option. Its state, `texts` in the order of `Ticker`, changes only when it ticks.

    `texts` is a plain tuple, since building a named tuple costs as much as Black-76; `ticker`
    returns it with names. `ts_ms` is the time of the last tick.
    """

    __slots__ = (
        "_ask",
        "_bid",
        "_depth_lots",
        "_has_asks",
        "_lot",
        "_tape",
        "_tape_texts",
        "_tick",
        "_width",
        "curve",
        "is_call",
        "listing",
        "strike",
        "symbol",
        "texts",
        "ts_ms",
    )

    def __init__(
        self, listing: SimListing, curve: Curve, grids: tuple[Grid, Grid], now_ms: int, luck: Random
    ) -> None:
        self.listing = listing
        self.symbol = listing.symbol
        self.strike = listing.strike
        self.is_call = listing.is_call
        self.curve = curve
        self.ts_ms = 0
        self.texts: tuple[str, ...] = ()
        self._tick, self._lot = grids
        self._bid, self._ask = _Side(grids), _Side(grids)
        self._tape = Tape()
        self._depth_lots = listing.series.coin.depth_lots
        in_wing = listing.weight < _WING
        self._has_asks = not (in_wing and luck.random() < _NO_OFFERS)
        if not (in_wing and luck.random() < _NO_TRADES):
            self._make_history(now_ms, luck)
        self._tape_texts = self._write_tape()
        self._resize(luck)
        self.tick(now_ms, luck)

    @property
    def ticker(self) -> Ticker:
        """The current state with names."""
        return Ticker(*self.texts)

    def tick(self, now_ms: int, luck: Random) -> bool:
        """Update to *now_ms*, sometimes with a trade; return whether the state changed."""
        curve, strike, is_call = self.curve, self.strike, self.is_call
        curve.advance(now_ms)
        forward, years = curve.forward, curve.years
        # Computed from the published (rounded) IV, so that readers can reproduce the values.
        iv_text = decimal(curve.iv(strike), IV_PLACES)
        iv = float(iv_text)
        mark, delta, gamma, vega, theta = value(forward, strike, years, iv, is_call)
        if luck.random() < _RESIZES:
            self._resize(luck)
        bid, ask = self._bid, self._ask
        self._quote(mark, vega)
        # The previous IV is a good initial guess.
        bid.iv = bid.ticks and implied_iv(bid.price, forward, strike, years, is_call, bid.iv or iv)
        ask.iv = ask.ticks and implied_iv(ask.price, forward, strike, years, is_call, ask.iv or iv)
        if luck.random() < _TRADES * self.listing.weight:
            self._trade(now_ms, luck)
        if 0 < self._tape.roll_ms <= now_ms:
            self._tape.roll(now_ms)
            self._tape_texts = self._write_tape()
        last, high, low, interest, turnover, volume, volumes, turnovers, change = self._tape_texts
        texts = (
            bid.price_text,
            bid.size_text,
            decimal(bid.iv, IV_PLACES),
            ask.price_text,
            ask.size_text,
            decimal(ask.iv, IV_PLACES),
            last,
            high,
            low,
            decimal(mark),
            curve.spot.text,
            iv_text,
            curve.forward_text,
            interest,
            turnover,
            volume,
            volumes,
            turnovers,
            decimal(delta),
            decimal(gamma),
            decimal(vega),
            decimal(theta),
            curve.predicted,
            change,
        )
        if texts == self.texts:
            return False
        self.texts, self.ts_ms = texts, now_ms
        return True

    def _resize(self, luck: Random) -> None:
        """Draw a new spread width and new sizes."""
        self._width = 0.5 + luck.random()
        for side in (self._bid, self._ask):
            side.resize(1 + int(self._depth_lots * 3 * luck.random() ** 3))

    def _quote(self, mark: float, vega: float) -> None:
        """Move quotes that are too close to the mark or too far from it."""
        step = self._tick.step
        half = self._width * (_HALF_SPREAD_VEGAS * vega + _HALF_SPREAD_TICKS * step)
        bid, ask = self._bid, self._ask
        if not mark - half * _FARTHEST <= bid.price <= mark - half * _NEAREST:
            bid.move(int((mark - half) / step) if mark > half else 0)
        if self._has_asks and not mark + half * _NEAREST <= ask.price <= mark + half * _FARTHEST:
            ask.move(ceil((mark + half) / step))

    def _trade(self, now_ms: int, luck: Random) -> None:
        """Trade against one side of the quote, if it has one."""
        side = luck.choice((self._bid, self._ask))
        if side.ticks:
            lots = 1 + int(luck.random() * self._depth_lots)
            self._print(now_ms, side.ticks, lots)
            opened = luck.choice((-lots, 0, lots, lots))
            self._tape.lots_open = max(self._tape.lots_open + opened, 0)
            self._tape_texts = self._write_tape()

    def _print(self, now_ms: int, ticks: int, lots: int) -> None:
        self._tape.trade(now_ms, ticks, lots, lots * self._lot.step * self.curve.spot.price)

    def _make_history(self, now_ms: int, luck: Random) -> None:
        """Generate trades from before the start of the simulation."""
        age_ms = min(now_ms - self.listing.launch_ms, _HISTORY_HOURS * HOUR_MS)
        if age_ms <= 0:
            return
        curve, tape = self.curve, self._tape
        curve.advance(now_ms)
        iv = curve.iv(self.strike)
        mark, *_ = value(curve.forward, self.strike, curve.years, iv, self.is_call)
        ages_ms = [int(age_ms * luck.random()) for _ in range(_HISTORY_TRADES)]
        for ago_ms in sorted(ages_ms, reverse=True):
            ticks = max(round(mark * (0.8 + 0.4 * luck.random()) / self._tick.step), 1)
            self._print(now_ms - ago_ms, ticks, 1 + int(self._depth_lots * luck.random()))
        tape.roll(now_ms)
        tape.lots_total += int(tape.lots_total * 10 * luck.random())
        tape.turnover_total = tape.lots_total * self._lot.step * curve.spot.price
        tape.lots_open = int(tape.lots_total * luck.random() / 2)

    def _write_tape(self) -> tuple[str, str, str, str, str, str, str, str, str]:
        """Return last, high, low, open interest, turnover, volume, both totals and 24 h change."""
        tape, price, size = self._tape, self._tick.text, self._lot.text
        return (
            price(tape.last),
            price(tape.high),
            price(tape.low),
            size(tape.lots_open),
            decimal(tape.turnover),
            size(tape.lots),
            decimal(tape.lots_total * self._lot.step, 0),
            decimal(tape.turnover_total, 0),
            decimal(tape.change),
        )
