"""Read options from Redis: typed, with their age; stale values only on request.

reader.py        OptionReader, generated from asynchronous.py
asynchronous.py  AsyncOptionReader: the definition of all methods of readers and mirrors
queries.py       the queries, written once for server and mirror, without I/O
local_source.py  LocalSource: data in this process as the source of queries
redis            what queries read from a Redis server
mirrors          local replicas kept current by announcements; watches
freshness        when a value is live, and what a read requires of it
objects          options, chains, expiries, the universe, the market as columns
selection        scans, bounds, spelling of symbols, checks of arguments
export           tables, dictionaries, dataframes, files
__main__.py      `python -m fastopts.reader`: the market on one screen
"""

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


# Imported when first used: a program that reads single options should start fast and stay small.
# asyncio alone loads twice as much as the blocking reader.
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


# Hidden from type checkers, which would accept any name with it.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        if name not in _LATER:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value: object = getattr(import_module(f"{__name__}.{_LATER[name]}"), name)
        globals()[name] = value
        return value


def __dir__() -> list[str]:
    # without the modules of the package and what this one imports: for completion
    return sorted(__all__)
