"""`Chain`: one series at one moment, strike by strike, and what a desk reads off it.

Quotes, forward and volatilities are of one settle coin: two series of one expiry are two markets.
"""

import bisect
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from fastopts.errors import BadInput
from fastopts.reader.freshness.moment import Moment
from fastopts.reader.objects.absent import Absent
from fastopts.reader.objects.option import Option, days_to
from fastopts.reader.objects.universe import Members
from fastopts.reader.selection.arguments import number

__all__ = ("Chain", "SmilePoint", "Strike", "total")

BP: Final = 10_000
YEAR_DAYS: Final = 365
DELTAS: Final = "0.25 for a call, -0.25 for a put"


class Strike(NamedTuple):
    """A strike with its call and its put; None: not listed, or refused (see `Chain.absent`)."""

    strike: float
    call: Option | None
    put: Option | None


class SmilePoint(NamedTuple):
    """The smile at a strike: of the option that is out of the money, volatilities as fractions."""

    strike: float
    log_moneyness: float
    iv: float
    bid_iv: float | None
    ask_iv: float | None
    option: Option


class Chain:
    """The options of one series by strike: iterate over `Strike`s, or take ``chain[90000]``.

    *series* says which one it is, and *settles* names the coins in which options of this expiry are
    settled, this chain's among them. *options* are those that were handed over; *absent* has for
    each that is listed but was not handed over why not.
    """

    def __init__(
        self,
        members: Members,
        found: Sequence[Option | Absent],
        moment: Moment,
    ) -> None:
        self.series = members.series
        self.settles = members.settles
        self.moment = moment
        self.absent: Mapping[str, Absent] = {
            one.symbol: one for one in found if isinstance(one, Absent)
        }
        # None at the end, for the place of what is not listed
        sides = [one if isinstance(one, Option) else None for one in found]
        self.options = tuple(filter(None, sides))
        sides.append(None)
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

    def __getitem__(self, strike: float) -> Strike:
        """Raises KeyError for a strike that is not listed."""
        place = bisect.bisect_left(self._strikes, strike)
        if place == len(self._strikes) or self._strikes[place] != strike:
            raise KeyError(strike)
        return self._rows[place]

    @property
    def asset(self) -> str:
        """Base coin."""
        return self.series.asset

    @property
    def settle(self) -> str:
        """The coin its options are settled in."""
        return self.series.settle

    @property
    def expiry(self) -> datetime:
        """When its options are delivered, in UTC."""
        return self.series.expiry

    @property
    def dte(self) -> float:
        """Days to expiry, never below 0."""
        return days_to(self.series.expiry_ms, self.moment.venue_ms)

    @property
    def strikes(self) -> list[float]:
        """Ascending."""
        return list(self._strikes)

    @property
    def forward(self) -> float | None:
        """The forward of this expiry, out of the newest tick that has one, in quote coin.

        One whose time can't be right is the newest only where there is no other.
        """
        newest = _newest(self._with_forward())
        return None if newest is None else newest.forward

    @property
    def index_price(self) -> float | None:
        """Spot, out of the newest tick that has it, in quote coin."""
        newest = _newest([one for one in self.options if one.index_price])
        return None if newest is None else newest.index_price

    @property
    def basis(self) -> float | None:
        """The forward over the index of the same tick, minus 1, a year of 365 days: a fraction.

        None at delivery, and without a tick that has both.
        """
        newest = _newest([one for one in self._with_forward() if one.index_price])
        if newest is None or not self.dte:
            return None
        return ((newest.forward or 0.0) / (newest.index_price or 1.0) - 1) * YEAR_DAYS / self.dte

    @property
    def open_interest(self) -> float | None:
        """Of its options together, in base coin; None when it is known of none."""
        return total(one.open_interest for one in self.options)

    @property
    def turnover_24h(self) -> float | None:
        """Notional of its options together, in quote coin; None when it is known of none."""
        return total(one.turnover_24h for one in self.options)

    @property
    def forward_spread_bp(self) -> float | None:
        """How far the forwards of its ticks lie apart, in basis points of the newest.

        The options tick at different times: much of a spread says that they show different markets.
        """
        forwards = [one.forward or 0.0 for one in self._with_forward()]
        newest = self.forward
        return (max(forwards) - min(forwards)) / newest * BP if newest else None

    @property
    def oldest_age(self) -> timedelta | None:
        """The age of its oldest tick; None when it has none."""
        ages_s = [one.age_s for one in self.options]
        return timedelta(seconds=max(ages_s)) if ages_s else None

    def atm(self) -> Strike | None:
        """The strike nearest the forward, the lower on a tie; None without a forward."""
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
        return None if call is None or put is None else call + put

    def smile(self) -> list[SmilePoint]:
        """Mark volatility by strike, of the option out of the money: puts below the forward.

        A strike whose option out of the money has no mark volatility is taken from the other one,
        and is left out where that has none either.
        """
        if self._points is None:
            forward = self.forward
            points = [_point(row, forward) for row in self._rows] if forward else []
            self._points = [point for point in points if point is not None]
        return list(self._points)

    @property
    def atm_iv(self) -> float | None:
        """Mark volatility at the forward: total variance, linear in log-moneyness between the
        strikes around it; None when they are not on both sides."""
        points = [(point.log_moneyness, point.iv * point.iv) for point in self.smile()]
        variance = _interpolate(points, 0.0)
        return math.sqrt(variance) if variance is not None and variance >= 0 else None

    def by_delta(self, delta: float) -> Option | None:
        """The call (*delta* above 0) or put (below 0) whose delta is nearest to *delta*.

        None when none has a delta; BadInput unless 0 < abs(delta) < 1.
        """
        if not 0 < abs(number("delta", delta, DELTAS)) < 1:
            raise BadInput(f"a delta of {delta:g}: write {DELTAS}")
        kind = "C" if delta > 0 else "P"
        known = [one for one in self.options if one.type == kind and one.delta is not None]
        return min(known, key=lambda one: abs((one.delta or 0.0) - delta), default=None)

    def iv_at_delta(self, delta: float) -> float | None:
        """Mark volatility at *delta* (negative: of puts), linear between the options around it.

        None when they are not on both sides; BadInput unless 0 < abs(delta) < 1.
        """
        self.by_delta(delta)
        kind = "C" if delta > 0 else "P"
        points = [
            (one.delta, one.mark_iv)
            for one in self.options
            if one.type == kind and one.delta is not None and one.mark_iv
        ]
        return _interpolate(sorted(points), delta)

    def risk_reversal(self, delta: float = 0.25) -> float | None:
        """IV of the call minus IV of the put of the same *delta*: a fraction; None when one is
        not known."""
        call, put = self._wings(delta)
        return None if call is None or put is None else call - put

    def butterfly(self, delta: float = 0.25) -> float | None:
        """Mean IV of the call and the put of *delta*, minus `atm_iv`: a fraction; None when one
        of them is not known."""
        call, put = self._wings(delta)
        middle = self.atm_iv
        if call is None or put is None or middle is None:
            return None
        return (call + put) / 2 - middle

    def _wings(self, delta: float) -> tuple[float | None, float | None]:
        size = abs(number("delta", delta, DELTAS))
        return self.iv_at_delta(size), self.iv_at_delta(-size)

    def _with_forward(self) -> list[Option]:
        return [one for one in self.options if one.forward and 0 < one.forward < math.inf]


def total(values: Iterable[float | None]) -> float | None:
    """The sum of those that are there; None when there is none."""
    known = [value for value in values if value is not None]
    try:
        return math.fsum(known) if known else None
    except (OverflowError, ValueError):  # numbers that no market has
        return None


def _newest(options: Sequence[Option]) -> Option | None:
    return max(options, key=_newness, default=None)


def _newness(option: Option) -> tuple[bool, int]:
    return not option.time_suspect, option.ts_ms


def _point(row: Strike, forward: float) -> SmilePoint | None:
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
