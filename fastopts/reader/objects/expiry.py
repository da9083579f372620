"""Names of expiries: the forms that users may write, and the labels that symbols use."""

import bisect
import contextlib
import re
import sys
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING, Final, Protocol, Union

from fastopts.errors import BadInput
from fastopts.model import EXPIRY_TEXT_FORMS, MONTHS
from fastopts.reader.selection.arguments import shown

if TYPE_CHECKING:
    import numpy as np

__all__ = (
    "FRONT",
    "Dated",
    "Expiry",
    "day_of",
    "exact_ms",
    "is_delivered_at",
    "is_usual",
    "label",
    "label_of",
    "nearest_text",
    "time_text",
)


class Dated(Protocol):
    """Any object with an expiry: a Series, a Chain, an Option."""

    @property
    def expiry(self) -> datetime:
        """Time of delivery, in UTC."""


Expiry = Union[str, date, "np.datetime64", Dated]
USUAL_TIME: Final = time(8)  # UTC, of nearly all deliveries
FRONT: Final = "front"  # the first expiry that is neither settling nor delivered

_SYMBOL_FORM: Final = re.compile(r"(\d{1,2})([A-Z]{3})(?:20)?(\d{2})", re.ASCII)
_LABEL_FORM: Final = re.compile(r"(\d{1,2}[A-Z]{3}(?:20)?\d{2})T(\d{2})(\d{2})(\d{2})?", re.ASCII)
_NO_YEAR: Final = re.compile(r"\d{1,2}[A-Z]{3}", re.ASCII)
_KEY_FORM: Final = re.compile(r"(\d{2})(\d{2})(\d{2})", re.ASCII)


def day_of(expiry: Expiry) -> date | None:
    """The day (UTC) that *expiry* names; None for `front`. Raises BadInput for an invalid one.

    A day without a year is refused with the next one of that name: on the day of its delivery the
    same words would begin to mean another contract.
    """
    try:
        expiry = _plain(expiry)
        if isinstance(expiry, datetime):
            return _utc_day(expiry)
        if isinstance(expiry, date):
            return expiry
        text = expiry.strip().upper()
        return None if text == FRONT.upper() else _parse(text)
    except (ValueError, OverflowError):  # OverflowError: 9999-12-31 west of Greenwich
        raise _invalid(expiry) from None


def _plain(expiry: object) -> str | date:
    """The text, date or datetime that *expiry* is or has. Raises ValueError for other objects."""
    if isinstance(expiry, date | str):
        return expiry
    numpy = sys.modules.get("numpy")  # a plain reader does not load it
    if numpy is not None and isinstance(expiry, numpy.datetime64):
        moment = expiry.astype("datetime64[ms]").item()
    else:
        moment = getattr(expiry, "expiry", None)
    if isinstance(moment, datetime):
        return moment
    raise ValueError


def label(expiry_ms: int) -> str:
    """The day as symbols spell it: `27MAR26`, `6JAN23`.

    The label of a delivery at another time than 08:00 UTC has the time, too: `27MAR26T1600`. So two
    deliveries of one day have two labels.
    """
    moment = datetime.fromtimestamp(expiry_ms / 1000, UTC)
    if is_usual(expiry_ms):
        return label_of(moment)
    return f"{label_of(moment)}T{moment:%H%M%S}".removesuffix("00")


def is_usual(expiry_ms: int) -> bool:
    """Whether *expiry_ms* is at the usual time of the day."""
    moment = datetime.fromtimestamp(expiry_ms / 1000, UTC)
    return moment.time().replace(microsecond=0) == USUAL_TIME


def exact_ms(expiry: Expiry) -> int | None:
    """The moment that *expiry* names, in ms; None for a day, for `front` and for invalid ones."""
    moment: date | None = None
    try:
        expiry = _plain(expiry)
    except ValueError:
        return None
    if isinstance(expiry, str):
        text = expiry.strip().upper()
        if match := _LABEL_FORM.fullmatch(text):
            hour, minute, second = int(match[2]), int(match[3]), int(match[4] or 0)
            day = day_of(match[1])
            if day is not None and hour < 24 and minute < 60 and second < 60:
                moment = datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=UTC)
        elif "T" in text or ":" in text:
            try:
                moment = datetime.fromisoformat(text)
            except ValueError:
                return None
    else:
        moment = expiry
    if not isinstance(moment, datetime) or moment != moment:  # pandas' NaT differs from itself
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return round(aware.timestamp() * 1000)


def is_delivered_at(expiry_ms: int, expiry: Expiry) -> bool:
    """Whether *expiry* names the delivery at *expiry_ms*: its day, and its time if a label has it.

    Only a label is compared to the second: a datetime in a data frame often is a day at midnight.
    """
    if isinstance(expiry, str) and _LABEL_FORM.fullmatch(expiry.strip().upper()):
        return expiry_ms // 1000 == (exact_ms(expiry) or 0) // 1000
    return datetime.fromtimestamp(expiry_ms / 1000, UTC).date() == day_of(expiry)


def label_of(day: date) -> str:
    """*day* as symbols spell it."""
    return f"{day.day}{MONTHS[day.month - 1]}{day:%y}"


def time_text(moment_ms: int) -> str:
    """A moment for messages: `2026-03-27 08:00 UTC`."""
    return f"{datetime.fromtimestamp(moment_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"


def nearest_text(times_ms: Iterable[int], day: date) -> str:
    """Which of *times_ms* come right before and after *day*, for messages; "" if there is none."""
    ordered = sorted(set(times_ms))
    days = [datetime.fromtimestamp(at / 1000, UTC).date() for at in ordered]
    place = bisect.bisect_left(days, day)
    labels = [label(at) for at in ordered[max(place - 1, 0) : place + 1]]
    subject = "expiry is" if len(labels) == 1 else "expiries are"
    return f"the nearest {subject} {' and '.join(labels)}" if labels else ""


def _parse(text: str) -> date:
    if match := _LABEL_FORM.fullmatch(text):
        if int(match[2]) > 23 or int(match[3]) > 59 or int(match[4] or 0) > 59:
            raise ValueError(text)
        text = match[1]
    if match := _SYMBOL_FORM.fullmatch(text):
        return date(2000 + int(match[3]), MONTHS.index(match[2]) + 1, int(match[1]))
    if match := _KEY_FORM.fullmatch(text):
        return date(2000 + int(match[1]), int(match[2]), int(match[3]))
    return _utc_day(datetime.fromisoformat(text))


def _utc_day(moment: datetime) -> date:
    if moment != moment:  # pandas' NaT, which is a datetime
        raise ValueError
    return (moment.astimezone(UTC) if moment.tzinfo else moment).date()


def _next_label(text: str) -> str:
    """The next day with the day and month of *text*; "" if there is none."""
    today = datetime.now(UTC).date()
    for year in range(today.year, today.year + 9):  # 29FEB exists at least every eighth year
        with contextlib.suppress(ValueError):
            day = _parse(f"{text}{year % 100:02}")
            if day >= today:
                return label_of(day)
    return ""


def _invalid(expiry: object) -> BadInput:
    text = expiry.strip().upper() if isinstance(expiry, str) else ""
    if _NO_YEAR.fullmatch(text) and (next_label := _next_label(text)):
        return BadInput(f"{shown(expiry)} has no year: write {next_label}")
    fault = f"{shown(expiry)} is not an expiry"
    return BadInput(
        f"{fault}: write 27MAR26, 27MAR2026, 260327, 2026-03-27, a date or a datetime (numpy's"
        f" too), a Series, or '{FRONT}' for the first that is not settling",
        as_text=f"{fault}: write {EXPIRY_TEXT_FORMS}",
    )
