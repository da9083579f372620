"""`Option`: one option's newest tick as a user sees it."""

import math
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Literal

from fastopts import model
from fastopts.core import Number, Tick, decode
from fastopts.errors import StoreError
from fastopts.model import TIME_MAX_MS, Instrument
from fastopts.reader.freshness.feed import Moment
from fastopts.vocabulary import COLUMNS

__all__ = ("IV_CAP", "SETTLING_MS", "Option", "Phase", "days_to", "phase")

Phase = Literal["trading", "settling", "expired"]

DAY_MS: Final = 86_400_000
SETTLING_MS: Final = 30 * 60_000  # before its delivery, the venue averages the delivery price
AGE_MAX_S: Final = TIME_MAX_MS / 1000  # of a `timedelta`, which has a limit
IV_CAP: Final = 5.0  # what the venue shows of any higher implied volatility


class Option(Tick):
    """One option's newest tick, as it was read. Numbers that the venue does not give are None.

    Prices are in quote coin, sizes in base coin, implied volatilities fractions (0.53 is 53 %),
    greeks the venue's, per 1 unit of base coin. What depends on the time (`age`, `live`, `phase`,
    `dte`) is as of the read.
    """

    __slots__ = ()

    moment: Moment

    bid_price = Number("bid_price")
    bid_size = Number("bid_size")
    bid_iv = Number("bid_iv")
    ask_price = Number("ask_price")
    ask_size = Number("ask_size")
    ask_iv = Number("ask_iv")
    mark_price = Number("mark_price")
    mark_iv = Number("mark_iv")
    last_price = Number("last_price")
    index_price = Number("index_price")
    underlying_price = Number("underlying_price")
    forward = underlying_price
    delta = Number("delta")
    gamma = Number("gamma")
    vega = Number("vega")
    theta = Number("theta")
    open_interest = Number("open_interest")
    volume_24h = Number("volume_24h")
    turnover_24h = Number("turnover_24h")
    high_24h = Number("high_24h")
    low_24h = Number("low_24h")
    change_24h = Number("change_24h")
    total_volume = Number("total_volume")
    total_turnover = Number("total_turnover")
    predicted_delivery_price = Number("predicted_delivery_price")

    def __repr__(self) -> str:
        state = "live" if self.live else "not live"
        return (
            f"<Option {self.symbol} {self.bid_price}/{self.ask_price} mark {self.mark_price}"
            f" iv {self.mark_iv}, {self.age_s:.1f} s old, {state}>"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        instrument = self.instrument
        moment = self.moment.with_terms({} if instrument is None else {self.symbol: instrument})
        return _restore, (self.symbol, self.record, self.live, moment)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Option):
            return NotImplemented
        mine, its = self.moment, other.moment
        return (
            (self.symbol, self.record, self.live) == (other.symbol, other.record, other.live)
            and (mine.now_ms, mine.venue_ms) == (its.now_ms, its.venue_ms)
            and (mine.feed.venue, mine.feed.epoch) == (its.feed.venue, its.feed.epoch)
        )

    def __hash__(self) -> int:
        return hash((self.symbol, self.ts_ms, self.moment.now_ms))

    def to_dict(self) -> dict[str, Any]:
        """Return its values by the names of the vocabulary: times are datetimes in UTC, absent
        values None. ``json.dumps`` needs ``default=str``; ``orjson.dumps(option,
        default=Option.to_dict)`` writes options wherever they stand."""
        return {name: getattr(self, name) for name in COLUMNS}

    @property
    def venue(self) -> str:
        """bybit, bybit-testnet, sim or custom:<host>."""
        return self.moment.feed.venue

    @property
    def asset(self) -> str:
        """Base coin."""
        return self.symbol.split("-", 1)[0]

    @property
    def quote(self) -> str | None:
        """Coin its prices are in; None when the store has not its terms."""
        instrument = self.instrument
        return None if instrument is None else instrument.quote

    @property
    def strike_text(self) -> str | None:
        """The strike as the symbol spells it; None when the store has not its terms."""
        instrument = self.instrument
        return None if instrument is None else instrument.strike_text

    @property
    def instrument(self) -> Instrument | None:
        """Its terms; None when the store has them not."""
        return self.moment.terms.get(self.symbol)

    @property
    def expiry(self) -> datetime:
        """When it is delivered, in UTC."""
        return _utc(self.expiry_ms)

    @property
    def dte(self) -> float:
        """Days to expiry, to the millisecond, never below 0. A year has 365 days."""
        return days_to(self.expiry_ms, self.moment.venue_ms)

    @property
    def phase(self) -> Phase:
        """trading, settling (the last 30 minutes) or expired."""
        return phase(self.expiry_ms, self.moment.venue_ms)

    @property
    def ts(self) -> datetime:
        """The venue's time of the tick, in UTC; the first or last of all times for one beyond."""
        return _utc(self.ts_ms)

    @property
    def rt(self) -> datetime:
        """When the collector received the tick, by its own clock, in UTC."""
        return _utc(self.rt_ms)

    @property
    def age(self) -> timedelta:
        """Time since `ts`, by the server's clock corrected for the venue's."""
        return timedelta(seconds=min(max(self.age_s, -AGE_MAX_S), AGE_MAX_S))

    @property
    def age_s(self) -> float:
        """`age` in seconds."""
        return self.moment.age_s(self.ts_ms)

    @property
    def valid_for_s(self) -> float:
        """Seconds from the read for which it may be kept: until it is delivered or, should nothing
        more be heard of feed and connection, is not live any more. 0 when it is not live."""
        if not self.live:
            return 0.0
        moment = self.moment
        live_ms = moment.feed.live_until_ms(self.conn) - moment.now_ms
        return max(0, min(live_ms, self.expiry_ms - moment.venue_ms)) / 1000

    @property
    def source(self) -> Literal["ws", "rest"]:
        """ws for a tick, rest for a row of the REST answer: never live."""
        return "rest" if self.flags & model.FLAG_REST else "ws"

    @property
    def suspect(self) -> bool:
        """Two REST rows differ from it while it does not tick: not live."""
        return bool(self.flags & model.FLAG_SUSPECT)

    @property
    def time_suspect(self) -> bool:
        """The tick's time can't be right: no age of it can be trusted."""
        return bool(self.flags & model.FLAG_TIME_SUSPECT)

    @property
    def crossed(self) -> bool:
        """The bid is above the ask."""
        bid, ask = self.bid_price, self.ask_price
        return bid is not None and ask is not None and bid > ask

    @property
    def locked(self) -> bool:
        """Bid and ask are equal."""
        bid = self.bid_price
        return bid is not None and bid == self.ask_price

    @property
    def iv_capped(self) -> bool:
        """An implied volatility is at 5 (500 %) or above, where the venue seems to end."""
        return any(iv is not None and iv >= IV_CAP for iv in self._ivs())

    @property
    def greeks_ok(self) -> bool:
        """All greeks are there, and it is not settling: the venue's degenerate then."""
        greeks = (self.delta, self.gamma, self.vega, self.theta)
        return self.phase == "trading" and None not in greeks

    @property
    def mid(self) -> float | None:
        """Half way from bid to ask, in quote coin; None when one is missing or they are crossed."""
        bid, ask = self.bid_price, self.ask_price
        return None if bid is None or ask is None or bid > ask else (bid + ask) / 2

    @property
    def spread(self) -> float | None:
        """Ask minus bid, in quote coin; negative when they are crossed."""
        return _minus(self.ask_price, self.bid_price)

    @property
    def rel_spread(self) -> float | None:
        """The spread over `mid`: a fraction."""
        spread, mid = self.spread, self.mid
        return None if spread is None or mid is None else spread / mid

    @property
    def spread_iv(self) -> float | None:
        """Ask IV minus bid IV: a fraction, 0.01 is a vol point."""
        return _minus(self.ask_iv, self.bid_iv)

    @property
    def spread_ticks(self) -> float | None:
        """The spread in steps of its price grid."""
        spread, instrument = self.spread, self.instrument
        if spread is None or instrument is None or not instrument.tick_size:
            return None
        return round(spread / float(instrument.tick_size), 6)

    @property
    def moneyness(self) -> float | None:
        """Strike over forward."""
        forward = self.forward
        return self.strike / forward if forward else None

    @property
    def log_moneyness(self) -> float | None:
        """The natural logarithm of `moneyness`."""
        moneyness = self.moneyness
        return math.log(moneyness) if moneyness and moneyness > 0 else None

    @property
    def intrinsic(self) -> float | None:
        """What it would pay if it were delivered at the forward, in quote coin."""
        forward = self.forward
        if forward is None:
            return None
        value = forward - self.strike
        return max(value if self.type == "C" else -value, 0.0)

    @property
    def time_value(self) -> float | None:
        """Mark price minus `intrinsic`, in quote coin; it may be negative."""
        return _minus(self.mark_price, self.intrinsic)

    def round_price(self, price: float | Decimal | str, direction: Literal["up", "down"]) -> str:
        """Return *price* on the option's price grid, as the exact text for an order.

        Raises BadInput for what is no price, StoreError when the store has not its terms.
        """
        return self._terms().round_price(price, direction)

    def round_qty(self, qty: float | Decimal | str) -> str:
        """Return *qty* (base coin) rounded down to the option's lots, as the exact text.

        Raises BadInput for what is no quantity, StoreError when the store has not its terms.
        """
        return self._terms().round_qty(qty)

    def _terms(self) -> Instrument:
        instrument = self.instrument
        if instrument is None:
            raise StoreError(f"{self.symbol}: its terms are not in the store")
        return instrument

    def _ivs(self) -> tuple[float | None, float | None, float | None]:
        return self.bid_iv, self.ask_iv, self.mark_iv


def days_to(expiry_ms: int, venue_ms: int) -> float:
    """Days from *venue_ms* to *expiry_ms*, never below 0."""
    return max(expiry_ms - venue_ms, 0) / DAY_MS


def phase(expiry_ms: int, venue_ms: int) -> Phase:
    """The phase at *venue_ms* of what is delivered at *expiry_ms*."""
    if venue_ms >= expiry_ms:
        return "expired"
    return "settling" if venue_ms >= expiry_ms - SETTLING_MS else "trading"


def _restore(symbol: str, record: bytes, live: bool, moment: Moment) -> Option:
    """Build what was pickled; it stays as live as it was."""
    probe = decode(Option, symbol, record, moment, 0, ())
    conns = (probe.conn,) if live else ()
    return decode(Option, symbol, record, moment, probe.epoch, conns)


def _minus(a: float | None, b: float | None) -> float | None:
    return None if a is None or b is None else a - b


def _utc(ms: int) -> datetime:
    return datetime.fromtimestamp(min(max(ms, 0), TIME_MAX_MS) / 1000, UTC)
