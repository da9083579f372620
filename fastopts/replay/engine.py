"""`Replay`: captures drive the collector's parser; the table must be what the collector had.

A file begins with the record of every symbol. Where it continues the file before it, the table that
the replay built from messages alone is compared with these records, byte for byte: a proof of the
parser on real data, and of the recording. What changed the table otherwise (a row of REST, the flag
of a suspect) is in the file as a record.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from fastopts.capture import contents
from fastopts.contract import FeedField
from fastopts.core import Inlet, Player, Table
from fastopts.errors import CaptureError
from fastopts.mcap_format import MESSAGE_HEAD, RECORD_HEAD
from fastopts.model import RECORD, TERMS, Instrument
from fastopts.replay.chunks import CaptureReader, Chunk, Damage, capture_files
from fastopts.venues.bybit.ticker_table import new_table

__all__ = (
    "Comparison",
    "Event",
    "FeedWritten",
    "FileStarted",
    "ListingChange",
    "OtherMessage",
    "RecordDifference",
    "Replay",
    "Rows",
    "Step",
)

# Events of the part of a file that describes the state at its start.
_AT_START: Final = ("started", "gap")


@dataclass(frozen=True, slots=True)
class FileStarted:
    """A file begins. *continues*: it is the next one of the same recording."""

    path: Path
    opening: Mapping[str, str]
    log_ns: int
    continues: bool


@dataclass(frozen=True, slots=True)
class RecordDifference:
    """The records of *symbol*: as replayed, and as the collector had it; None if there is none."""

    symbol: str
    replayed: bytes | None
    recorded: bytes | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The table at the end of a file, compared with the *symbols* records of the next one, *path*.

    *is_complete*: nothing is missing between both that could explain differences.
    """

    path: Path
    symbols: int
    differences: tuple[RecordDifference, ...]
    is_complete: bool


@dataclass(frozen=True, slots=True)
class Event:
    """A message of the channel `control`: its name is ``values["event"]``."""

    log_ns: int
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class FeedWritten:
    """The fields of the feed, as the collector wrote them to Redis at that time."""

    log_ns: int
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ListingChange:
    """A change of the universe."""

    log_ns: int
    listed: tuple[Instrument, ...]
    delisted: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OtherMessage:
    """A message of another channel: `rest`, `clock`, or what was sent."""

    log_ns: int
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Rows:
    """Ticks in order, each a `core.pure.replay.ROW`: log time, symbol, record after it."""

    data: bytes


Step = FileStarted | Comparison | Event | FeedWritten | ListingChange | OtherMessage | Rows | Damage


class Replay:
    """Replays the capture files among *paths* and in folders, the oldest first.

    `table` and `instruments` are those of the collector at the moment that `steps` has reached.
    With *collects_rows* it yields rows for all ticks; at the start of a file that continues no
    other, for the records that it begins with, too.
    """

    def __init__(self, paths: Iterable[Path], *, collects_rows: bool = False) -> None:
        self._paths = capture_files(paths)
        self._state = _State(collects_rows)

    @property
    def table(self) -> Table:
        """The table of the recording that is being replayed."""
        return self._state.table

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        """What was listed, by symbol."""
        return self._state.instruments

    def steps(self) -> Iterator[Step]:
        """Yield what happened, in order; what can't be read is `Damage`.

        Raises CaptureError for a file of another venue than the first.
        """
        for path in self._paths:
            yield from _FileReplay(self._state, CaptureReader(path)).steps()

    def comparisons(self) -> list[Comparison]:
        """Replay everything; return how the table compares at the boundaries of files."""
        return [step for step in self.steps() if isinstance(step, Comparison)]


class _State:
    """What one file leaves to the next: the table, and which recording it is of."""

    table: Table
    instruments: dict[str, Instrument]
    player: Player
    _inlets: dict[int, Inlet]

    def __init__(self, collects_rows: bool) -> None:
        self._collects_rows = collects_rows
        self._last: Mapping[str, str] = {}  # the opening of the file before
        self._is_complete = True
        self._reset()

    def begin(self, opening: Mapping[str, str]) -> bool:
        """Prepare for a file; return whether it continues the one before."""
        last, self._last = self._last, opening
        if last and last.get("venue") != opening.get("venue"):
            message = f"captures of {last.get('venue')} and of {opening.get('venue')}: replay one"
            raise CaptureError(f"{message} venue at a time")
        number = int(opening.get("file", 0))
        is_same_run = bool(opening.get("run")) and opening["run"] == last.get("run")
        continues = is_same_run and number == int(last.get("file", 0)) + 1
        if not continues:
            self._reset()
        self.player.unbind_all()
        self.table.epoch = int(opening.get("epoch", 0))
        return continues

    def bind(self, channel: int, topic: str) -> None:
        """Bring the messages of a channel of a venue connection to its inlet."""
        conn = int(topic.removeprefix("in/"))
        inlet = self._inlets.get(conn)
        if inlet is None:
            inlet = self._inlets[conn] = self.table.inlet(conn)
        self.player.bind(channel, inlet)

    def note_loss(self) -> None:
        """Note that messages are missing: the table need not equal the collector's."""
        self._is_complete = False

    def take_completeness(self) -> bool:
        """Return whether nothing is missing since the last call."""
        is_complete, self._is_complete = self._is_complete, True
        return is_complete

    def drop_leftovers(self) -> None:
        """Forget acknowledgements and ticks of unknown symbols: nothing processes them here."""
        for inlet in self._inlets.values():
            inlet.others.clear()
            inlet.unknown_tickers.clear()

    def _reset(self) -> None:
        self.table = new_table()
        self.instruments = {}
        self.player = Player(self.table, self._collects_rows)
        self._inlets = {}


class _FileReplay:
    """The replay of one file."""

    def __init__(self, state: _State, reader: CaptureReader) -> None:
        self._state = state
        self._reader = reader
        self._records: dict[str, bytes] | None = {}  # at the start of the file; None: behind it
        self._continues = False
        self._has_new_epoch = False
        self._has_begun = False
        self._is_damaged = False

    def steps(self) -> Iterator[Step]:
        for part in self._parts():
            if isinstance(part, Damage):
                self._is_damaged = True
                self._state.note_loss()
                yield part
                continue
            if not self._has_begun:
                self._has_begun = True
                epoch = self._state.table.epoch
                self._continues = self._state.begin(self._reader.opening)
                self._has_new_epoch = self._state.table.epoch != epoch
                yield FileStarted(
                    self._reader.path, self._reader.opening, part.start_ns, self._continues
                )
            yield from self._chunk(part)
            self._state.drop_leftovers()
        yield from self._end_of_start(None)

    def _parts(self) -> Iterator[Chunk | Damage]:
        """Yield the parts of the file; one that is no capture, or can't be read, is damage."""
        path = self._reader.path
        try:
            yield from self._reader
        except CaptureError as error:
            size = path.stat().st_size if path.exists() else 0
            yield Damage(path, 0, size, str(error).removeprefix(f"{path}: "))

    def _chunk(self, chunk: Chunk) -> Iterator[Step]:
        data, at, player = chunk.data, 0, self._state.player
        if self._records is None:
            self._bind(chunk.topics)
        while at < len(data):
            at = player.play(data, at)
            if at == len(data):
                break
            _, length, channel, _, log_ns, _ = MESSAGE_HEAD.unpack_from(data, at)
            end = at + RECORD_HEAD.size + length
            topic = chunk.topics.get(channel)
            if topic is None:  # its declaration is in a damaged part
                self._state.note_loss()
                at = end
                continue
            payload = data[at + MESSAGE_HEAD.size : end]
            if self._records is not None and not _is_of_start(topic, payload):
                yield from self._end_of_start(log_ns)
                self._bind(chunk.topics)
                continue  # with the same message, which may be one of a connection
            at = end
            yield from self._rows()
            yield from self._message(log_ns, topic, payload)
        yield from self._rows()

    def _bind(self, topics: Mapping[int, str]) -> None:
        for channel, topic in topics.items():
            if topic.startswith("in/"):
                self._state.bind(channel, topic)

    def _rows(self) -> Iterator[Step]:
        if rows := self._state.player.take_rows():
            yield Rows(rows)

    def _message(self, log_ns: int, topic: str, payload: bytes) -> Iterator[Step]:
        match topic:
            case contents.STATE:
                self._restore(log_ns, payload)
            case contents.CONTROL:
                yield self._event(log_ns, orjson.loads(payload))
            case contents.INSTRUMENTS:
                yield self._listing(log_ns, orjson.loads(payload))
            case contents.FEED:
                written = FeedWritten(log_ns, orjson.loads(payload))
                self._follow_epoch(written)
                yield from self._rows()
                yield written
            case _:
                yield OtherMessage(log_ns, topic, payload)

    def _restore(self, log_ns: int, payload: bytes) -> None:
        size = payload[0]
        symbol, record = payload[1 : 1 + size].decode("ascii"), payload[1 + size :]
        if self._records is not None:
            self._records[symbol] = record
            return
        table = self._state.table
        table.restore(symbol, record)
        # Of an epoch that began since the file did: the next file begins a moment later.
        table.epoch = max(table.epoch, _epoch(record))
        if self._state.player.collects_rows:
            self._state.player.note(symbol, log_ns)

    def _follow_epoch(self, written: FeedWritten) -> None:
        """Take over a new epoch, which is in every record from now on.

        The next file, which begins with it, follows up to a chunk's time later.
        """
        table, player = self._state.table, self._state.player
        epoch = int(written.fields.get(FeedField.EPOCH) or 0)
        if self._records is not None or epoch <= table.epoch:
            return
        table.epoch = epoch
        if player.collects_rows:
            for symbol in table:
                if table.origin_of(symbol)[1]:
                    player.note(symbol, written.log_ns)

    def _event(self, log_ns: int, values: Mapping[str, Any]) -> Event:
        match values["event"]:
            case "started" | "skew":
                self._state.table.skew_ms = values["skew_ms"]
            case "gap":
                self._state.note_loss()
            case "lease":
                self._state.table.epoch = values["epoch"]
        return Event(log_ns, values)

    def _listing(self, log_ns: int, change: Mapping[str, Any]) -> ListingChange:
        table, instruments = self._state.table, self._state.instruments
        listed = tuple(
            Instrument.of_terms(row["symbol"], [row[name] for name in TERMS])
            for row in change.get("listed", ())
        )
        for each in listed:
            instruments[each.symbol] = each
            table.add(each.symbol, each.expiry_ms, each.strike, each.type, each.settle)
        delisted = tuple(change.get("delisted", ()))
        for symbol in delisted:
            instruments.pop(symbol, None)
            if symbol in table:
                table.retire(symbol)
        return ListingChange(log_ns, listed, delisted)

    def _end_of_start(self, log_ns: int | None) -> Iterator[Step]:
        """Compare the table with the records at the start of the file, and use these."""
        if self._records is None or not self._has_begun:
            return
        records, self._records = self._records, None
        table, player = self._state.table, self._state.player
        differing = noted = list(records)
        is_complete = self._state.take_completeness()
        if self._is_damaged:  # what is missing may have come behind these records, too
            self._state.note_loss()
        if self._continues:
            differences = tuple(self._differences(records))
            yield Comparison(self._reader.path, len(records), differences, is_complete)
            differing = [each.symbol for each in differences if each.recorded is not None]
            # A new epoch is in every record, and those of the former one are not live any more.
            noted = list(records) if self._has_new_epoch else differing
        for symbol in differing:
            table.restore(symbol, records[symbol])
        if player.collects_rows and log_ns is not None:
            for symbol in noted:
                player.note(symbol, log_ns)

    def _differences(self, records: Mapping[str, bytes]) -> Iterator[RecordDifference]:
        table = self._state.table
        for symbol, recorded in records.items():
            has_tick = symbol in table and table.origin_of(symbol)[1] > 0
            replayed = table.record(symbol) if has_tick else None
            if replayed != recorded:
                yield RecordDifference(symbol, replayed, recorded)
        for symbol in table:
            if symbol not in records and table.origin_of(symbol)[1] > 0:
                yield RecordDifference(symbol, table.record(symbol), None)


def _is_of_start(topic: str, payload: bytes) -> bool:
    """Whether a message belongs to the state with which a file begins."""
    if topic == contents.CONTROL:
        return orjson.loads(payload)["event"] in _AT_START
    return topic in (contents.INSTRUMENTS, contents.STATE, contents.FEED)


def _epoch(record: bytes) -> int:
    epoch: int = RECORD.unpack(record)[3]
    return epoch
