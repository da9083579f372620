"""`Archive`: the files of one venue's history, and what they hold of a moment.

Footers and the small files of a day stay in memory, rows do not. Files may be added or made again
while it is in use: each is opened again when it is another file.
"""

import json
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from fastopts import keys
from fastopts.contract import FeedField
from fastopts.errors import BadInput, CaptureError, NotRecorded, one_line
from fastopts.history import schema
from fastopts.history.recorded import RecordedGap, RecordedTimes
from fastopts.history.records import RowFile, integers, open_parquet
from fastopts.history.times import DAY_US, SECOND_US
from fastopts.model import Instrument
from fastopts.reader.freshness.feed import Feed, feed_from_fields
from fastopts.reader.freshness.moment import Moment

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ("Archive", "PastListing")

T = TypeVar("T")

EVENTS_MAX: Final = 10_000  # days, a few hundred bytes each
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
FILES_MAX: Final = 64  # of rows with their footers in memory, half a MB each
DAYS_MAX: Final = 4
HOUR_US: Final = 3600 * SECOND_US


@dataclass(frozen=True, slots=True)
class PastListing:
    """The contract terms known at a moment, and the symbols that were listed then."""

    terms: Mapping[str, Instrument]
    listed: frozenset[str]


class Archive:
    """The history of *venue*, as its folder names it, below the folder *root*.

    Raises BadInput where there is none.
    """

    def __init__(self, root: Path, venue: str) -> None:
        self.root = root
        self.venue = venue
        self.folder: Path = schema.venue_folder(root, venue)
        self._rows: _Files[RowFile] = _Files(RowFile, FILES_MAX)
        self._feeds: _Files[_FeedFile] = _Files(_FeedFile, DAYS_MAX)
        self._terms: _Files[_TermsFile] = _Files(_TermsFile, DAYS_MAX)
        self._hours: _Files[frozenset[str]] = _Files(_made_hours, DAYS_MAX)
        # Of all days: a gap matters until each option has ticked again.
        self._events: _Files[tuple[RecordedGap, ...]] = _Files(_gaps, EVENTS_MAX)
        if not self.folder.is_dir():
            raise BadInput(f"{root}: no history of {venue} here: run `fastopts history make`")

    def coverage(self) -> RecordedTimes:
        """Return what is recorded, by the files of all days.

        Raises NotRecorded if that is nothing.
        """
        days = sorted(each for each in self.folder.iterdir() if _DAY.fullmatch(each.name))
        feeds = [feed for day in days for feed in (day / schema.FEED,) if feed.exists()]
        first = self._feeds.get(feeds[0]) if feeds else None
        last = self._feeds.get(feeds[-1]) if feeds else None
        if first is None or last is None or not len(first) or not len(last):
            raise NotRecorded(f"{self.folder}: no hour is complete yet: nothing can be read")
        gaps = [gap for day in days for gap in self._events.get(day / schema.EVENTS) or ()]
        return RecordedTimes(first.start_us, last.end_us, tuple(sorted(gaps)))

    def check_made(self, at_us: int) -> None:
        """Raise NotRecorded if the hour of *at_us* is not among the files of its day."""
        day = schema.day_folder(self.root, self.venue, at_us // SECOND_US)
        hour = at_us % DAY_US // HOUR_US
        if f"{hour:02d}" not in (self._hours.get(day / schema.MANIFEST) or ()):
            remedy = "run `fastopts history make`, or wait for the end of the hour"
            raise NotRecorded(f"{day}: hour {hour:02d} is not in the history: {remedy}")

    def moment(self, at_us: int) -> Moment:
        """Return the feed at *at_us*, µs since 1970 UTC, with the server's clock of then."""
        day = schema.day_folder(self.root, self.venue, at_us // SECOND_US)
        file = self._feeds.get(day / schema.FEED)
        if file is None:
            return Moment(Feed({}), at_us // 1000, {})
        return file.moment(at_us, self.listing(at_us).terms)

    def listing(self, at_us: int) -> PastListing:
        """Return the listing at *at_us*; empty if no terms are recorded."""
        day = schema.day_folder(self.root, self.venue, at_us // SECOND_US)
        file = self._terms.get(day / schema.TERMS)
        return PastListing({}, frozenset()) if file is None else file.listing(at_us)

    def records(
        self, asset: str, at_us: int, since_us: int, terms: Mapping[str, Instrument]
    ) -> dict[str, bytes]:
        """Return the packed records of *asset* as of *at_us* that were logged since *since_us*."""
        if not keys.is_coin(asset):  # a part of a symbol that users wrote becomes part of a path
            return {}
        path = schema.rows_path(self.root, self.venue, asset, at_us // SECOND_US)
        file = self._rows.get(path)
        return {} if file is None else file.records(at_us, since_us, terms)

    def row_paths(self, asset: str, start_us: int, end_us: int) -> Iterator[Path]:
        """Yield the files of *asset* with ticks from *start_us* to *end_us*, in order of time."""
        for hour_us in range(start_us // HOUR_US * HOUR_US, end_us, HOUR_US):
            path = schema.rows_path(self.root, self.venue, asset, hour_us // SECOND_US)
            if path.exists():
                yield path

    def is_known(self, symbol: str, start_us: int, end_us: int) -> bool:
        """Whether *symbol* had terms on a day from *start_us* to *end_us*."""
        for day_us in range(start_us // DAY_US * DAY_US, end_us, DAY_US):
            day = schema.day_folder(self.root, self.venue, day_us // SECOND_US)
            file = self._terms.get(day / schema.TERMS)
            if file is not None and symbol in file.symbols:
                return True
        return False


class _FeedFile:
    """The feed of a day at each heartbeat."""

    def __init__(self, path: Path) -> None:
        table = _read(path).sort_by("logged")
        self._path = path
        self._logged_us: NDArray[np.int64] = integers(table.column("logged").combine_chunks())
        self._fields = table.column("fields").combine_chunks()

    def __len__(self) -> int:
        return len(self._logged_us)

    @property
    def start_us(self) -> int:
        """Time of the first heartbeat."""
        return int(self._logged_us[0])

    @property
    def end_us(self) -> int:
        """Time of the last heartbeat."""
        return int(self._logged_us[-1])

    def moment(self, at_us: int, terms: Mapping[str, Instrument]) -> Moment:
        """Return the feed at *at_us* by the last heartbeat before, with the server's clock.

        The recorder's clock and the server's differ; each heartbeat has the times of both.
        """
        index = int(np.searchsorted(self._logged_us, at_us, "right")) - 1
        if index < 0:
            return Moment(Feed({}), at_us // 1000, terms)
        feed = self._feed(index)
        beat = index
        while beat > 0 and not self._feed(beat).heartbeat_ms:  # 0: the collector has ended
            beat -= 1
        heartbeat_ms = self._feed(beat).heartbeat_ms
        if not heartbeat_ms:
            return Moment(feed, at_us // 1000, terms)
        passed_ms = (at_us - int(self._logged_us[beat])) // 1000
        return Moment(feed, heartbeat_ms + passed_ms, terms)

    def _feed(self, index: int) -> Feed:
        try:
            fields = json.loads(self._fields[index].as_py())
            flat = {name.encode(): text.encode() for name, text in fields.items()}
        except (ValueError, AttributeError) as error:
            raise CaptureError(f"{self._path}: row {index}: {one_line(str(error))}") from error
        return feed_from_fields(flat, fields.get(FeedField.VENUE, ""))


class _TermsFile:
    """The instruments of a day, and since when their terms hold."""

    def __init__(self, path: Path) -> None:
        table = _read(path).sort_by("since")
        self._since_us = integers(table.column("since").combine_chunks())
        self._symbols: list[str] = table.column("symbol").to_pylist()
        self._instruments = _instruments(table)
        self._latest: tuple[int, PastListing] = -1, PastListing({}, frozenset())
        self.symbols = frozenset(self._symbols)

    def listing(self, at_us: int) -> PastListing:
        """Return the terms that held at *at_us*, and the listed symbols."""
        count = int(np.searchsorted(self._since_us, at_us, "right"))
        latest, listing = self._latest
        if latest != count:
            listing = self._listing(count)
            self._latest = count, listing
        return listing

    def _listing(self, count: int) -> PastListing:
        terms: dict[str, Instrument] = {}
        listed: set[str] = set()
        for index in range(count):
            symbol = self._symbols[index]
            instrument = self._instruments[index]
            if instrument is None:
                listed.discard(symbol)  # its terms stay: so do those of delisted options in Redis
            else:
                listed.add(symbol)
                terms[symbol] = instrument
        return PastListing(terms, frozenset(listed))


class _Files(Generic[T]):
    """Files in memory, at most *limit* of them; one that was replaced is opened again."""

    def __init__(self, opened: Callable[[Path], T], limit: int) -> None:
        self._open = opened
        self._limit = limit
        self._files: OrderedDict[Path, tuple[tuple[int, int, int], T]] = OrderedDict()

    def get(self, path: Path) -> T | None:
        """Return the file, or None if there is none."""
        try:
            status = path.stat()
        except OSError:
            return None
        identity = status.st_ino, status.st_size, status.st_mtime_ns
        known = self._files.get(path)
        if known is not None and known[0] == identity:
            return known[1]
        file = self._open(path)
        self._files[path] = identity, file
        self._files.move_to_end(path)
        while len(self._files) > self._limit:
            self._files.popitem(last=False)
        return file


def _made_hours(path: Path) -> frozenset[str]:
    """The hours of a day that its manifest names, as HH."""
    try:
        return frozenset(json.loads(path.read_bytes())["hours"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CaptureError(f"{path}: can't be read: {one_line(str(error))}") from error


def _gaps(path: Path) -> tuple[RecordedGap, ...]:
    """The gaps that the events of a day report."""
    table = _read(path)
    pairs = zip(table.column("event").to_pylist(), table.column("values").to_pylist(), strict=True)
    try:
        events = [json.loads(values) for event, values in pairs if event == "gap"]
        return tuple(
            RecordedGap(each["start_ns"] // 1000, each["end_ns"] // 1000, str(each["reason"]))
            for each in events
        )
    except (ValueError, KeyError, TypeError) as error:
        raise CaptureError(f"{path}: malformed gap: {one_line(str(error))}") from error


def _read(path: Path) -> "pa.Table":
    import pyarrow as pa

    with open_parquet(path) as file:
        try:
            return file.read(use_threads=False)
        except (OSError, pa.ArrowException) as error:
            raise CaptureError(f"{path}: can't be read: {one_line(str(error))}") from error


def _instruments(table: "pa.Table") -> list[Instrument | None]:
    """The instrument of each row; None for one that was delisted."""
    names = ("symbol", "asset", "quote", "settle", "strike_text", "type", "tick_size", "lot_size")
    columns: dict[str, list[Any]] = {
        name: table.column(name).to_pylist() for name in (*names, "status")
    }
    for name in ("expiry", "launch"):
        times = table.column(name).combine_chunks().fill_null(0)
        columns[f"{name}_ms"] = integers(times).tolist()
    listed = table.column("listed").to_pylist()
    rows = (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))
    return [
        Instrument(**row) if is_listed else None
        for row, is_listed in zip(rows, listed, strict=True)
    ]
