"""`Market`: every listed option at one moment, as numpy columns."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from fastopts import model
from fastopts.core import Records, decode
from fastopts.field_registry import BASE_COLUMNS, COLUMNS, FIELDS
from fastopts.model import Instrument
from fastopts.reader.freshness.moment import Moment
from fastopts.reader.objects import formulas
from fastopts.reader.objects.option import PHASES, Option
from fastopts.reader.objects.universe import Universe

__all__ = ("NAMES", "Column", "Listing", "Market")

Column = NDArray[Any]

_NUMBER: Final = {name: index for index, (_, name) in enumerate(model.NUMBERS)}
# Rows of the int64 matrix that `Records.fill` writes, in its order; row 4, the expiry of the
# record, and row 7, the connection, are not read here.
_HELD, _LIVE, _TS, _RT, _SEQUENCE, _FLAGS = 0, 1, 2, 3, 5, 6
_HEAD_ROWS: Final = 8


class Listing:
    """The columns that stay the same while the universe does: one row per listed option, ordered
    by asset, expiry, settle coin, strike and type.

    It is built once per version of the universe, not per read: 2,000 options take 0.9 ms, which is
    as long as a scan with its read from Redis.
    """

    def __init__(self, universes: Sequence[Universe]) -> None:
        self.universes: list[Universe] = list(universes)
        self.instruments: list[Instrument] = [one for each in universes for one in each.instruments]
        self.symbols: list[str] = [instrument.symbol for instrument in self.instruments]
        self.unplaced: list[str] = [symbol for each in universes for symbol in each.unplaced]
        self.doubles: list[str] = [symbol for each in universes for symbol in each.doubles]
        self.texts: dict[str, NDArray[np.str_]] = {
            "symbol": np.array(self.symbols, dtype=np.str_),
            "asset": np.array([each.asset for each in self.instruments], dtype=np.str_),
            "settle": np.array([each.settle for each in self.instruments], dtype=np.str_),
            "quote": np.array([each.quote for each in self.instruments], dtype=np.str_),
            "type": np.array([each.type for each in self.instruments], dtype=np.str_),
        }
        self.strike: NDArray[np.float64] = np.array(
            [each.strike for each in self.instruments], dtype=np.float64
        )
        self.expiry_ms: NDArray[np.int64] = np.array(
            [each.expiry_ms for each in self.instruments], dtype=np.int64
        )
        steps = [float(each.tick_size or "nan") for each in self.instruments]
        self.tick_size: NDArray[np.float64] = np.array(steps, dtype=np.float64)
        self.call_sign: NDArray[np.int64] = np.where(self.texts["type"] == "C", 1.0, -1.0)

    def __reduce__(self) -> tuple[Any, ...]:
        return Listing, (self.universes,)


class Market:
    """The options of a listing as they were read, one row per listed option.

    Rows without a tick are False in `held`: their numbers are NaN, their times 1970.
    """

    def __init__(self, listing: Listing, records: Records | None, moment: Moment) -> None:
        count = len(listing.symbols)
        self.listing = listing
        self.moment = moment
        self._records = records
        # One matrix for all numbers, one row per field: a compiled call fills it, and a column is
        # a view of a row, without a copy.
        self._numbers = np.empty((len(_NUMBER), count))
        self._heads = np.zeros((_HEAD_ROWS, count), dtype=np.int64)
        if records is not None:
            epoch, live_conns = moment.feed.epoch, moment.live_conns
            records.fill(self._numbers, self._heads, epoch, live_conns)

    def __len__(self) -> int:
        return len(self.listing.symbols)

    def __reduce__(self) -> tuple[Any, ...]:
        # Records and not columns are pickled: they are smaller, and options can be made of them.
        records = self._records
        packed = None if records is None else [records.record(row) for row in range(len(self))]
        known = self.moment.terms
        terms = {each.symbol: each for each in self.listing.instruments if each.symbol in known}
        return _restore, (self.listing, packed, self.moment.with_terms(terms))

    @property
    def held(self) -> NDArray[np.bool_]:
        """True for rows that have a tick."""
        mask: NDArray[np.bool_] = self._heads[_HELD].astype(np.bool_)
        return mask

    @property
    def left_ms(self) -> NDArray[np.int64]:
        """Milliseconds until delivery; 0 or less after it."""
        left_ms: NDArray[np.int64] = self.listing.expiry_ms - self.moment.venue_ms
        return left_ms

    def column(self, name: str) -> Column:
        """One column by its name in the field registry.

        Texts are numpy strings, times datetime64[ms] in UTC, flags bool, `expiry_ms` and `seq`
        int64 (-1: none), numbers float64 with NaN for none. Raises KeyError for another name.
        """
        if name in _NUMBER:
            numbers: Column = self._numbers[_NUMBER[name]]
            return numbers
        if name in self.listing.texts:
            return self.listing.texts[name]
        if name in _STORED:
            return _STORED[name](self)
        return formulas.column(name, _Inputs(self))

    def live_ages_s(self) -> list[float]:
        """The ages of live values in seconds, ascending."""
        ages_s: list[float] = np.sort(self.column("age_s")[self.column("live")]).tolist()
        return ages_s

    def option(self, row: int) -> Option:
        """Row *row* as an Option. Raises IndexError for a row without a tick."""
        assert self._records is not None
        record = self._records.record(row)
        if record is None:
            raise IndexError(f"there was no tick of {self.listing.symbols[row]}")
        moment = self.moment
        epoch, live_conns = moment.feed.epoch, moment.live_conns
        return decode(Option, self.listing.symbols[row], record, moment, epoch, live_conns)

    def columns(self, rows: NDArray[np.intp], derived: bool = True) -> dict[str, Column]:
        """The columns of the export schema, of *rows*; without *derived* those of its version 1."""
        names = COLUMNS if derived else BASE_COLUMNS
        return {name: self.column(name)[rows] for name in names}

    def array(self, rows: NDArray[np.intp], derived: bool = True) -> Column:
        """*rows* as one structured array with a field for each of these columns."""
        columns = self.columns(rows, derived)
        array = np.empty(len(rows), dtype=[(name, c.dtype) for name, c in columns.items()])
        for name, column in columns.items():
            array[name] = column
        return array

    def _time(self, row: int) -> Column:
        times: Column = self._heads[row].view("datetime64[ms]")
        return times

    def _flag(self, mask: int) -> Column:
        flags: Column = (self._heads[_FLAGS] & mask) != 0
        return flags

    def _phase(self) -> Column:
        left_ms = self.left_ms
        is_before = [left_ms <= limit_ms for limit_ms, _ in PHASES]
        return np.select(is_before, [name for _, name in PHASES], "trading")


class _Inputs(Mapping[str, Any]):
    """The columns of a market as inputs of formulas."""

    def __init__(self, market: Market) -> None:
        self._market = market

    def __getitem__(self, name: str) -> Any:
        market = self._market
        match name:
            case "venue_ms":
                return market.moment.venue_ms
            case "ts_ms":
                return market._heads[_TS]
            case "tick_size":
                return market.listing.tick_size
            case "call_sign":
                return market.listing.call_sign
        # KeyError for a function of formulas, such as `max`: eval looks for it elsewhere then
        return market.column(name)

    def __iter__(self) -> Iterator[str]:
        return iter(NAMES)

    def __len__(self) -> int:
        return len(NAMES)


def _restore(listing: Listing, packed: list[bytes | None] | None, moment: Moment) -> Market:
    """Unpickle a market."""
    return Market(listing, None if packed is None else Records.of(packed), moment)


# Fields that are stored, but not as one of the record's numbers or as a text of the listing.
_STORED: Final[dict[str, Callable[[Market], Column]]] = {
    "venue": lambda market: np.full(len(market), market.moment.feed.venue),
    "as_of": lambda market: np.full(len(market), np.datetime64(market.moment.venue_ms, "ms")),
    "expiry": lambda market: market.listing.expiry_ms.view("datetime64[ms]"),
    "expiry_ms": lambda market: market.listing.expiry_ms,
    "strike": lambda market: market.listing.strike,
    "ts": lambda market: market._time(_TS),
    "rt": lambda market: market._time(_RT),
    "live": lambda market: market._heads[_LIVE].astype(np.bool_),
    "source": lambda market: np.where(market._flag(model.FLAG_REST), "rest", "ws"),
    "phase": Market._phase,
    "seq": lambda market: market._heads[_SEQUENCE],
    "suspect": lambda market: market._flag(model.FLAG_SUSPECT),
    "time_suspect": lambda market: market._flag(model.FLAG_TIME_SUSPECT),
}

NAMES: Final = frozenset(FIELDS)
