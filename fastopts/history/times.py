"""Times as people write them: ISO text, a time of day, `-2h`, datetimes, ms since 1970."""

import re
from datetime import UTC, datetime, time, timedelta
from typing import Final, TypeAlias

from fastopts.errors import BadInput, shown

__all__ = ("TIME_FORMS", "Time", "duration_us", "parse_time", "time_text")

Time: TypeAlias = datetime | str | int

# for help texts and errors
TIME_FORMS: Final = "2026-11-30T14:32:05, 14:32:05, -2h, or ms since 1970"

SECOND_US: Final = 1_000_000
DAY_US: Final = 86_400 * SECOND_US
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS_US: Final = {
    "ms": 1_000,
    "s": SECOND_US,
    "m": 60 * SECOND_US,
    "h": 3600 * SECOND_US,
    "d": DAY_US,
}
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_CLOCK: Final = re.compile(r"\d{1,2}:\d{2}(:\d{2}(\.\d{1,6})?)?Z?", re.ASCII)
# Milliseconds since 1970 of a recording have 13 digits. Fewer are seconds, or a date without
# separators, and would silently be a day of January 1970.
_EPOCH_MS: Final = range(1_000_000_000_000, 10_000_000_000_000)


def parse_time(value: Time, now_us: int, last_us: int) -> int:
    """Return *value* in µs since 1970 UTC.

    It is a datetime, ISO text or ms since 1970. A datetime or text without a zone is in UTC. Text
    may also be a time of day, which is the last one up to *last_us*, the end of the recording; or
    `-2h`, which counts from *now_us*. Raises BadInput for anything else.
    """
    if isinstance(value, datetime):
        return _datetime_us(value)
    if isinstance(value, int) and not isinstance(value, bool) and value in _EPOCH_MS:
        return value * 1000
    if isinstance(value, str):
        text = value.strip()
        if text.isascii() and text.isdigit() and int(text) in _EPOCH_MS:
            return int(text) * 1000
        if text.startswith("-") and _DURATION.fullmatch(text[1:]):
            return now_us - duration_us(text[1:])
        try:
            if _CLOCK.fullmatch(text):
                return _last_clock_us(_clock(text), last_us)
            if "-" in text[1:]:
                return _datetime_us(datetime.fromisoformat(text))
        except (ValueError, OverflowError):
            pass
    raise BadInput(f"at: {shown(value)} is not a time: write {TIME_FORMS}", arguments=("at",))


def duration_us(text: str) -> int:
    """Return the duration *text*, such as `90s` or `1.5h`, in µs. Raises BadInput."""
    match = _DURATION.fullmatch(text) if isinstance(text, str) else None
    length_us = round(float(match[1]) * _UNITS_US[match[2]]) if match else 0
    if length_us <= 0:
        raise BadInput(f"{shown(text)} is not a duration: write 10s, 1m, 2h or 1d")
    return length_us


def time_text(at_us: int) -> str:
    """Return *at_us* as messages show it: 2026-11-30 14:32:05.000 UTC."""
    # by integers: a float of s since 1970 is exact to 0.2 µs only, and rounding shows 59.999
    at = _EPOCH + timedelta(microseconds=at_us)
    return f"{at:%Y-%m-%d %H:%M:%S}.{at.microsecond // 1000:03d} UTC"


def _datetime_us(at: datetime) -> int:
    # A naive datetime is UTC and not the machine's zone: a script must not read another minute of
    # the past on another machine, or after the clocks change.
    aware = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return (aware - _EPOCH) // timedelta(microseconds=1)


def _clock(text: str) -> time:
    hour, _, rest = text.removesuffix("Z").partition(":")
    return time.fromisoformat(f"{hour:0>2}:{rest}")


def _last_clock_us(clock: time, last_us: int) -> int:
    seconds = clock.hour * 3600 + clock.minute * 60 + clock.second
    at_us = last_us // DAY_US * DAY_US + seconds * SECOND_US + clock.microsecond
    return at_us if at_us <= last_us else at_us - DAY_US
