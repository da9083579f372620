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
from fastopts.reader.freshness.feed_state import FeedState
from fastopts.reader.objects.absent import Absent
from fastopts.reader.objects.chain import Chain, SmilePoint, Strike
from fastopts.reader.objects.option import Option
from fastopts.reader.objects.universe import Series
from fastopts.reader.reader import OptionReader

if TYPE_CHECKING:
    from fastopts.reader.asynchronous import AsyncOptionReader
    from fastopts.reader.export.table import Table
    from fastopts.reader.mirrors.async_mirror import AsyncMirror
    from fastopts.reader.mirrors.async_watch import AsyncWatch
    from fastopts.reader.mirrors.backlog import Gap
    from fastopts.reader.mirrors.mirror import Mirror
    from fastopts.reader.mirrors.price_moves import Move
    from fastopts.reader.mirrors.watch import Watch
    from fastopts.reader.selection.bounds import Bounds
    from fastopts.reader.selection.scan import Scan

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
    "AsyncMirror": "mirrors.async_mirror",
    "AsyncOptionReader": "asynchronous",
    "AsyncWatch": "mirrors.async_watch",
    "Bounds": "selection.bounds",
    "Gap": "mirrors.backlog",
    "Mirror": "mirrors.mirror",
    "Move": "mirrors.price_moves",
    "Scan": "selection.scan",
    "Table": "export.table",
    "Watch": "mirrors.watch",
}


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
    return found
