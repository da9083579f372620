"""`HistoryBuilder`: ticks and events, in order -> the files of complete hours.

Ticks are collected for a minute, and the newest record of each symbol for the next keyframe. What a
day has once (feed, events, terms) is kept until the end of its hour.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
import orjson
from numpy.typing import NDArray

from fastopts.history import schema
from fastopts.history.liveness import RecordedFeed
from fastopts.history.rows import RECORD, ROW, HourFile, Minute
from fastopts.model import Instrument

__all__ = ("HOUR_NS", "HistoryBuilder", "Hour")

NS: Final = 1_000_000_000
MINUTE_NS: Final = 60 * NS
HOUR_NS: Final = 3600 * NS


@dataclass(slots=True)
class Hour:
    """What was made of one hour: closed files under their temporary names, and rows of its day."""

    start_ns: int
    files: dict[str, HourFile] = field(default_factory=dict)
    feed: list[tuple[int, str]] = field(default_factory=list)
    events: list[tuple[int, Mapping[str, Any]]] = field(default_factory=list)
    terms: list[tuple[int, str, Instrument | None]] = field(default_factory=list)
    recorded: list[tuple[int, int]] = field(default_factory=list)
    """The times of which there are captures, start and end in ns."""

    def gaps(self) -> list[Mapping[str, Any]]:
        """Return the events about messages that a recorder missed."""
        events = (values for _, values in self.events)
        return [each for each in events if each["event"] == "gap" and "frames" in each]


class HistoryBuilder:
    """Builds the hours of *wanted* (starts in ns) of a *venue* in the folder *root*.

    Calls are in the order of their times. `take` returns the hours that are complete; the caller
    publishes or discards them.
    """

    def __init__(self, root: Path, venue: str, wanted: Container[int]) -> None:
        self._root = root
        self._venue = venue
        self._wanted = wanted
        self._minute_ns: int | None = None  # None: nothing is recorded
        self._blocks: list[NDArray[Any]] = []
        self._feeds: list[RecordedFeed] = []
        self._began_ns = 0  # the start of the present recording
        self._newest = _NewestRows()
        self._start: NDArray[Any] = np.empty(0, ROW)  # the keyframe of the present minute
        self._instruments: dict[str, Instrument] = {}
        self._feed: tuple[int, str] | None = None
        self._hour: Hour | None = None
        self._complete: list[Hour] = []
        self._end_ns = 0  # the newest log time

    def begin(self, log_ns: int, *, continues: bool) -> None:
        """Begin a capture; one that does not continue the last leaves a gap between both."""
        if continues:
            self.advance(log_ns)
            return
        if self._minute_ns is not None:
            self._write_minute()
            self._minute_ns = None
        self._note_recorded()
        last_ns = self._end_ns
        self._newest = _NewestRows()
        self._instruments.clear()
        self._feeds.clear()
        self._feed = None
        self._began_ns = log_ns
        self._end_ns = log_ns
        self._start = np.empty(0, ROW)
        self.advance(log_ns)
        if last_ns and log_ns > last_ns:
            reason = "nothing was recorded"
            gap = {"event": "gap", "start_ns": last_ns, "end_ns": log_ns, "reason": reason}
            self._events_at(log_ns).append((log_ns, gap))

    def advance(self, log_ns: int) -> None:
        """Note that everything before *log_ns* is known: minutes may be complete."""
        minute_ns = log_ns // MINUTE_NS * MINUTE_NS
        self._end_ns = max(self._end_ns, log_ns)
        if self._minute_ns is None:
            self._begin_minute(minute_ns)
        while self._minute_ns is not None and self._minute_ns < minute_ns:
            self._write_minute()
            self._begin_minute(self._minute_ns + MINUTE_NS)

    def rows(self, data: bytes) -> None:
        """Add ticks, as `ROW`s."""
        rows = np.frombuffer(data, ROW)
        start = 0
        minutes = rows["log_ns"] // MINUTE_NS
        while start < len(rows):
            end = int(np.searchsorted(minutes, minutes[start], side="right"))
            part = rows[start:end]
            self.advance(int(part["log_ns"][0]))
            self._blocks.append(part)
            self._newest.update(part)
            self._end_ns = max(self._end_ns, int(part["log_ns"][-1]))
            start = end

    def feed(self, log_ns: int, fields: Mapping[str, str]) -> None:
        """Add the feed as the collector wrote it. Raises WrongVenue and StoreError."""
        self.advance(log_ns)
        self._feeds.append(RecordedFeed(log_ns, fields, self._venue))
        self._feed = log_ns, orjson.dumps(dict(fields)).decode()
        if self._hour is not None:
            self._hour.feed.append(self._feed)

    def event(self, log_ns: int, values: Mapping[str, Any]) -> None:
        """Add an event of the channel `control`."""
        self.advance(log_ns)
        self._events_at(log_ns).append((log_ns, values))

    def listing(self, log_ns: int, listed: Sequence[Instrument], delisted: Sequence[str]) -> None:
        """Add changes of the universe. A capture repeats all terms at its start."""
        self.advance(log_ns)
        hour = self._hour
        for each in listed:
            if self._instruments.get(each.symbol) != each:
                self._instruments[each.symbol] = each
                if hour is not None:
                    hour.terms.append((log_ns, each.symbol, each))
        for symbol in delisted:
            self._instruments.pop(symbol, None)
            self._newest.remove(symbol)
            if hour is not None:
                hour.terms.append((log_ns, symbol, None))

    def finish(self) -> None:
        """Complete the last hour, at the end of the captures."""
        if self._minute_ns is not None:
            self._write_minute()
        self._close_hour()
        self._minute_ns = None

    def take(self) -> list[Hour]:
        """Remove and return the complete hours, the oldest first."""
        complete, self._complete = self._complete, []
        return complete

    def discard(self) -> None:
        """Remove the files of hours that were not taken."""
        for hour in [*self.take(), *([self._hour] if self._hour is not None else [])]:
            for file in hour.files.values():
                file.discard()
        self._hour = None

    def _events_at(self, log_ns: int) -> list[tuple[int, Mapping[str, Any]]]:
        del log_ns  # `advance` has opened its hour, if it is wanted
        return [] if self._hour is None else self._hour.events

    def _begin_minute(self, minute_ns: int) -> None:
        self._minute_ns = minute_ns
        hour_ns = minute_ns // HOUR_NS * HOUR_NS
        if self._hour is None or self._hour.start_ns != hour_ns:
            self._close_hour()
            if hour_ns in self._wanted:
                self._hour = self._open_hour(hour_ns)
        self._start = self._newest.rows()
        # The feed that is in force when the minute begins judges its keyframe.
        self._feeds = self._feeds[-1:]

    def _open_hour(self, hour_ns: int) -> Hour:
        """Return a new hour, which can be read without the ones before."""
        hour = Hour(hour_ns)
        if self._feed is not None:
            hour.feed.append(self._feed)
        hour.terms += [(hour_ns, name, each) for name, each in self._instruments.items()]
        return hour

    def _close_hour(self) -> None:
        if self._hour is None:
            return
        self._note_recorded()
        for file in self._hour.files.values():
            file.close()
        self._complete.append(self._hour)
        self._hour = None

    def _note_recorded(self) -> None:
        hour = self._hour
        if hour is not None:
            start_ns = max(hour.start_ns, self._began_ns)
            end_ns = min(hour.start_ns + HOUR_NS, self._end_ns)
            if start_ns < end_ns:
                hour.recorded.append((start_ns, end_ns))

    def _write_minute(self) -> None:
        blocks, self._blocks = self._blocks, []
        if self._hour is None or self._minute_ns is None:
            return
        rows = np.concatenate(blocks) if blocks else np.empty(0, ROW)
        for asset, keyframe, own in _by_asset(self._start, rows):
            received_ms = own["record"].copy().view(RECORD)["rt_ms"]
            # What a capture begins with was received before it.
            repeats = received_ms < self._began_ns // 1_000_000
            minute = Minute(self._minute_ns, keyframe, own, repeats, self._feeds)
            file = self._hour.files.get(asset)
            if file is None:
                at_s = self._hour.start_ns // NS
                path = schema.rows_path(self._root, self._venue, asset, at_s)
                file = self._hour.files[asset] = HourFile(path)
            file.write(minute)


class _NewestRows:
    """The newest row of each symbol."""

    def __init__(self) -> None:
        self._slots: dict[bytes, int] = {}
        self._rows = np.empty(1024, ROW)
        self._is_listed = np.zeros(1024, bool)

    def update(self, rows: NDArray[Any]) -> None:
        """Replace the rows of their symbols; of several ones, the last counts."""
        symbols: list[bytes] = rows["symbol"].tolist()
        slots = self._slots
        for symbol in set(symbols).difference(slots):
            slots[symbol] = len(slots)
        if len(slots) > len(self._rows):
            added = len(slots)
            self._rows = np.concatenate((self._rows, np.empty(added, ROW)))
            self._is_listed = np.concatenate((self._is_listed, np.zeros(added, bool)))
        index = np.fromiter(map(slots.__getitem__, symbols), np.intp, len(symbols))
        self._rows[index] = rows  # of repeated indices, numpy keeps the last
        self._is_listed[index] = True

    def remove(self, symbol: str) -> None:
        """Forget a delisted symbol."""
        slot = self._slots.get(symbol.encode("ascii"))
        if slot is not None:
            self._is_listed[slot] = False

    def rows(self) -> NDArray[Any]:
        """Return a copy of the rows of all listed symbols."""
        return self._rows[self._is_listed]


def _by_asset(
    keyframe: NDArray[Any], rows: NDArray[Any]
) -> Iterator[tuple[str, NDArray[Any], NDArray[Any]]]:
    """Yield asset, keyframe and ticks. The first part of a symbol is its asset."""
    start, own = _assets(keyframe), _assets(rows)
    for asset in sorted({*start.tolist(), *own.tolist()}):
        yield asset.decode("ascii"), keyframe[start == asset], rows[own == asset]


def _assets(rows: NDArray[Any]) -> NDArray[Any]:
    assets: dict[bytes, bytes] = {}
    symbols: list[bytes] = rows["symbol"].tolist()
    for symbol in set(symbols):
        assets[symbol] = symbol.partition(b"-")[0]
    return np.array([assets[symbol] for symbol in symbols], "S20")
