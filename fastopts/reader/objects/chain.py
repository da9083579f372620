"""`Chain`: one series at one moment, strike by strike, and the figures of a series.

Quotes, forward and volatilities are of one settle coin: two series of one expiry that settle in
different coins are two markets, with two forwards.
"""

import bisect
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, overload

from fastopts.errors import BadInput
from fastopts.field_registry import YEAR_DAYS
from fastopts.reader.freshness.moment import Moment
from fastopts.reader.objects.absent import Absent
from fastopts.reader.objects.option import Option, days_to, phase
from fastopts.reader.objects.universe import Members, Series
from fastopts.reader.selection.arguments import number, shown
from fastopts.reader.selection.spelling import canonical

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

    from fastopts.reader.export.table import Table

__all__ = (
    "PUT_CALL_FIELDS",
    "Chain",
    "SmilePoint",
    "Strike",
    "front_label",
    "put_call_ratio",
    "total",
)

BP: Final = 10_000  # of 1
DELTAS: Final = "0.25 for a call, -0.25 for a put"
PUT_CALL_FIELDS: Final = ("open_interest", "volume_24h")


class Strike(NamedTuple):
    """A strike with its call and its put.

    A side is None when it is not listed, or was refused (`Chain.absent` says why).
    """

    strike: float
    call: Option | None
    put: Option | None


class SmilePoint(NamedTuple):
    """The smile at a strike, of the option out of the money; volatilities are fractions."""

    strike: float
    log_moneyness: float
    iv: float
    bid_iv: float | None
    ask_iv: float | None
    option: Option


class Chain:
    """The options of one series by strike: iterate over `Strike`s, or index: ``chain[90000]``.

    A slice returns the strikes within it as a list, both ends included, as with bounds:
    ``chain[90000:110000]``. ``100000 in chain`` and ``symbol in chain`` say whether that strike or
    symbol is listed. A strike may be a number or its text in a symbol.

    *series* identifies it; *settles* are the settle coins of all options of this expiry, this
    chain's among them. *options* are the options that were read; *absent* maps the symbol of each
    other listed option to the reason it is missing. *quote* is the coin of prices and turnover,
    *tick_size* and *lot_size* are the finest steps of prices and of sizes of its options, as the
    venue's decimal text; "" if unknown.
    """

    def __init__(
        self, members: Members, results: Sequence[Option | Absent], moment: Moment
    ) -> None:
        """*results* has one entry per symbol of *members*, in its order."""
        self._members = members
        self.series: Series = members.series
        self.settles: tuple[str, ...] = members.settles
        self.quote: str = members.quote
        self.tick_size: str = members.tick_size
        self.lot_size: str = members.lot_size
        self.moment = moment
        self.absent: Mapping[str, Absent] = {
            result.symbol: result for result in results if isinstance(result, Absent)
        }
        sides = [result if isinstance(result, Option) else None for result in results]
        self.options: tuple[Option, ...] = tuple(filter(None, sides))
        sides.append(None)  # index -1: the side of a strike that is not listed
        self._rows = [
            Strike(strike, sides[-1 if call is None else call], sides[-1 if put is None else put])
            for strike, call, put in members.rows
        ]
        self._strikes = [row[0] for row in members.rows]
        self._points: list[SmilePoint] | None = None

    def __repr__(self) -> str:
        return (
            f"<Chain {self.asset} {self.series.label} {self.settle}: {len(self)} strikes,"
            f" {len(self.options)} options, {len(self.absent)} absent>"
        )

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Strike]:
        return iter(self._rows)

    @overload
    def __getitem__(self, strike: float | str) -> Strike: ...
    @overload
    def __getitem__(self, strike: slice) -> list[Strike]: ...
    def __getitem__(self, strike: float | str | slice) -> Strike | list[Strike]:
        """Raises KeyError for a strike that is not listed, BadInput for an invalid one."""
        if isinstance(strike, slice):
            return self._between(strike)
        number = _strike(strike)
        index = self._index(number)
        if index is None:
            raise KeyError(f"no strike {_plain(number)}; {self._nearest(number)}")
        return self._rows[index]

    def __contains__(self, item: object) -> bool:
        if isinstance(item, Option):
            return item in self.options
        if isinstance(item, Strike):
            return item in self._rows
        if isinstance(item, str) and (canonical(item) or item) in self._members.symbols:
            return True
        try:
            return self._index(_strike(item)) is not None
        except BadInput:
            return False

    def _repr_html_(self) -> str:
        from fastopts.reader.export import notebook

        return notebook.chain_html(self)

    @property
    def asset(self) -> str:
        """Base coin."""
        return self.series.asset

    @property
    def settle(self) -> str:
        """Settle coin of its options."""
        return self.series.settle

    @property
    def expiry(self) -> datetime:
        """Time of delivery, in UTC."""
        return self.series.expiry

    @property
    def dte(self) -> float:
        """Days to expiry, never below 0."""
        return days_to(self.series.expiry_ms, self.moment.venue_ms)

    @property
    def strikes(self) -> list[float]:
        """All listed strikes, ascending."""
        return list(self._strikes)

    @property
    def calls(self) -> tuple[Option, ...]:
        """The calls that were read, by strike."""
        return tuple(option for option in self.options if option.type == "C")

    @property
    def puts(self) -> tuple[Option, ...]:
        """The puts that were read, by strike."""
        return tuple(option for option in self.options if option.type == "P")

    @property
    def forward(self) -> float | None:
        """The forward of this expiry in quote coin, of the newest tick that has one.

        A tick with an impossible time counts only where there is no other.
        """
        # Not a mean: options tick at different times, and an old forward is of an old market.
        newest = _newest(self._with_forward())
        return None if newest is None else newest.forward

    @property
    def index_price(self) -> float | None:
        """Spot index in quote coin, of the newest tick that has it."""
        newest = _newest([option for option in self.options if option.index_price])
        return None if newest is None else newest.index_price

    @property
    def basis(self) -> float | None:
        """Forward over index of the same tick, minus 1, annualised over 365 days: a fraction.

        None at delivery, and without a tick that has both.
        """
        # of one tick: a forward and an index of different seconds give a basis that never was
        newest = _newest([option for option in self._with_forward() if option.index_price])
        if newest is None or not self.dte:
            return None
        return ((newest.forward or 0.0) / (newest.index_price or 1.0) - 1) * YEAR_DAYS / self.dte

    @property
    def open_interest(self) -> float | None:
        """Total of its options in base coin; None when no option has it."""
        return total(option.open_interest for option in self.options)

    @property
    def volume_24h(self) -> float | None:
        """Volume of 24 hours of its options in base coin; None when no option has it."""
        return total(option.volume_24h for option in self.options)

    @property
    def turnover_24h(self) -> float | None:
        """Notional traded in 24 hours in quote coin; None when no option has it."""
        return total(option.turnover_24h for option in self.options)

    @property
    def forward_spread_bp(self) -> float | None:
        """Range of the forwards of its ticks, in basis points of the newest one.

        Options tick at different times: a wide range says that their quotes are of different
        markets and must not be compared.
        """
        forwards = [option.forward or 0.0 for option in self._with_forward()]
        newest = self.forward
        return (max(forwards) - min(forwards)) / newest * BP if newest else None

    @property
    def oldest_age(self) -> timedelta | None:
        """Age of its oldest tick; None without options."""
        ages_s = [option.age_s for option in self.options]
        return timedelta(seconds=max(ages_s)) if ages_s else None

    def atm(self) -> Strike | None:
        """The strike nearest the forward, the lower of two equally near; None without a forward."""
        forward = self.forward
        if forward is None or not self._rows:
            return None
        # Half way in decimals need not be half way in binary: 0.55 is nearer to 0.6 than to 0.5.
        return min(self._rows, key=lambda row: (round(abs(row.strike - forward), 9), row.strike))

    @property
    def straddle(self) -> float | None:
        """Mark prices of the call and the put at the money together, in quote coin."""
        atm = self.atm()
        if atm is None or atm.call is None or atm.put is None:
            return None
        call, put = atm.call.mark_price, atm.put.mark_price
        # rounded: a sum of decimals has digits in binary that neither price has
        return None if call is None or put is None else round(call + put, 9)

    @property
    def max_pain(self) -> float | None:
        """The strike at which the open interest would pay out least, in quote coin.

        At a delivery price equal to strike K the holders of the open interest receive
        ``sum(call.open_interest * max(K - call.strike, 0))`` over all calls plus
        ``sum(put.open_interest * max(put.strike - K, 0))`` over all puts; max pain is the listed
        strike with the least sum, the lowest of equal ones. None when the open interest is 0, or
        when no option has it. Options without it, or absent, are left out as in `open_interest`:
        their open interest is neither estimated nor taken from an earlier tick.
        """
        calls = [(row.call and row.call.open_interest) or 0.0 for row in self._rows]
        puts = [(row.put and row.put.open_interest) or 0.0 for row in self._rows]
        in_the_money_calls, out_of_the_money_puts = 0.0, math.fsum(puts)
        if not 0 < math.fsum(calls) + out_of_the_money_puts < math.inf:
            return None
        # The payout is convex and linear between strikes, with the slope "calls below minus puts
        # above": its minimum is the first strike after which it does not fall. Computing each
        # strike's sum instead is quadratic: 60 ms instead of 0.4 for 40 series of 50 strikes.
        for strike, call, put in zip(self._strikes, calls, puts, strict=True):
            in_the_money_calls += call
            out_of_the_money_puts -= put
            # Sums of decimals are inexact in binary: a slope of 1e-13 is 0, and so a tie.
            if round(in_the_money_calls - out_of_the_money_puts, 9) >= 0:
                return strike
        return None

    def put_call_ratio(
        self, of: Literal["open_interest", "volume_24h"] = "open_interest"
    ) -> float | None:
        """The total *of* its puts divided by that of its calls: open interest or 24-hour volume.

        A ratio of sums in base coin. None when no call or no put has the value, or the calls' total
        is 0; options without it are left out. Raises BadInput for another name.
        """
        return put_call_ratio(self.options, of)

    def smile(self) -> list[SmilePoint]:
        """Mark volatility by strike, of the option out of the money: puts below the forward.

        Where the option out of the money has no mark volatility, the other side of the strike is
        taken; a strike without either is left out. Empty without a forward.
        """
        if self._points is None:
            forward = self.forward
            points = [_point(row, forward) for row in self._rows] if forward else []
            self._points = [point for point in points if point is not None]
        return list(self._points)

    @property
    def atm_iv(self) -> float | None:
        """Mark volatility at the forward, a fraction.

        Total variance is interpolated linearly in log-moneyness between the strikes around the
        forward; None when they are not on both sides of it.
        """
        return self._smile_iv(0.0)

    def iv_at(self, *, strike: float | None = None, delta: float | None = None) -> float | None:
        """Mark volatility at a *strike* or at a *delta* (negative: of puts), a fraction.

        At a strike it is that of the smile: total variance is interpolated linearly in
        log-moneyness between the strikes around it, as in `atm_iv`; a listed strike has the value
        of its option out of the money. At a delta see `iv_at_delta`. None where the chain has no
        values on both sides: nothing is extrapolated. Raises BadInput unless exactly one of the two
        is there, for a strike that is not above 0, and unless 0 < abs(delta) < 1.
        """
        if delta is not None and strike is None:
            return self.iv_at_delta(delta)
        if strike is None or delta is not None:
            raise BadInput("iv_at: write either strike=95000 or delta=0.25")
        at = number("strike", strike)
        if not 0 < at < math.inf:
            raise BadInput(f"strike: {_plain(at)} is not a strike", arguments=("strike",))
        forward = self.forward
        return None if forward is None else self._smile_iv(math.log(at / forward))

    def _smile_iv(self, log_moneyness: float) -> float | None:
        # Within one expiry time is a constant factor, so that the square of the volatility stands
        # for total variance.
        points = [(point.log_moneyness, point.iv * point.iv) for point in self.smile()]
        variance = _interpolate(points, log_moneyness)
        return math.sqrt(variance) if variance is not None and variance >= 0 else None

    def by_delta(self, delta: float) -> Option | None:
        """The call (*delta* above 0) or put (below 0) whose delta is nearest to *delta*.

        None when no option has a delta. Raises BadInput unless 0 < abs(delta) < 1.
        """
        # `number` refuses NaN, which would pass every comparison below
        if not 0 < abs(number("delta", delta, DELTAS)) < 1:
            raise BadInput(f"a delta of {delta:g}: write {DELTAS}")
        kind = "C" if delta > 0 else "P"
        candidates = [o for o in self.options if o.type == kind and o.delta is not None]
        return min(candidates, key=lambda o: abs((o.delta or 0.0) - delta), default=None)

    def iv_at_delta(self, delta: float) -> float | None:
        """Mark volatility at *delta* (negative: of puts), linear between the options around it.

        None when they are not on both sides of it. Raises BadInput unless 0 < abs(delta) < 1.
        """
        self.by_delta(delta)  # checks the argument
        kind = "C" if delta > 0 else "P"
        points = [
            (option.delta, option.mark_iv)
            for option in self.options
            if option.type == kind and option.delta is not None and option.mark_iv
        ]
        return _interpolate(sorted(points), delta)

    def risk_reversal(self, delta: float = 0.25) -> float | None:
        """IV of the call minus IV of the put of the same *delta*, a fraction.

        None when one of them is unknown.
        """
        call, put = self._wings(delta)
        return None if call is None or put is None else call - put

    def butterfly(self, delta: float = 0.25) -> float | None:
        """Mean IV of the call and the put of *delta*, minus `atm_iv`: a fraction.

        None when one of them is unknown.
        """
        call, put = self._wings(delta)
        middle = self.atm_iv
        if call is None or put is None or middle is None:
            return None
        return (call + put) / 2 - middle

    def table(self) -> "Table":
        """The options that were read as rows of a `Table`, as `OptionReader.table` has them."""
        from fastopts.core import Records
        from fastopts.reader.export.table import Table
        from fastopts.reader.objects.market import Listing, Market
        from fastopts.reader.objects.universe import Universe

        members, moment = self._members, self.moment
        universe = Universe(self.asset, moment.feed.version, members.instruments, ())
        listing = Listing([universe])
        records = {option.symbol: option.record for option in self.options}
        packed = [records.get(symbol) for symbol in listing.symbols]
        market = Market(listing, Records.of(packed) if packed else None, moment)
        return Table(market, market.held.nonzero()[0])

    def to_pandas(self, *, derived: bool = True) -> "pandas.DataFrame":
        """As `Table.to_pandas`, of `table`. Needs the extra `pandas`."""
        return self.table().to_pandas(derived=derived)

    def to_polars(self, *, derived: bool = True) -> "polars.DataFrame":
        """As `Table.to_polars`, of `table`. Needs the extra `polars`."""
        return self.table().to_polars(derived=derived)

    def to_arrow(self, *, derived: bool = True) -> "pyarrow.Table":
        """As `Table.to_arrow`, of `table`. Needs the extra `arrow`."""
        return self.table().to_arrow(derived=derived)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """See `Table.__arrow_c_stream__`."""
        return self.table().__arrow_c_stream__(requested_schema)

    def _index(self, strike: float) -> int | None:
        """The place of *strike* among the listed ones."""
        index = bisect.bisect_left(self._strikes, strike)
        is_listed = index < len(self._strikes) and self._strikes[index] == strike
        return index if is_listed else None

    def _between(self, strikes: slice) -> list[Strike]:
        """The rows of a slice by strike."""
        if strikes.step is not None:
            raise BadInput(f"a slice of strikes has no step ({shown(strikes.step)})")
        low = -math.inf if strikes.start is None else _strike(strikes.start)
        high = math.inf if strikes.stop is None else _strike(strikes.stop)
        if low > high:
            raise BadInput(f"no strike is at least {_plain(low)} and at most {_plain(high)}")
        first = bisect.bisect_left(self._strikes, low)
        return self._rows[first : bisect.bisect_right(self._strikes, high)]

    def _nearest(self, strike: float) -> str:
        """Words that name the listed strikes around *strike*."""
        index = bisect.bisect_left(self._strikes, strike)
        around = self._strikes[max(index - 1, 0) : index + 1]
        if not around:
            return "there is none"
        return f"listed beside it: {' and '.join(map(_plain, around))}"

    def _wings(self, delta: float) -> tuple[float | None, float | None]:
        size = abs(number("delta", delta, DELTAS))
        return self.iv_at_delta(size), self.iv_at_delta(-size)

    def _with_forward(self) -> list[Option]:
        # an infinite or negative forward is not a price: another program's record, or a bug
        return [o for o in self.options if o.forward and 0 < o.forward < math.inf]


def total(values: Iterable[float | None]) -> float | None:
    """The sum of *values* without None; None when nothing is left.

    Also None where the sum overflows: no market has such numbers.
    """
    numbers = [value for value in values if value is not None]
    try:
        # sizes are decimals: the sum of the nearest binary fractions has their noise behind it
        return round(math.fsum(numbers), 9) if numbers else None
    except (OverflowError, ValueError):  # inf and -inf together are a ValueError
        return None


def put_call_ratio(options: Iterable[Option], of: str) -> float | None:
    """The total *of* the puts among *options* divided by that of the calls.

    *options* may be of several series: the ratio of an asset is not the mean of its series'. See
    `Chain.put_call_ratio` for missing values. Raises BadInput unless *of* is in PUT_CALL_FIELDS.
    """
    if not isinstance(of, str) or of not in PUT_CALL_FIELDS:
        raise BadInput(f"of: {shown(of)} has no ratio: write {' or '.join(PUT_CALL_FIELDS)}")
    sides: dict[str, list[float | None]] = {"C": [], "P": []}
    for option in options:
        sides[option.type].append(getattr(option, of))
    calls, puts = total(sides["C"]), total(sides["P"])
    return puts / calls if calls and puts is not None else None


def front_label(chains: Iterable[Chain]) -> str | None:
    """The label of the first expiry that is neither settling nor delivered, as `front` means it.

    None when there is no such one. *chains* are by ascending expiry.
    """
    trading = (c for c in chains if phase(c.series.expiry_ms, c.moment.venue_ms) == "trading")
    first = next(trading, None)
    return None if first is None else first.series.label


def _strike(value: object) -> float:
    """*value*, a number or its text, as a strike. Raises BadInput for anything else."""
    try:
        # float() takes what numpy, pandas and Decimal have; True is 1, and never meant
        strike = math.nan if isinstance(value, bool) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        strike = math.nan
    if math.isnan(strike):
        raise BadInput(f"{shown(value)} is not a strike: write chain[100000]")
    return strike


def _plain(strike: float) -> str:
    return f"{strike:.12g}"


def _newest(options: Sequence[Option]) -> Option | None:
    return max(options, key=_newness, default=None)


def _newness(option: Option) -> tuple[bool, int]:
    return not option.time_suspect, option.ts_ms


def _point(row: Strike, forward: float) -> SmilePoint | None:
    # Options out of the money trade more, and their price has no intrinsic value to blur the IV.
    sides = (row.put, row.call) if row.strike < forward else (row.call, row.put)
    for option in sides:
        if option is not None and option.mark_iv:
            k = math.log(row.strike / forward)
            return SmilePoint(row.strike, k, option.mark_iv, option.bid_iv, option.ask_iv, option)
    return None


def _interpolate(points: Sequence[tuple[float, float]], x: float) -> float | None:
    """The value at *x* on the line through the ascending *points*; None outside of them."""
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if x0 <= x <= x1:
            return y0 if x1 == x0 else y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return points[0][1] if len(points) == 1 and points[0][0] == x else None
