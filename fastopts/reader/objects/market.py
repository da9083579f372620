"""`Market`: every listed option at one moment, as columns."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fastopts import model
from fastopts.core import Records, decode
from fastopts.reader.freshness.feed import Moment
from fastopts.reader.mirrors.packed import records_of
from fastopts.reader.objects.option import DAY_MS, SETTLING_MS, Option
from fastopts.reader.objects.universe import Universe
from fastopts.vocabulary import COLUMNS

__all__ = ("NAMES", "Column", "Listing", "Market")

Column = NDArray[Any]

_NUMBER: Final = {name: index for index, (_, name) in enumerate(model.NUMBERS)}
_HELD, _LIVE, _TS, _RT, _EXPIRY, _SEQUENCE, _FLAGS, _HEADS = 0, 1, 2, 3, 4, 5, 6, 8


class Listing:
    """What stays the same while the universe does: one row per listed option, by asset, expiry,
    settle coin, strike and type."""

    def __init__(self, universes: Sequence[Universe]) -> None:
        self.universes = list(universes)
        self.instruments = [one for each in universes for one in each.instruments]
        self.symbols = [one.symbol for one in self.instruments]
        self.unplaced = [symbol for each in universes for symbol in each.unplaced]
        self.doubles = [symbol for each in universes for symbol in each.doubles]
        self.texts = {
            "symbol": np.array(self.symbols, dtype=np.str_),
            "asset": np.array([one.asset for one in self.instruments], dtype=np.str_),
            "settle": np.array([one.settle for one in self.instruments], dtype=np.str_),
            "quote": np.array([one.quote for one in self.instruments], dtype=np.str_),
            "type": np.array([one.kind for one in self.instruments], dtype=np.str_),
        }
        self.strike = np.array([one.strike for one in self.instruments], dtype=np.float64)
        self.expiry_ms = np.array([one.expiry_ms for one in self.instruments], dtype=np.int64)
        steps = [float(one.tick_size or "nan") for one in self.instruments]
        self.tick_size = np.array(steps, dtype=np.float64)

    def __reduce__(self) -> tuple[Any, ...]:
        return Listing, (self.universes,)


class Market:
    """The options of a listing as they were read. Columns have one row per listed option; where
    `held` is false there was no tick: numbers are NaN, times 1970."""

    def __init__(self, listing: Listing, records: Records | None, moment: Moment) -> None:
        count = len(listing.symbols)
        self.listing = listing
        self.moment = moment
        self._records = records
        self._numbers = np.empty((len(_NUMBER), count))
        self._heads = np.zeros((_HEADS, count), dtype=np.int64)
        if records is not None:
            epoch, live_conns = moment.feed.epoch, moment.live_conns
            records.fill(self._numbers, self._heads, epoch, live_conns)

    def __len__(self) -> int:
        return len(self.listing.symbols)

    def __reduce__(self) -> tuple[Any, ...]:
        records = self._records
        packed = None if records is None else [records.record(row) for row in range(len(self))]
        known = self.moment.terms
        terms = {one.symbol: one for one in self.listing.instruments if one.symbol in known}
        return _restore, (self.listing, packed, self.moment.with_terms(terms))

    @property
    def held(self) -> NDArray[np.bool_]:
        """Where there was a tick."""
        found: NDArray[np.bool_] = self._heads[_HELD].astype(np.bool_)
        return found

    @property
    def left_ms(self) -> NDArray[np.int64]:
        """How long until delivery; 0 or less once it has passed."""
        left_ms: NDArray[np.int64] = self.listing.expiry_ms - self.moment.venue_ms
        return left_ms

    def column(self, name: str) -> Column:
        """One column: a name of the vocabulary, or a value derived from it as Option has it.

        Texts are numpy strings, times datetime64[ms] in UTC, `live` bool, `seq` int64 (-1: none),
        the rest float64 with NaN for none. Raises KeyError for another name.
        """
        if name in _NUMBER:
            found: Column = self._numbers[_NUMBER[name]]
            return found
        if name in self.listing.texts:
            return self.listing.texts[name]
        return _DERIVED[name](self)

    def live_ages_s(self) -> list[float]:
        """The ages of what is live, ascending."""
        ages_s: list[float] = np.sort(self.column("age_s")[self.column("live")]).tolist()
        return ages_s

    def option(self, row: int) -> Option:
        """Row *row*, which must be held, as an Option."""
        assert self._records is not None
        record = self._records.record(row)
        if record is None:
            raise IndexError(f"there was no tick of {self.listing.symbols[row]}")
        moment = self.moment
        epoch, live_conns = moment.feed.epoch, moment.live_conns
        return decode(Option, self.listing.symbols[row], record, moment, epoch, live_conns)

    def columns(self, rows: NDArray[np.intp]) -> dict[str, Column]:
        """The vocabulary's columns of *rows*."""
        return {name: self.column(name)[rows] for name in COLUMNS}

    def array(self, rows: NDArray[np.intp]) -> Column:
        """*rows* as one structured array, a field for each name of the vocabulary."""
        columns = self.columns(rows)
        made = np.empty(len(rows), dtype=[(name, c.dtype) for name, c in columns.items()])
        for name, column in columns.items():
            made[name] = column
        return made

    def _text(self, value: str) -> Column:
        return np.full(len(self), value)

    def _time(self, row: int) -> Column:
        found: Column = self._heads[row].view("datetime64[ms]")
        return found

    def _phase(self) -> Column:
        left_ms = self.left_ms
        return np.where(
            left_ms <= 0, "expired", np.where(left_ms <= SETTLING_MS, "settling", "trading")
        )

    def _dte(self) -> Column:
        found: Column = np.maximum(self.left_ms, 0) / DAY_MS
        return found

    def _mid(self) -> Column:
        bid, ask = self.column("bid_price"), self.column("ask_price")
        return np.where(bid <= ask, (bid + ask) / 2, np.nan)

    def _intrinsic(self) -> Column:
        value = self.column("underlying_price") - self.listing.strike
        # not np.maximum's: of NaN and 0 it is to be NaN
        return np.maximum(np.where(self.listing.texts["type"] == "C", value, -value), 0.0)

    def _moneyness(self) -> Column:
        forward = self.column("underlying_price")
        found: Column = self.listing.strike / np.where(forward == 0, np.nan, forward)
        return found

    def _minus(self, first: str, second: str) -> Column:
        found: Column = self.column(first) - self.column(second)
        return found

    def _spread_ticks(self) -> Column:
        return np.round(self._minus("ask_price", "bid_price") / self.listing.tick_size, 6)


def _restore(listing: Listing, packed: list[bytes | None] | None, moment: Moment) -> Market:
    """Build what was pickled."""
    return Market(listing, None if packed is None else records_of(packed), moment)


_DERIVED: Final[dict[str, Callable[[Market], Column]]] = {
    "venue": lambda market: market._text(market.moment.feed.venue),
    "expiry": lambda market: market.listing.expiry_ms.view("datetime64[ms]"),
    "expiry_ms": lambda market: market.listing.expiry_ms,
    "strike": lambda market: market.listing.strike,
    "dte": Market._dte,
    "ts": lambda market: market._time(_TS),
    "rt": lambda market: market._time(_RT),
    "live": lambda market: market._heads[_LIVE].astype(np.bool_),
    "source": lambda market: np.where(market._heads[_FLAGS] & model.FLAG_REST, "rest", "ws"),
    "phase": Market._phase,
    "mid": Market._mid,
    "seq": lambda market: market._heads[_SEQUENCE],
    "age_s": lambda market: (market.moment.venue_ms - market._heads[_TS]) / 1000,
    "spread": lambda market: market._minus("ask_price", "bid_price"),
    "rel_spread": lambda market: market.column("spread") / market.column("mid"),
    "spread_iv": lambda market: market._minus("ask_iv", "bid_iv"),
    "spread_ticks": Market._spread_ticks,
    "forward": lambda market: market.column("underlying_price"),
    "moneyness": Market._moneyness,
    "log_moneyness": lambda market: np.log(market.column("moneyness")),
    "intrinsic": Market._intrinsic,
    "time_value": lambda market: market._minus("mark_price", "intrinsic"),
}

NAMES: Final = frozenset((*_NUMBER, *_DERIVED, "symbol", "asset", "settle", "quote", "type"))
