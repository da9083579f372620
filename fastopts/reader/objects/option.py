"""`Option`: the newest tick of one option, as it was read.

The venue's numbers are descriptors of the compiled core; derived values come from the formulas of
the field registry, so that an attribute here and a column of `Market` cannot differ.
"""

import warnings
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, Literal

from fastopts import model
from fastopts.core import Number, Tick, decode
from fastopts.errors import StoreError
from fastopts.field_registry import DAY_MS, JSON_FIELDS, SETTLING_MS
from fastopts.model import TIME_MAX_MS, Instrument, Rounding
from fastopts.reader.freshness.moment import Moment, stale_error
from fastopts.reader.objects.formulas import derived

__all__ = ("JSON_NAMES", "PHASES", "Option", "Phase", "days_to", "phase", "stale_reason")

Phase = Literal["trading", "settling", "expired"]

# The phase up to so many ms before delivery; earlier than all of them it is "trading".
PHASES: Final[tuple[tuple[int, Phase], ...]] = ((0, "expired"), (SETTLING_MS, "settling"))
AGE_MAX_S: Final = TIME_MAX_MS / 1000  # a timedelta overflows above it

# The attributes in `Option.to_dict`: all fields, and the steps by which clients round values.
JSON_NAMES: Final = (*JSON_FIELDS, "tick_size", "lot_size")
# One attrgetter reads all attributes in C, in 0.6 of the time of a loop over getattr.
_json_values: Final = attrgetter(*JSON_NAMES)


_FORMER_TIMES: Final = ("expiry", "ts", "rt")  # names in `Option.to_dict` of version 0.1.0


class Option(Tick):
    """The newest tick of one option, as it was read.

    A number that the venue does not give is None, never 0. Prices are in quote coin, sizes in base
    coin, implied volatilities fractions (0.53 is 53 %), greeks the venue's, for 1 unit of base
    coin. Values that depend on the time (`age`, `live`, `phase`, `dte`) are as of the read.
    """

    __slots__ = ()

    moment: Moment

    bid_price: Number = Number("bid_price")
    bid_size: Number = Number("bid_size")
    bid_iv: Number = Number("bid_iv")
    ask_price: Number = Number("ask_price")
    ask_size: Number = Number("ask_size")
    ask_iv: Number = Number("ask_iv")
    mark_price: Number = Number("mark_price")
    mark_iv: Number = Number("mark_iv")
    last_price: Number = Number("last_price")
    index_price: Number = Number("index_price")
    underlying_price: Number = Number("underlying_price")
    delta: Number = Number("delta")
    gamma: Number = Number("gamma")
    vega: Number = Number("vega")
    theta: Number = Number("theta")
    open_interest: Number = Number("open_interest")
    volume_24h: Number = Number("volume_24h")
    turnover_24h: Number = Number("turnover_24h")
    high_24h: Number = Number("high_24h")
    low_24h: Number = Number("low_24h")
    change_24h: Number = Number("change_24h")
    total_volume: Number = Number("total_volume")
    total_turnover: Number = Number("total_turnover")
    predicted_delivery_price: Number = Number("predicted_delivery_price")

    # An alias, not a formula: the descriptor of the core takes a quarter of a property's time, and
    # the forward is the most used number.
    forward = underlying_price
    dte: float = derived("dte")
    t_years: float = derived("t_years")
    age_s: float = derived("age_s")
    mid: float | None = derived("mid")
    spread: float | None = derived("spread")
    rel_spread: float | None = derived("rel_spread")
    spread_iv: float | None = derived("spread_iv")
    spread_ticks: float | None = derived("spread_ticks")
    moneyness: float | None = derived("moneyness")
    log_moneyness: float | None = derived("log_moneyness")
    intrinsic: float | None = derived("intrinsic")
    time_value: float | None = derived("time_value")
    crossed: bool = derived("crossed")
    locked: bool = derived("locked")
    otm: bool = derived("otm")
    iv_capped: bool = derived("iv_capped")
    greeks_ok: bool = derived("greeks_ok")

    if TYPE_CHECKING:
        # True without a method of its own; the declaration is for type checkers, so that
        # `if not option: option.reason` is known to be about an Absent.
        def __bool__(self) -> Literal[True]: ...

    def __init__(self, *_: object, **__: object) -> None:
        # Readers make options without calling it; one that was made otherwise has no moment.
        raise TypeError("options are returned by readers: call OptionReader.get or another method")

    def __repr__(self) -> str:
        state = "live" if self.live else "not live"
        return (
            f"<Option {self.symbol} {self.bid_price}/{self.ask_price} mark {self.mark_price}"
            f" iv {self.mark_iv}, {self.age_s:.1f} s old, {state}>"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # Only its own terms: those of the moment are of all options the reader has met.
        instrument = self.instrument
        moment = self.moment.with_terms({} if instrument is None else {self.symbol: instrument})
        return _restore, (self.symbol, self.record, self.live, moment)

    def __eq__(self, other: object) -> bool:
        """Whether both are the same tick: of one venue and symbol, with the same record.

        The record has the numbers, the venue's and the collector's time, and who delivered it. What
        depends on the moment of the read (`age`, `live`, `dte`, `phase`) takes no part, so that two
        reads without a tick in between are equal.
        """
        if not isinstance(other, Option):
            return NotImplemented
        return (self.symbol, self.record, self.venue) == (other.symbol, other.record, other.venue)

    def __hash__(self) -> int:
        return hash((self.symbol, self.ts_ms, self.seq))

    def to_dict(self) -> dict[str, Any]:
        """Return all fields by name, as `fastopts fields` lists them, the steps and `reason`.

        These are the rows of the HTTP API and of the command line's JSON. Values that are absent
        are None; times are ms since 1970 UTC under names that end in `_ms`; `reason` is the name of
        the error that a strict read raises, None for a live option. Every value is a str, int,
        float, bool or None, so ``json.dumps(option.to_dict())`` needs nothing else, and
        ``json.dumps(value, default=Option.to_dict)`` or the same with ``orjson`` serialises options
        at any depth of *value*.
        """
        row = _JsonRow(zip(JSON_NAMES, _json_values(self), strict=True))
        row["reason"] = stale_reason(self)
        return row

    def _repr_html_(self) -> str:
        from fastopts.reader.export import notebook

        return notebook.option_html(self)

    @property
    def venue(self) -> str:
        """bybit, bybit-testnet, sim or custom:<host>."""
        return self.moment.feed.venue

    @property
    def asset(self) -> str:
        """Base coin."""
        # not from the terms: an option whose terms are missing has an asset, too
        return self.symbol.split("-", 1)[0]

    @property
    def quote(self) -> str | None:
        """Coin of its prices; None when Redis has no terms of the option."""
        instrument = self.instrument
        return None if instrument is None else instrument.quote

    @property
    def strike_text(self) -> str | None:
        """The strike as the symbol spells it; None when Redis has no terms of the option."""
        instrument = self.instrument
        return None if instrument is None else instrument.strike_text

    @property
    def tick_size(self) -> str:
        """Step of its prices as decimal text; "" when Redis has no terms of the option."""
        instrument = self.instrument
        return "" if instrument is None else instrument.tick_size

    @property
    def lot_size(self) -> str:
        """Step of its sizes as decimal text; "" when Redis has no terms of the option."""
        instrument = self.instrument
        return "" if instrument is None else instrument.lot_size

    @property
    def instrument(self) -> Instrument | None:
        """Contract terms, or None if Redis has none."""
        return self.moment.terms.get(self.symbol)

    @property
    def expiry(self) -> datetime:
        """Time of delivery, in UTC."""
        return _utc(self.expiry_ms)

    @property
    def phase(self) -> Phase:
        """trading, settling (the last 30 minutes) or expired."""
        return phase(self.expiry_ms, self.moment.venue_ms)

    @property
    def as_of(self) -> datetime:
        """Time of the read, by the venue's clock, in UTC."""
        return _utc(self.moment.venue_ms)

    @property
    def as_of_ms(self) -> int:
        """Time of the read, by the venue's clock, in ms since 1970 UTC."""
        return self.moment.venue_ms

    @property
    def ts(self) -> datetime:
        """The venue's time of the tick, in UTC; clipped to the range of datetime."""
        return _utc(self.ts_ms)

    @property
    def rt(self) -> datetime:
        """When the collector received the tick, by its own clock, in UTC."""
        return _utc(self.rt_ms)

    @property
    def age(self) -> timedelta:
        """Time since `ts`, by the Redis server's clock corrected for the venue's."""
        return timedelta(seconds=min(max(self.age_s, -AGE_MAX_S), AGE_MAX_S))

    @property
    def valid_for_s(self) -> float:
        """Seconds from the read for which the value may be cached; 0 when it is not live.

        It ends with delivery, or earlier, when feed and connection would go stale without any
        further message.
        """
        if not self.live:
            return 0.0
        # Server and venue clock each decide one end: liveness is judged by the server's.
        moment = self.moment
        live_ms = moment.feed.live_until_ms(self.conn) - moment.now_ms
        return max(0, min(live_ms, self.expiry_ms - moment.venue_ms)) / 1000

    @property
    def source(self) -> Literal["ws", "rest"]:
        """ws for a tick, rest for a row of the REST answer: never live."""
        return "rest" if self.flags & model.FLAG_REST else "ws"

    @property
    def suspect(self) -> bool:
        """Two REST rows differ from it while it does not tick: the value is not live."""
        return bool(self.flags & model.FLAG_SUSPECT)

    @property
    def time_suspect(self) -> bool:
        """The tick's time is impossible, so its age means nothing."""
        return bool(self.flags & model.FLAG_TIME_SUSPECT)

    def round_price(self, price: float | Decimal | str, direction: Rounding) -> str:
        """Return *price* on the option's price grid, as the exact text for an order.

        *direction* is up, down or nearest, where half a tick goes up. Raises BadInput for an
        invalid price or direction, StoreError when Redis has no terms of the option.
        """
        return self._terms().round_price(price, direction)

    def round_qty(self, qty: float | Decimal | str) -> str:
        """Return *qty* (base coin) rounded down to the option's lots, as the exact text.

        Raises BadInput for an invalid quantity, StoreError when Redis has no terms of the option.
        """
        return self._terms().round_qty(qty)

    def _terms(self) -> Instrument:
        instrument = self.instrument
        if instrument is None:
            raise StoreError(f"{self.symbol}: its terms are not in the store")
        return instrument

    @property
    def _tick_size(self) -> float | None:
        """An input of formulas: the step of the price grid."""
        instrument = self.instrument
        return float(instrument.tick_size) if instrument and instrument.tick_size else None


class _JsonRow(dict[str, Any]):
    """A dictionary in which the former names of times still work, with a warning.

    They are found by name only: iterations, and so JSON, have the current names.
    """

    def __missing__(self, name: str) -> datetime:
        # called by `dict` itself, in C: the frame above is that of the user
        return self._former(name, 3)

    def __contains__(self, name: object) -> bool:
        return super().__contains__(name) or name in _FORMER_TIMES

    def get(self, name: str, default: Any = None) -> Any:
        """Return the value of *name*, a former one too."""
        return self._former(name, 3) if name in _FORMER_TIMES else super().get(name, default)

    def _former(self, name: str, level: int) -> datetime:
        if name not in _FORMER_TIMES:
            raise KeyError(name)
        warnings.warn(
            f"{name!r} of Option.to_dict(): use {name}_ms, or the attribute {name}",
            DeprecationWarning,
            stacklevel=level,
        )
        return _utc(self[f"{name}_ms"])


def stale_reason(option: Option) -> str | None:
    """The name of the error for which *option* is not live, such as `FeedDown`; None if it is."""
    return None if option.live else type(stale_error(option)).__name__


def days_to(expiry_ms: int, venue_ms: int) -> float:
    """Days from *venue_ms* to *expiry_ms*, never below 0."""
    return max(expiry_ms - venue_ms, 0) / DAY_MS


def phase(expiry_ms: int, venue_ms: int) -> Phase:
    """The phase at *venue_ms* of an option that is delivered at *expiry_ms*."""
    left_ms = expiry_ms - venue_ms
    for limit_ms, name in PHASES:
        if left_ms <= limit_ms:
            return name
    return "trading"


def _restore(symbol: str, record: bytes, live: bool, moment: Moment) -> Option:
    """Unpickle an option; it stays as live as it was."""
    # Liveness is not stored in the record: it follows from epoch and connection, so they are given
    # as live, or not, to get the same option again.
    probe = decode(Option, symbol, record, moment, 0, ())
    conns = (probe.conn,) if live else ()
    return decode(Option, symbol, record, moment, probe.epoch, conns)


def _utc(ms: int) -> datetime:
    return datetime.fromtimestamp(min(max(ms, 0), TIME_MAX_MS) / 1000, UTC)
