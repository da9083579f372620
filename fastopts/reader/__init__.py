"""Read options from Redis: typed, with their age, and never a stale one unasked."""

from typing import TYPE_CHECKING

from fastopts.errors import (
    BadInput,
    ConnectionMuted,
    Expired,
    FeedDown,
    NoSuchOption,
    NotYetLive,
    StaleData,
    StoreError,
    StoreUnavailable,
    TooOld,
    Unknown,
    WrongVenue,
)
from fastopts.model import Instrument
from fastopts.reader.absent import Absent
from fastopts.reader.chain import Chain, SmilePoint, Strike
from fastopts.reader.option import Option
from fastopts.reader.reader import OptionReader
from fastopts.reader.state import FeedState
from fastopts.reader.universe import Series

if TYPE_CHECKING:
    from fastopts.reader.asynchronous import AsyncOptionReader

__all__ = (
    "Absent",
    "AsyncOptionReader",
    "BadInput",
    "Chain",
    "ConnectionMuted",
    "Expired",
    "FeedDown",
    "FeedState",
    "Instrument",
    "NoSuchOption",
    "NotYetLive",
    "Option",
    "OptionReader",
    "Series",
    "SmilePoint",
    "StaleData",
    "StoreError",
    "StoreUnavailable",
    "Strike",
    "TooOld",
    "Unknown",
    "WrongVenue",
)


def __getattr__(name: str) -> object:
    # asyncio is twice what a blocking reader loads
    if name != "AsyncOptionReader":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from fastopts.reader.asynchronous import AsyncOptionReader

    return AsyncOptionReader
