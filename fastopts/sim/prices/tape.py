"""Trade statistics of one option: last price, 24 h statistics, totals, open interest."""

from collections import deque
from dataclasses import dataclass

__all__ = ("Tape",)

HOUR_MS = 3_600_000
DAY_HOURS = 24


@dataclass(slots=True)
class _Hour:
    """Trades of one hour: sizes in lots, prices in ticks, turnover in quote coin."""

    hour: int
    first: int
    high: int
    low: int
    last: int
    lots: int = 0
    turnover: float = 0.0


class Tape:
    """Trades of one option: hourly for 24 hours, and totals.

    Prices are whole ticks and sizes whole lots, so that no rounding error accumulates; 0 means
    never traded. Turnover is the notional of the underlying, not the premium, as at the venue.
    `roll` is due at `roll_ms`, unless that is 0.
    """

    __slots__ = (
        "_before",
        "_hours",
        "last",
        "lots_open",
        "lots_total",
        "roll_ms",
        "turnover_total",
    )

    def __init__(self) -> None:
        self.last = 0
        self.lots_open = 0
        self.lots_total = 0
        self.turnover_total = 0.0
        self.roll_ms = 0
        self._hours: deque[_Hour] = deque()
        self._before = 0  # the last price before the 24 hours

    def trade(self, now_ms: int, price: int, lots: int, turnover: float) -> None:
        """Add one trade: *price* in ticks, *turnover* in quote coin."""
        hour = now_ms // HOUR_MS
        if not self._hours or self._hours[-1].hour != hour:
            self._hours.append(_Hour(hour, price, price, price, price))
        current = self._hours[-1]
        current.high = max(current.high, price)
        current.low = min(current.low, price)
        current.last = self.last = price
        current.lots += lots
        current.turnover += turnover
        self.lots_total += lots
        self.turnover_total += turnover
        self._plan_roll()

    def roll(self, now_ms: int) -> None:
        """Drop hours older than a day."""
        end = now_ms // HOUR_MS - DAY_HOURS
        while self._hours and self._hours[0].hour <= end:
            self._before = self._hours.popleft().last
        self._plan_roll()

    def _plan_roll(self) -> None:
        self.roll_ms = (self._hours[0].hour + DAY_HOURS) * HOUR_MS if self._hours else 0

    @property
    def high(self) -> int:
        """Highest price of 24 hours in ticks."""
        return max((hour.high for hour in self._hours), default=0)

    @property
    def low(self) -> int:
        """Lowest price of 24 hours in ticks."""
        return min((hour.low for hour in self._hours), default=0)

    @property
    def lots(self) -> int:
        """Volume of 24 hours in lots."""
        return sum(hour.lots for hour in self._hours)

    @property
    def turnover(self) -> float:
        """Turnover of 24 hours in quote coin."""
        return sum(hour.turnover for hour in self._hours)

    @property
    def change(self) -> float:
        """24 h price change as a fraction; 0 without trades in that time."""
        if not self._hours:
            return 0.0
        return self.last / (self._before or self._hours[0].first) - 1
