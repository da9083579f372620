"""Times as text, in the one form of exports and of JSON: 2026-11-27T08:00:00.000Z."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastopts.reader.export.dataframes import Column

__all__ = ("iso", "iso_column")


def iso(time: datetime) -> str:
    """Format *time* in UTC, in milliseconds."""
    # half the time of strftime, for each time of each row: 1.0 of 2.0 us on CPython 3.11
    return f"{time.astimezone(UTC).isoformat(timespec='milliseconds')[:-6]}Z"


def iso_column(times: "Column") -> "Column":
    """Format a numpy array of UTC times as `iso` does."""
    import numpy as np  # not for single options, whose readers do not load it

    texts: Column = np.datetime_as_string(times, unit="ms", timezone="UTC")
    return texts
