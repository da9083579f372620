"""Calendar of expiries, all at 08:00 UTC: daily, weekly, monthly and quarterly."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Final

__all__ = ("DELIVERY_HOUR", "EXPIRIES_MAX", "date_text", "expiries", "lifetime_days")

DELIVERY_HOUR: Final = 8
DAY_MS: Final = 86_400_000
# Spelled out, since %b of strftime depends on the locale, and a second time beside the product's
# own table, since the simulator shares no code with the parser that it tests.
MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
FRIDAY = 4

# Order in which a coin gets expiries: daily, quarterly, weekly, monthly, daily, ...
_ORDER: Final = "dqwmdqwmdqw"
EXPIRIES_MAX: Final = len(_ORDER)
_LIFETIMES_DAYS = (3, 28, 91, 366)


def expiries(now_ms: int, count: int) -> list[int]:
    """Return the delivery times (UTC ms, ascending) of the *count* expiries listed at *now_ms*."""
    day = datetime.fromtimestamp(now_ms / 1000, UTC)
    first = day.date() if day.hour < DELIVERY_HOUR else day.date() + timedelta(days=1)
    begin = datetime.combine(first, time(DELIVERY_HOUR), UTC)
    kinds = {"d": _every(begin, 1), "w": _fridays(begin), "m": _months(begin, 1)}
    kinds["q"] = _months(begin, 3)
    chosen: list[datetime] = []
    for kind in _ORDER[:count]:
        chosen.append(next(date for date in kinds[kind] if date not in chosen))
    return sorted(int(date.timestamp()) * 1000 for date in chosen)


def date_text(delivery_ms: int) -> str:
    """Return the date as in symbols, the day without a leading zero: 6JAN27."""
    date = datetime.fromtimestamp(delivery_ms / 1000, UTC)
    return f"{date.day}{MONTHS[date.month - 1]}{date.year % 100:02}"


def lifetime_days(days_left: float) -> int:
    """Return how many days before delivery an expiry *days_left* away was listed."""
    return next((life for life in _LIFETIMES_DAYS if days_left <= life), 2 * 366)


def _every(begin: datetime, days: int) -> Iterator[datetime]:
    while True:
        yield begin
        begin += timedelta(days=days)


def _fridays(begin: datetime) -> Iterator[datetime]:
    return _every(begin + timedelta(days=(FRIDAY - begin.weekday()) % 7), 7)


def _months(begin: datetime, step: int) -> Iterator[datetime]:
    """Yield the last Friday of each month, or of each quarter."""
    for friday in _fridays(begin):
        if (friday + timedelta(days=7)).month != friday.month and friday.month % step == 0:
            yield friday
