"""Read options from Redis: typed, with their age, and never a stale one unasked."""

from importlib import import_module
from typing import TYPE_CHECKING, Final

from fastopts.errors import (
    BadInput,
    ConfigError,
    ConnectionLate,
    ConnectionMuted,
    Expired,
    FastoptsError,
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
    from fastopts.reader.async_mirror import AsyncMirror
    from fastopts.reader.async_watch import AsyncWatch
    from fastopts.reader.asynchronous import AsyncOptionReader
    from fastopts.reader.backlog import Gap
    from fastopts.reader.bounds import Bounds
    from fastopts.reader.mirror import Mirror
    from fastopts.reader.moves import Move
    from fastopts.reader.scan import Scan
    from fastopts.reader.table import Table
    from fastopts.reader.watch import Watch

__all__ = (
    "Absent",
    "AsyncMirror",
    "AsyncOptionReader",
    "AsyncWatch",
    "BadInput",
    "Bounds",
    "Chain",
    "ConfigError",
    "ConnectionLate",
    "ConnectionMuted",
    "Expired",
    "FastoptsError",
    "FeedDown",
    "FeedState",
    "Gap",
    "Instrument",
    "Mirror",
    "Move",
    "NoSuchOption",
    "NotYetLive",
    "Option",
    "OptionReader",
    "Scan",
    "Series",
    "SmilePoint",
    "StaleData",
    "StoreError",
    "StoreUnavailable",
    "Strike",
    "Table",
    "TooOld",
    "Unknown",
    "Watch",
    "WrongVenue",
)


# asyncio alone is twice what a blocking reader loads
_LATER: Final = {
    "AsyncMirror": "async_mirror",
    "AsyncOptionReader": "asynchronous",
    "AsyncWatch": "async_watch",
    "Bounds": "bounds",
    "Gap": "backlog",
    "Mirror": "mirror",
    "Move": "moves",
    "Scan": "scan",
    "Table": "table",
    "Watch": "watch",
}


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    return found
