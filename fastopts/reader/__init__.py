"""Read options from Redis: typed, with their age, and never a stale one unasked."""

from fastopts.errors import (
    ConnectionMuted,
    Expired,
    FeedDown,
    NoSuchOption,
    NotYetLive,
    StaleData,
    StoreUnavailable,
    TooOld,
    Unknown,
    WrongVenue,
)
from fastopts.model import Option
from fastopts.reader.reader import Absent, OptionReader

__all__ = (
    "Absent",
    "ConnectionMuted",
    "Expired",
    "FeedDown",
    "NoSuchOption",
    "NotYetLive",
    "Option",
    "OptionReader",
    "StaleData",
    "StoreUnavailable",
    "TooOld",
    "Unknown",
    "WrongVenue",
)
