"""The core in plain Python: specification, oracle of the tests, baseline of the benches.

Three things happen to a message, in this order:

    parse   bytes -> Tick, or None (not a ticker), or Rejected (with a reason from REASONS)
    Table   Tick -> the slot of its symbol: newest wins, provenance, counters, who is dirty
    Batch   dirty slots -> Redis commands in one buffer; its replies -> written or refused

The compiled modules take the common form of a ticker themselves and hand anything else to `parse`
here, so that an unusual frame is judged by one piece of code. Twins of the two scans that are not
here exist already: `websockets.ClientProtocol` for frames, `hiredis.Reader` for replies.
"""

import json
import math
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final, NoReturn

import hiredis

from fastopts import keys, model
from fastopts.errors import StoreError
from fastopts.metrics import AGE_BOUNDS_MS, Histogram

__all__ = (
    "REASONS",
    "TEXT_LENGTH_MAX",
    "Batch",
    "Grammar",
    "Inlet",
    "Rejected",
    "Table",
    "Tick",
    "decimal_text",
    "parse",
)

# Why a message is rejected, in the order in which it is judged.
REASONS: Final = (
    "not_utf8",
    "not_json",  # also: nested too deeply
    "duplicate_key",  # a key that matters stands twice
    "bad_symbol",
    "no_data",
    "symbol_mismatch",  # topic and data name different symbols
    "bad_ts",
    "bad_type",
    "unknown_symbol",  # not in the table, and the venue's grammar does not know it either
    "delta_without_base",
)

TEXT_LENGTH_MAX: Final = 32
SAMPLE_SIZE: Final = 1000  # bytes of a rejected message that are kept, one for each reason
UNKNOWN_NAMES_MAX: Final = 64
UNKNOWN_NAME_LENGTH: Final = 64  # as much of each is kept
_DECIMAL = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)

TTL_RENEW_MS: Final = 6 * 3600 * 1000
CHANNEL_LENGTH_MAX: Final = 64

_NUMBERS = range(len(model.NUMBERS))
_TS, _TM, _RT, _SQ, _CN = (len(model.NUMBERS) + i for i in range(5))
_NAMES = {
    **{i: short for i, (short, _) in enumerate(model.NUMBERS)},
    _TS: "ts",
    _TM: "tm",
    _RT: "rt",
    _SQ: "sq",
    _CN: "cn",
}
_WRITE_ORDER = (_TM, _RT, _SQ, *_NUMBERS, _TS, _CN)


class Rejected(Exception):
    """The message is not a usable ticker; `reason` is one of REASONS."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Grammar:
    """The venue's words: how a ticker's topic begins and which number each data field is.

    *fields* maps the venue's name to an index into `model.NUMBERS`.
    """

    def __init__(self, topic_prefix: str, fields: Mapping[str, int]) -> None:
        self.topic_prefix = topic_prefix
        self.fields = dict(fields)


@dataclass(slots=True)
class Tick:
    """What one message says. `seen` holds every number it names, `values` those that have one."""

    symbol: str
    ts: int
    sequence: int | None = None
    is_delta: bool = False
    values: dict[int, str] = field(default_factory=dict)
    seen: set[int] = field(default_factory=set)
    bad_fields: int = 0
    unknown_fields: int = 0  # keys of the data that the grammar does not know


class _Object(tuple[tuple[str, Any], ...]):
    """A JSON object as its pairs: a dict would hide repeated keys."""

    __slots__ = ()

    def once(self, names: Iterable[str]) -> dict[str, Any]:
        wanted, found = set(names), dict[str, Any]()
        for name, value in self:
            if name in found:
                raise Rejected("duplicate_key")
            if name in wanted:
                found[name] = value
        return found


class _Number(str):
    """A JSON number as the text it was written in."""

    __slots__ = ()


def _refuse(name: str) -> NoReturn:
    raise ValueError(name)


def _load(payload: bytes) -> Any:
    try:
        return json.loads(
            payload.decode(),
            object_pairs_hook=_Object,
            parse_float=_Number,
            parse_int=_Number,
            parse_constant=_refuse,
        )
    except UnicodeDecodeError:
        raise Rejected("not_utf8") from None
    except (ValueError, RecursionError):
        raise Rejected("not_json") from None


def decimal_text(value: object) -> str | None:
    """Return *value* as decimal text, or None when it is not a finite decimal of usable length."""
    if not isinstance(value, str) or len(value) > TEXT_LENGTH_MAX:
        return None
    if not _DECIMAL.fullmatch(value) or not math.isfinite(float(value)):
        return None
    return str(value)


def _sequence(id_: object, topic: str) -> int | None:
    if not isinstance(id_, str) or not id_.startswith(topic + "-"):
        return None
    parts = id_[len(topic) + 1 :].split("-")
    if len(parts) != 2 or not all(_DIGITS.fullmatch(part) for part in parts):
        return None
    return int(parts[0])


def _is_ticker(frame: object, prefix: str) -> bool:
    return isinstance(frame, _Object) and any(
        name == "topic" and isinstance(value, str) and value.startswith(prefix)
        for name, value in frame
    )


def parse(payload: bytes, grammar: Grammar) -> Tick | None:
    """Read one text message: a Tick, or None when it is not a ticker at all.

    A number may be written as a string or bare. A field that is missing, empty or null is absent;
    one that is no finite decimal of at most 32 characters is absent and counted in `bad_fields`.
    Raises Rejected when what a tick can't do without (JSON, symbol, time) is unusable.
    """
    frame = _load(payload)
    if not _is_ticker(frame, grammar.topic_prefix):
        return None
    top = frame.once(("topic", "ts", "type", "id", "data"))
    topic = top["topic"]
    symbol = topic[len(grammar.topic_prefix) :]
    if not keys.is_symbol(symbol):
        raise Rejected("bad_symbol")
    data = top.get("data")
    if not isinstance(data, _Object):
        raise Rejected("no_data")
    known = data.once(("symbol", *grammar.fields))
    if known.pop("symbol", symbol) != symbol:
        raise Rejected("symbol_mismatch")
    ts = top.get("ts")
    if not isinstance(ts, str) or not _DIGITS.fullmatch(ts):
        raise Rejected("bad_ts")
    if top.get("type", "snapshot") not in ("snapshot", "delta"):
        raise Rejected("bad_type")

    tick = Tick(symbol, int(ts), _sequence(top.get("id"), topic), top.get("type") == "delta")
    tick.unknown_fields = len(_unknown(data, grammar))
    for name, value in known.items():
        index = grammar.fields[name]
        tick.seen.add(index)
        text = decimal_text(value)
        if text is not None:
            tick.values[index] = text
        elif value not in ("", None):
            tick.bad_fields += 1
    return tick


def unknown_names(payload: bytes, grammar: Grammar) -> list[str]:
    """The beginnings of a ticker's keys that the grammar does not know."""
    [data] = [value for name, value in _load(payload) if name == "data"]
    return [name[:UNKNOWN_NAME_LENGTH] for name in _unknown(data, grammar)]


def _unknown(data: _Object, grammar: Grammar) -> list[str]:
    return [name for name, _ in data if name not in grammar.fields and name != "symbol"]


@dataclass(slots=True)
class Slot:
    """All that is known of one symbol: its newest tick, and what Redis has of it.

    A tick is counted `pending` from its application until Redis acknowledged it or a newer one
    took its place: `unsent` says that the slot holds such a tick, `_Write.had_tick` that one is on
    its way. `news` says that subscribers are to hear of the record.
    """

    symbol: str
    expiry_ms: int
    strike: float
    kind: str
    settle: str
    conn: int = 0
    tm: int = 0
    rt: int = 0
    sequence: int | None = None
    flags: int = 0
    filled: bool = False
    values: dict[int, str] = field(default_factory=dict)
    changed: set[int] = field(default_factory=set)
    in_redis: set[int] = field(default_factory=set)
    queued: bool = False
    whole: bool = True
    refused: bool = False
    retired: bool = False
    unsent: bool = False
    news: bool = False
    in_flight: bool = False
    ttl_until_ms: int = 0
    ttl_renew_ms: int = 0


class Taken(Enum):
    """What became of a tick."""

    STRANGER = auto()  # its symbol has no slot
    APPLIED = auto()
    OLDER = auto()
    BASELESS = auto()  # a delta, and what it changes is not held


class Table:
    """Symbol -> slot, and the counters of the loss equations.

        received = applied + older + rejected        applied = written + conflated + pending

    The owner keeps three things up to date: `epoch` (before anything is encoded), `skew_ms` (the
    venue's clock minus ours), and `delivering`, the conns that are alive. `samples` has the
    first rejected message for each reason, `unknown_names` what else stood in the data of tickers
    (the first few names).

    `ages` tells how old applied ticks were when they came, by the venue's clock (a time that can't
    be right is left out), `waits` how long they then waited to be sent.
    """

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self.epoch = 0
        self.skew_ms = 0
        self.delivering: set[int] = set()
        self.samples: dict[str, bytes] = {}
        self.unknown_names: set[str] = set()
        self.received = self.applied = self.older = 0
        self.written = self.conflated = self.pending = 0
        self.bad_fields = self.deltas = self.general = self.vanished = 0
        self.missing_fields = self.unknown_fields = 0
        self.suspects = self.suspects_now = 0
        self.ages = Histogram(AGE_BOUNDS_MS)
        self.waits = Histogram(AGE_BOUNDS_MS)
        self._rejected = dict.fromkeys(REASONS, 0)
        self._slots: dict[str, Slot] = {}
        self._queue: deque[Slot] = deque()
        self._cursor = 0

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, symbol: str) -> bool:
        return symbol in self._slots

    @property
    def dirty(self) -> int:
        """How many slots wait to be written."""
        return len(self._queue)

    @property
    def rejected(self) -> dict[str, int]:
        """Rejected messages by reason."""
        return dict(self._rejected)

    def add(self, symbol: str, expiry_ms: int, strike: float, kind: str, settle: str) -> None:
        """Give *symbol* a slot. Raises ValueError for a symbol unfit to become a key."""
        if not keys.is_symbol(symbol):
            raise ValueError(f"not a symbol: {symbol!r}")
        if kind not in ("C", "P") or len(settle.encode()) > 8:
            raise ValueError(f"not an option: {symbol} {kind!r} {settle!r}")
        if (slot := self._slots.get(symbol)) is not None:
            slot.retired, slot.news = False, True
            slot.expiry_ms, slot.strike, slot.kind, slot.settle = expiry_ms, strike, kind, settle
            return
        self._slots[symbol] = Slot(symbol, expiry_ms, strike, kind, settle)

    def retire(self, symbol: str) -> None:
        """Drop *symbol* once nothing of it waits to be written."""
        slot = self._slots[symbol]
        slot.retired = True
        self._forget(slot)

    def inlet(self, conn: int) -> "Inlet":
        """Where the messages of connection *conn* come in."""
        return Inlet(self, conn)

    def put_rest(self, symbol: str, row: Mapping[str, str], ts: int, rt: int) -> bool:
        """Take a REST row (short name -> text); False when what is there is better.

        It never replaces a tick of a delivering conn, nor anything newer, and is counted nowhere.
        """
        slot = self._slots[symbol]
        if slot.filled:
            is_rest = bool(slot.flags & model.FLAG_REST)
            if (not is_rest and slot.conn in self.delivering) or ts < slot.tm:
                return False
        texts = {model.NUMBER_INDEX[short]: decimal_text(text) for short, text in row.items()}
        if slot.unsent:
            slot.unsent = False
            self.conflated += 1
            self.pending -= 1
        values = {index: text for index, text in texts.items() if text is not None}
        self._fill(slot, values, 0, ts, rt, None, model.FLAG_REST | self._time_flag(ts, rt))
        self._enqueue(slot)
        return True

    def mark_suspect(self, symbol: str) -> bool:
        """Flag the tick held of *symbol*, for readers to refuse, until the next one is applied.

        False when there is none, or it is flagged already.
        """
        slot = self._slots[symbol]
        if not slot.filled or slot.flags & (model.FLAG_REST | model.FLAG_SUSPECT):
            return False
        slot.flags |= model.FLAG_SUSPECT
        slot.news = True
        self.suspects += 1
        self.suspects_now += 1
        self._enqueue(slot)
        return True

    def mark_whole(self, count: int | None = None) -> None:
        """Have the next *count* symbols of a rolling order (None: all) written whole, and as news.

        Somebody may have deleted their keys: then subscribers have not what stands there again.
        """
        slots = list(self._slots.values())
        due = len(slots) if count is None else min(count, len(slots))
        if due < 0:
            raise ValueError(f"not a count: {count!r}")
        for i in range(due):
            slot = slots[(self._cursor + i) % len(slots)]
            if slot.filled:
                slot.whole = slot.news = True
                self._enqueue(slot)
        if due:
            self._cursor = (self._cursor + due) % len(slots)

    def release(self, symbol: str | None = None) -> int:
        """Let refused slots (or one) be written again; return how many those are."""
        slots = self._slots.values() if symbol is None else [self._slots[symbol]]
        refused = [slot for slot in slots if slot.refused]
        for slot in refused:
            slot.refused = False
            self._enqueue(slot)
        return len(refused)

    def origin_of(self, symbol: str) -> tuple[int, int, int]:
        """The conn that delivered the newest tick of *symbol* (0: none has), its time, and that at
        which it came, in ms."""
        slot = self._slots[symbol]
        return slot.conn, slot.tm, slot.rt

    def flags_of(self, symbol: str) -> int:
        """The flags (`model.FLAG_...`) of what is held of *symbol*."""
        return self._slots[symbol].flags

    def fields(self, symbol: str) -> dict[str, str]:
        """The hash as it is to stand in Redis."""
        texts = self._texts(self._slots[symbol])
        return {_NAMES[index]: texts[index] for index in _WRITE_ORDER if index in texts}

    def record(self, symbol: str) -> bytes:
        """The packed record (`model.RECORD`) as it is to stand in Redis."""
        return self._record(self._slots[symbol])

    def _take(self, tick: Tick, conn: int, rt: int) -> Taken:
        """Apply *tick* under the order rules."""
        slot = self._slots.get(tick.symbol)
        if slot is None or slot.retired:
            return Taken.STRANGER
        self.received += 1
        self.bad_fields += tick.bad_fields
        self.unknown_fields += tick.unknown_fields
        self.missing_fields += 0 if tick.is_delta else len(model.NUMBERS) - len(tick.seen)
        self.deltas += tick.is_delta
        if tick.is_delta and not self._is_base(slot, conn):
            self._rejected["delta_without_base"] += 1
            return Taken.BASELESS
        is_rest = bool(slot.flags & model.FLAG_REST)
        flags = self._time_flag(tick.ts, rt)
        if slot.filled and not is_rest and self._is_older(tick.ts, rt, slot):
            self.older += 1
            return Taken.OLDER
        values = tick.values
        if tick.is_delta:
            flags |= model.FLAG_MERGED
            kept = {i: text for i, text in slot.values.items() if i not in tick.seen}
            values = kept | values
        self.applied += 1
        if not flags & model.FLAG_TIME_SUSPECT:
            self.ages.add(rt + self.skew_ms - tick.ts)
        if slot.unsent:
            self.conflated += 1
        else:
            slot.unsent = True
            self.pending += 1
        self._fill(slot, values, conn, tick.ts, rt, tick.sequence, flags)
        self._enqueue(slot)
        return Taken.APPLIED

    def reject(self, reason: str, message: bytes = b"") -> None:
        """Count *message* as received and rejected; the first one for a reason is kept."""
        self.received += 1
        self._rejected[reason] += 1
        self._sample(reason, message)

    def _sample(self, reason: str, message: bytes) -> None:
        if reason not in self.samples:
            self.samples[reason] = message[:SAMPLE_SIZE]

    def _note_unknown(self, tick: Tick, message: bytes) -> None:
        # Messages of one venue lack the same names: a look at the first that has more will do.
        if len(self.unknown_names) < min(tick.unknown_fields, UNKNOWN_NAMES_MAX):
            room = UNKNOWN_NAMES_MAX - len(self.unknown_names)
            fresh = dict.fromkeys(unknown_names(message, self.grammar))
            self.unknown_names.update([n for n in fresh if n not in self.unknown_names][:room])

    def _is_base(self, slot: Slot, conn: int) -> bool:
        """Whether a delta of *conn* may be merged into what is held."""
        is_doubtful = slot.flags & (model.FLAG_REST | model.FLAG_SUSPECT)
        return slot.filled and not is_doubtful and slot.conn == conn

    def _time_flag(self, ts: int, rt: int) -> int:
        ahead = ts - (rt + self.skew_ms)
        is_right = -model.TIME_BEHIND_MAX_MS <= ahead <= model.TIME_AHEAD_MAX_MS
        return 0 if is_right else model.FLAG_TIME_SUSPECT

    def _is_older(self, ts: int, rt: int, slot: Slot) -> bool:
        if ts >= slot.tm:
            return False
        # A time that can't be right, by the clock of then or of now, blocks none that can.
        can_not_be_right = slot.flags & model.FLAG_TIME_SUSPECT or self._time_flag(slot.tm, rt)
        return not can_not_be_right or bool(self._time_flag(ts, rt))

    def _fill(
        self,
        slot: Slot,
        values: dict[int, str],
        conn: int,
        ts: int,
        rt: int,
        sequence: int | None,
        flags: int,
    ) -> None:
        before = self._texts(slot) if slot.filled else {}
        self.suspects_now -= bool(slot.flags & model.FLAG_SUSPECT)
        slot.filled = slot.news = True
        slot.values, slot.conn = values, conn
        slot.tm, slot.rt, slot.sequence, slot.flags = ts, rt, sequence, flags
        after = self._texts(slot)
        slot.changed |= {i for i in _NAMES if before.get(i) != after.get(i)}

    def _enqueue(self, slot: Slot) -> None:
        if not slot.queued and not slot.refused:
            slot.queued = True
            self._queue.append(slot)

    def _forget(self, slot: Slot) -> None:
        if slot.retired and not slot.queued and not slot.in_flight and not slot.unsent:
            self.suspects_now -= bool(slot.flags & model.FLAG_SUSPECT)
            del self._slots[slot.symbol]

    def _texts(self, slot: Slot) -> dict[int, str]:
        texts = dict(slot.values)
        texts[_TS], texts[_TM], texts[_RT] = str(slot.tm // 1000), str(slot.tm), str(slot.rt)
        if slot.sequence is not None:
            texts[_SQ] = str(slot.sequence)
        is_rest = slot.flags & model.FLAG_REST
        texts[_CN] = "rest" if is_rest else f"{self.epoch}:{slot.conn}"
        return texts

    def _record(self, slot: Slot) -> bytes:
        return model.RECORD.pack(
            model.RECORD_VERSION,
            slot.kind.encode(),
            slot.flags,
            self.epoch,
            slot.tm,
            slot.rt,
            model.NO_SEQUENCE if slot.sequence is None else slot.sequence,
            slot.conn,
            slot.expiry_ms,
            slot.settle.encode(),
            slot.strike,
            *(float(slot.values.get(i, "nan")) for i in _NUMBERS),
        )


class Inlet:
    """The way in for one connection.

    `messages` counts its data messages, `applied` those that were taken into the table,
    `unreadable` the rejected ones since the last that could be read. What is not a ticker is left
    in `others`, a ticker of a symbol without a slot in `strangers`: the owner empties both.
    """

    def __init__(self, table: Table, conn: int) -> None:
        self.conn = conn
        self.messages = self.applied = 0
        self.unreadable = 0
        self._smallest_lag_ms: int | None = None
        self._newest_lag_ms: int | None = None
        self.others: list[bytes] = []
        self.strangers: list[tuple[str, bytes]] = []
        self._table = table

    def take_lags_ms(self) -> tuple[int | None, int | None]:
        """How late the ticks since the last call came, by the venue's clock: the smallest lag, and
        the newest tick's; None for none. What is suspiciously far ahead counts as newest only."""
        lags_ms = self._smallest_lag_ms, self._newest_lag_ms
        self._smallest_lag_ms = self._newest_lag_ms = None
        return lags_ms

    def _note_lag(self, ts: int, rt: int) -> None:
        lag_ms = rt + self._table.skew_ms - ts
        if lag_ms > model.TIME_BEHIND_MAX_MS:
            return  # absurd: that says nothing of the way to us
        self._newest_lag_ms = lag_ms
        before_ms = self._smallest_lag_ms
        if lag_ms >= -model.TIME_AHEAD_MAX_MS and (before_ms is None or lag_ms < before_ms):
            self._smallest_lag_ms = lag_ms

    def scan(self, view: memoryview, start: int, end: int, rt: int) -> int:
        """Take whole text frames from ``view[start:end]``: the twin takes none.

        Returns the position behind the last one taken, inverted (``~position``) when what stands
        there is not a plain text frame and belongs to the protocol library.
        """
        return ~start if end > start else start

    def message(self, payload: bytes, rt: int) -> None:
        """Take one text message."""
        table = self._table
        table.general += 1
        try:
            tick = parse(payload, table.grammar)
        except Rejected as verdict:
            table.reject(verdict.reason, payload)
            self.unreadable += 1
            return
        self.unreadable = 0
        if tick is None:
            self.others.append(payload)
            return
        taken = table._take(tick, self.conn, rt)
        if taken is Taken.STRANGER:
            self.strangers.append((tick.symbol, payload))
            return
        self.messages += 1
        self.applied += taken is Taken.APPLIED
        self._note_lag(tick.ts, rt)
        if taken is Taken.BASELESS:
            table._sample("delta_without_base", payload)
        table._note_unknown(tick, payload)


def _command(*words: str | bytes) -> bytes:
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        raw = word.encode() if isinstance(word, str) else word
        parts.append(b"$%d\r\n%b\r\n" % (len(raw), raw))
    return b"".join(parts)


@dataclass(slots=True)
class _Write:
    """What was sent for one slot, and what of its answer is still to come."""

    slot: Slot
    replies: int
    expected: int | None  # fields that the HSET must add; None when that can't be known
    had_tick: bool
    news: bytes  # its entry in a message of updates; empty when the record is no news
    present: set[int]
    error: str | None = None
    unexpected: bool = False


def checked_channel(name: str) -> str:
    """Return *name*. Raises ValueError for what can't be a channel of announcements."""
    is_short = 0 < len(name) <= CHANNEL_LENGTH_MAX
    if not (is_short and name.isascii() and name.isprintable()):
        raise ValueError(f"{name!r} is no name of a channel: 1 to {CHANNEL_LENGTH_MAX} of ASCII")
    return name


class Batch:
    """One buffer of commands for dirty slots, and the reckoning of its replies.

    `encode`, send, then `acknowledge` what comes back until `done`; or `abandon` when the
    connection is lost. A slot of which a command was refused stays pending and is not written
    again before `Table.release`; `errors` holds symbol and the server's words, emptied by `encode`.

    While `publishing`, the records that are news are announced behind the commands that write them,
    in messages laid out in `model`. `publish_error` holds the server's words when it refused one of
    the last batch's: no slot suffers from that.
    """

    def __init__(self, table: Table) -> None:
        self._table = table
        self._writes: deque[_Write] = deque()
        self._reader = hiredis.Reader()
        self.errors: list[tuple[str, str]] = []
        self.publish_error: str | None = None
        self._publishing = False
        self._channel = ""
        self._published = 0  # messages of which the reply is still to come
        self._number = 0

    @property
    def done(self) -> bool:
        return not self._writes and not self._published

    @property
    def publishing(self) -> bool:
        """Whether batches announce their news; the numbers have a gap where it was switched off."""
        return self._publishing

    @publishing.setter
    def publishing(self, on: bool) -> None:
        if on and not self._channel:
            raise RuntimeError("no channel to publish on")
        # Who goes on listening through the pause must notice it.
        self._number += self._publishing and not on
        self._publishing = on

    @property
    def channel(self) -> str:
        """The channel that news is announced on; needed before `publishing`."""
        return self._channel

    @channel.setter
    def channel(self, name: str) -> None:
        self._channel = checked_channel(name)

    def encode(self, now_ms: int, limit: int = 1 << 20, taken_ms: int | None = None) -> bytes:
        """Return commands for the dirty slots, longest waiting first, about *limit* bytes at most.

        *now_ms* is the time from which an expiry of keys is reckoned, *taken_ms* the same moment by
        the clock of the receive times, if that is another one. Nothing dirty gives ``b""``.
        """
        if not self.done:
            raise RuntimeError("the last batch is not acknowledged yet")
        self.errors, self.publish_error = [], None
        self._reader = hiredis.Reader()
        out: list[bytes] = []
        size = 0
        while self._table._queue and size < limit:
            slot = self._table._queue.popleft()
            if slot.unsent:
                self._table.waits.add((now_ms if taken_ms is None else taken_ms) - slot.rt)
            commands = self._slot_commands(slot, now_ms)
            out += commands
            size += sum(map(len, commands))
        if self._publishing:
            out += self._announcements()
        return b"".join(out)

    def pulse(self) -> bytes:
        """Return a message without records, which takes the next number: nothing was missed."""
        return self._message([])

    def _announcements(self) -> list[bytes]:
        """One PUBLISH for as much of the batch's news as a message holds."""
        news = deque(write.news for write in self._writes if write.news)
        out = []
        while news:
            entries, room = list[bytes](), model.UPDATE_BYTES_MAX - model.UPDATE_HEAD.size
            while news and len(news[0]) <= room:
                entries.append(news.popleft())
                room -= len(entries[-1])
            out.append(_command("PUBLISH", self._channel, self._message(entries)))
        self._published = len(out)
        return out

    def _message(self, entries: list[bytes]) -> bytes:
        self._number += 1
        head = (model.UPDATE_VERSION, len(entries), self._table.epoch, self._number)
        return model.UPDATE_HEAD.pack(*head) + b"".join(entries)

    def _slot_commands(self, slot: Slot, now_ms: int) -> list[bytes]:
        table = self._table
        texts = table._texts(slot)
        present = set(texts)
        if slot.whole:
            fields, gone, expected = present, set(_NAMES) - present, None
        else:
            fields = slot.changed & present or {_TM}  # the same tick again: no HSET is empty
            gone = (slot.changed - present) & slot.in_redis
            expected = len(fields - slot.in_redis)
        commands = _hash_commands(keys.option(slot.symbol), texts, fields, gone)
        record, key = table._record(slot), keys.record(slot.symbol)
        if slot.whole:
            ttl = str(_ttl_s(slot, now_ms))
            if slot.in_redis:
                commands.append(_command("EXPIRE", keys.option(slot.symbol), ttl))
            commands.append(_command("SET", key, record, "EX", ttl))
        else:
            commands.append(_command("SET", key, record, "KEEPTTL"))
        news = _entry(slot.symbol, record) if slot.news else b""
        self._writes.append(_Write(slot, len(commands), expected, slot.unsent, news, present))
        slot.in_flight, slot.unsent = True, False
        slot.queued = slot.whole = slot.news = False
        slot.changed = set()
        return commands

    def acknowledge(self, view: memoryview, start: int, end: int) -> int:
        """Read replies from ``view[start:end]``; return the position behind the last one read.

        Raises StoreError for bytes that are no RESP.
        """
        self._reader.feed(bytes(view[start:end]))
        while not self.done:
            try:
                reply = self._reader.gets()
            except hiredis.ProtocolError as error:
                raise StoreError(f"not RESP: {error}") from error
            if reply is False:
                return end
            if self._writes:
                self._reply(self._writes[0], reply)
            else:
                self._publish_reply(reply)
        if self._reader.has_data():
            raise StoreError("more replies than commands")
        return end

    def _reply(self, write: _Write, reply: Any) -> None:
        parts = list(_leaves(reply))
        for part in parts:
            if isinstance(part, Exception) and write.error is None:
                write.error = str(part)
        added = next((part for part in parts if isinstance(part, int)), None)
        if added is not None and write.expected is not None:
            # the HSET's answer, bare or first in an EXEC's; later numbers are not of interest
            write.unexpected, write.expected = added != write.expected, None
        write.replies -= 1
        if not write.replies:
            self._writes.popleft()
            self._settle(write)

    def _publish_reply(self, reply: Any) -> None:
        self._published -= 1
        if isinstance(reply, Exception) and self.publish_error is None:
            self.publish_error = str(reply)

    def _settle(self, write: _Write) -> None:
        table, slot = self._table, write.slot
        slot.in_flight = False
        if write.error is not None:
            self.errors.append((slot.symbol, write.error))
            slot.refused = True
            slot.in_redis = set()
            self._back_to_unsent(write)
            return
        # The first HSET goes without an EXPIRE: the key may turn out to be another program's.
        lacks_expiry = not slot.in_redis
        slot.in_redis = write.present
        if write.had_tick:
            table.written += 1
            table.pending -= 1
        table.vanished += write.unexpected
        if write.unexpected or lacks_expiry:
            slot.whole = True
            table._enqueue(slot)
        table._forget(slot)

    def abandon(self) -> None:
        """The connection is lost: what was sent may or may not have arrived, so all goes again.

        Ends `publishing`, too.
        """
        self._reader = hiredis.Reader()
        self._published = 0
        self.publishing = False
        while self._writes:
            write = self._writes.popleft()
            write.slot.in_flight = False
            self._back_to_unsent(write)
            self._table._enqueue(write.slot)

    def _back_to_unsent(self, write: _Write) -> None:
        slot = write.slot
        slot.whole = True
        slot.news = slot.news or bool(write.news)
        if write.had_tick and slot.unsent:
            self._table.conflated += 1
            self._table.pending -= 1
        elif write.had_tick:
            slot.unsent = True
        if slot.refused and slot.queued:
            self._table._queue.remove(slot)
            slot.queued = False


def _leaves(reply: Any) -> Iterator[Any]:
    if not isinstance(reply, list):
        yield reply
        return
    for part in reply:
        yield from _leaves(part)


def _entry(symbol: str, record: bytes) -> bytes:
    return bytes([len(symbol)]) + symbol.encode() + record


def _hash_commands(
    key: str, texts: Mapping[int, str], fields: set[int], gone: set[int]
) -> list[bytes]:
    order = [index for index in _WRITE_ORDER if index in fields]
    words = [word for index in order for word in (_NAMES[index], texts[index])]
    hset = _command("HSET", key, *words)
    if not gone:
        return [hset]
    # A reader must not meet the new values beside a field that is no more.
    names = [_NAMES[index] for index in _WRITE_ORDER if index in gone]
    return [_command("MULTI"), hset, _command("HDEL", key, *names), _command("EXEC")]


def _ttl_s(slot: Slot, now_ms: int) -> int:
    if now_ms >= slot.ttl_renew_ms:
        slot.ttl_until_ms = keys.until_ms(slot.expiry_ms, now_ms)
        slot.ttl_renew_ms = now_ms + TTL_RENEW_MS
    return keys.ttl_s(slot.ttl_until_ms, now_ms)
