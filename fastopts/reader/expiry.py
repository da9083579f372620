"""The ways to name an expiry."""

import re
from datetime import UTC, date, datetime
from typing import Final

from fastopts.errors import BadInput, clipped

__all__ = ("FRONT", "Expiry", "day_of", "label", "label_of")

Expiry = str | date  # a datetime is a date
FRONT: Final = "front"  # the first that is not settling

_MONTHS: Final = "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split()  # noqa: SIM905
_SYMBOL_FORM: Final = re.compile(r"(\d{1,2})([A-Z]{3})(\d{2})", re.ASCII)
_KEY_FORM: Final = re.compile(r"(\d{2})(\d{2})(\d{2})", re.ASCII)


def day_of(expiry: Expiry) -> date | None:
    """The day (UTC) that *expiry* names; None for `front`. Raises BadInput."""
    if not isinstance(expiry, date | str):
        raise _bad(expiry)
    try:
        if isinstance(expiry, datetime):
            return _utc_day(expiry)
        if isinstance(expiry, date):
            return expiry
        text = expiry.strip().upper()
        return None if text == FRONT.upper() else _parse(text)
    except (ValueError, OverflowError):  # the last of all days, west of Greenwich
        raise _bad(expiry) from None


def label(expiry_ms: int) -> str:
    """The day as a symbol spells it: `27MAR26`, `6JAN23`."""
    return label_of(datetime.fromtimestamp(expiry_ms / 1000, UTC))


def label_of(day: date) -> str:
    """*day* as a symbol spells it."""
    return f"{day.day}{_MONTHS[day.month - 1]}{day:%y}"


def _parse(text: str) -> date:
    if found := _SYMBOL_FORM.fullmatch(text):
        return date(2000 + int(found[3]), _MONTHS.index(found[2]) + 1, int(found[1]))
    if found := _KEY_FORM.fullmatch(text):
        return date(2000 + int(found[1]), int(found[2]), int(found[3]))
    return _utc_day(datetime.fromisoformat(text))


def _utc_day(moment: datetime) -> date:
    return (moment.astimezone(UTC) if moment.tzinfo else moment).date()


def _bad(expiry: object) -> BadInput:
    return BadInput(
        f"{clipped(repr(expiry))} is no expiry: write 27MAR26, 260327, 2026-03-27, a date or a"
        f" datetime, or '{FRONT}' for the first that is not settling"
    )
