"""Symbol -> slot: the twin of `table.pyx`."""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from fastopts import keys, model
from fastopts.core.pure import frames
from fastopts.core.pure.ticker import (
    REASONS,
    Grammar,
    Rejected,
    TickerMessage,
    decimal_text,
    parse,
    unknown_names,
)
from fastopts.metrics import AGE_BOUNDS_MS, Histogram

__all__ = ("NAMES", "SAMPLE_SIZE", "UNKNOWN_NAMES_MAX", "Inlet", "Outcome", "Slot", "Table")

SAMPLE_SIZE: Final = 1000  # bytes kept of the first rejected message of each reason
UNKNOWN_NAMES_MAX: Final = 64

NUMBERS: Final = range(len(model.NUMBERS))
TS, TM, RT, SQ, CN = (len(model.NUMBERS) + i for i in range(5))
NAMES: Final = dict(enumerate(model.HASH_FIELDS))
# Fields that change with every tick come first: Redis searches a small hash from its start.
WRITE_ORDER: Final = (TM, RT, SQ, *NUMBERS, TS, CN)


@dataclass(slots=True)
class Slot:
    """Everything known of one symbol: its newest tick, and what Redis has of it.

    A tick counts as pending from its application until Redis has acknowledged it or a newer one has
    replaced it: *unsent* means that the slot holds such a tick, `batch.Write.had_tick` that one is
    in flight. *unannounced* means that subscribers are to receive the record. *whole*: all fields
    are to be written, not only the *changed* ones. *refused*: Redis refused a command for it.
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
    unannounced: bool = False
    in_flight: bool = False
    ttl_until_ms: int = 0
    ttl_renew_ms: int = 0


class Outcome(Enum):
    """The result of bringing a tick to the table."""

    UNKNOWN_SYMBOL = auto()  # its symbol has no slot
    APPLIED = auto()
    OLDER = auto()
    WITHOUT_BASE = auto()  # a delta to a tick that the slot does not hold


class Table:
    """The slots of all symbols, and the counters of the loss equations.

        received = applied + older + rejected        applied = written + conflated + pending

    The owner keeps three attributes up to date: `epoch` (before anything is encoded), `skew_ms`
    (the venue's clock minus ours), and `delivering`, the connections that are alive. `samples` has
    the first rejected message of each reason, `unknown_names` the first unknown field names.

    `amended`, if the owner makes it a set, collects the symbols whose record changed otherwise than
    by a message: parsing the messages again does not reproduce these changes.

    `ages` counts how old applied ticks were on arrival, by the venue's clock (suspect times are
    left out), `waits` how long they then waited to be sent. Twin: `table.Table`.
    """

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self.epoch = 0
        self.skew_ms = 0
        self.delivering: set[int] = set()
        self.amended: set[str] | None = None
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

    def __iter__(self) -> Iterator[str]:
        """Iterate over the symbols, without those that are retired."""
        return iter([symbol for symbol, slot in self._slots.items() if not slot.retired])

    @property
    def dirty(self) -> int:
        """The number of slots that wait to be written."""
        return len(self._queue)

    @property
    def rejected(self) -> dict[str, int]:
        """Rejected messages by reason."""
        return dict(self._rejected)

    def add(self, symbol: str, expiry_ms: int, strike: float, kind: str, settle: str) -> None:
        """Give *symbol* a slot. Raises ValueError for a symbol that cannot become a key."""
        if not keys.is_symbol(symbol):
            raise ValueError(f"not a symbol: {symbol!r}")
        if kind not in ("C", "P") or len(settle.encode()) > keys.COIN_LENGTH_MAX:
            raise ValueError(f"not an option: {symbol} {kind!r} {settle!r}")
        if (slot := self._slots.get(symbol)) is not None:
            slot.retired, slot.unannounced = False, True
            slot.expiry_ms, slot.strike, slot.kind, slot.settle = expiry_ms, strike, kind, settle
            return
        self._slots[symbol] = Slot(symbol, expiry_ms, strike, kind, settle)

    def retire(self, symbol: str) -> None:
        """Drop *symbol* as soon as nothing of it waits to be written."""
        slot = self._slots[symbol]
        slot.retired = True
        self.forget(slot)

    def inlet(self, conn: int) -> "Inlet":
        """Return the entry point for the messages of connection *conn*."""
        return Inlet(self, conn)

    def put_rest(self, symbol: str, row: Mapping[str, str], ts: int, rt: int) -> bool:
        """Apply a REST row (field of the hash -> text); return False if the slot holds better data.

        A row never replaces a tick of a delivering connection, nor anything newer, and counts in
        neither loss equation.
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
        message = TickerMessage(symbol, ts, values=values)
        self._fill(slot, message, values, 0, rt, model.FLAG_REST | self._time_flag(ts, rt))
        self._amend(symbol)
        self.enqueue(slot)
        return True

    def restore(self, symbol: str, record: bytes) -> None:
        """Give *symbol* a slot with the tick of a packed *record*, which `record` returns again.

        Nothing is queued, and no counter of the loss equations changes: for tables that are filled
        from a capture. Texts are the shortest ones of the numbers, not the venue's. Raises
        ValueError for a record of another size or version.
        """
        if len(record) != model.RECORD.size or record[0] != model.RECORD_VERSION:
            raise ValueError(f"not a record: {symbol}, {len(record)} bytes")
        values = model.RECORD.unpack(record)
        fields = dict(zip(model.RECORD_HEAD, values, strict=False))
        numbers = values[len(model.RECORD_HEAD) :]
        settle = fields["settle"].rstrip(b"\0").decode("ascii")
        kind = fields["kind"].decode("ascii")
        self.add(symbol, fields["expiry_ms"], fields["strike"], kind, settle)
        slot = self._slots[symbol]
        self.suspects_now += bool(fields["flags"] & model.FLAG_SUSPECT)
        self.suspects_now -= bool(slot.flags & model.FLAG_SUSPECT)
        slot.values = {i: repr(number) for i, number in enumerate(numbers) if number == number}
        slot.conn, slot.flags = fields["conn"], fields["flags"]
        slot.tm, slot.rt = fields["ts_ms"], fields["rt_ms"]
        slot.sequence = None if fields["sequence"] < 0 else fields["sequence"]
        slot.filled = True

    def mark_suspect(self, symbol: str) -> bool:
        """Flag the tick of *symbol* so that readers refuse it until the next one is applied.

        Returns False if there is no tick, or it is flagged already.
        """
        slot = self._slots[symbol]
        if not slot.filled or slot.flags & (model.FLAG_REST | model.FLAG_SUSPECT):
            return False
        slot.flags |= model.FLAG_SUSPECT
        slot.unannounced = True
        self.suspects += 1
        self.suspects_now += 1
        self._amend(symbol)
        self.enqueue(slot)
        return True

    def mark_whole(self, count: int | None = None) -> None:
        """Have the next *count* symbols (None: all), in a rolling order, written whole.

        They are announced, too: if another program deleted their keys, subscribers may have missed
        them until now.
        """
        slots = list(self._slots.values())
        due = len(slots) if count is None else min(count, len(slots))
        if due < 0:
            raise ValueError(f"not a count: {count!r}")
        for i in range(due):
            slot = slots[(self._cursor + i) % len(slots)]
            if slot.filled:
                slot.whole = slot.unannounced = True
                self.enqueue(slot)
        if due:
            self._cursor = (self._cursor + due) % len(slots)

    def release(self, symbol: str | None = None) -> int:
        """Let refused slots (or the one of *symbol*) be written again; return their number."""
        slots = self._slots.values() if symbol is None else [self._slots[symbol]]
        refused = [slot for slot in slots if slot.refused]
        for slot in refused:
            slot.refused = False
            self.enqueue(slot)
        return len(refused)

    def reject(self, reason: str, message: bytes = b"") -> None:
        """Count *message* as received and rejected; the first one of each reason is kept."""
        self.received += 1
        self._rejected[reason] += 1
        self.sample(reason, message)

    def sample(self, reason: str, message: bytes) -> None:
        """Keep *message* if it is the first one of its *reason*."""
        if reason not in self.samples:
            self.samples[reason] = message[:SAMPLE_SIZE]

    def note_unknown(self, message: bytes) -> None:
        """Remember the first unknown field names, those of *message* among them."""
        space = UNKNOWN_NAMES_MAX - len(self.unknown_names)
        names = dict.fromkeys(unknown_names(message, self.grammar))
        self.unknown_names.update([n for n in names if n not in self.unknown_names][:space])

    def origin_of(self, symbol: str) -> tuple[int, int, int]:
        """Return the newest tick's connection (0: none), exchange time and receive time in ms."""
        slot = self._slots[symbol]
        return slot.conn, slot.tm, slot.rt

    def flags_of(self, symbol: str) -> int:
        """Return the flags (`model.FLAG_...`) of the newest tick of *symbol*."""
        return self._slots[symbol].flags

    def fields(self, symbol: str) -> dict[str, str]:
        """Return the hash of *symbol* as Redis should hold it."""
        texts = self.texts(self._slots[symbol])
        return {NAMES[index]: texts[index] for index in WRITE_ORDER if index in texts}

    def record(self, symbol: str) -> bytes:
        """Return the packed record (`model.RECORD`) of *symbol* as Redis should hold it."""
        return self.pack(self._slots[symbol])

    def take(self, message: TickerMessage, conn: int, rt: int) -> Outcome:
        """Apply *message* under the order rules: the newest exchange time wins, equal ones, too."""
        slot = self._slots.get(message.symbol)
        if slot is None or slot.retired:
            return Outcome.UNKNOWN_SYMBOL
        self.received += 1
        self.bad_fields += message.bad_fields
        self.unknown_fields += message.unknown_fields
        missing = 0 if message.is_delta else len(model.NUMBERS) - len(message.seen)
        self.missing_fields += missing
        self.deltas += message.is_delta
        flags = self._time_flag(message.ts, rt)
        if message.is_delta:
            if not self._is_base(slot, conn):
                self._rejected["delta_without_base"] += 1
                return Outcome.WITHOUT_BASE
            flags |= model.FLAG_MERGED
        is_rest = bool(slot.flags & model.FLAG_REST)
        if slot.filled and not is_rest and self._is_older(message.ts, rt, slot):
            self.older += 1
            return Outcome.OLDER
        values = message.values
        if message.is_delta:
            values = {i: t for i, t in slot.values.items() if i not in message.seen} | values
        self.applied += 1
        if not flags & model.FLAG_TIME_SUSPECT:
            self.ages.add(rt + self.skew_ms - message.ts)
        if slot.unsent:
            self.conflated += 1
        else:
            slot.unsent = True
            self.pending += 1
        self._fill(slot, message, values, conn, rt, flags)
        self.enqueue(slot)
        return Outcome.APPLIED

    def _is_base(self, slot: Slot, conn: int) -> bool:
        """Whether a delta of *conn* may be merged into the slot's tick."""
        is_doubtful = slot.flags & (model.FLAG_REST | model.FLAG_SUSPECT)
        return slot.filled and not is_doubtful and slot.conn == conn

    def _is_older(self, ts: int, rt: int, slot: Slot) -> bool:
        if ts >= slot.tm:
            return False
        # A suspect time, by the clock of its arrival or by today's, must not block plausible ones:
        # what a wrong clock let in would be kept until the venue's time passes it.
        is_suspect = slot.flags & model.FLAG_TIME_SUSPECT or self._time_flag(slot.tm, rt)
        return not is_suspect or bool(self._time_flag(ts, rt))

    def _time_flag(self, ts: int, rt: int) -> int:
        ahead = ts - (rt + self.skew_ms)
        is_plausible = -model.TIME_BEHIND_MAX_MS <= ahead <= model.TIME_AHEAD_MAX_MS
        return 0 if is_plausible else model.FLAG_TIME_SUSPECT

    def _fill(
        self,
        slot: Slot,
        message: TickerMessage,
        values: dict[int, str],
        conn: int,
        rt: int,
        flags: int,
    ) -> None:
        before = self.texts(slot) if slot.filled else {}
        self.suspects_now -= bool(slot.flags & model.FLAG_SUSPECT)
        slot.filled = slot.unannounced = True
        slot.values, slot.conn = values, conn
        slot.tm, slot.rt, slot.sequence, slot.flags = message.ts, rt, message.sequence, flags
        after = self.texts(slot)
        slot.changed |= {i for i in NAMES if before.get(i) != after.get(i)}

    def _amend(self, symbol: str) -> None:
        if self.amended is not None:
            self.amended.add(symbol)

    def enqueue(self, slot: Slot) -> None:
        """Queue *slot* for the next batch, unless it is queued already or refused."""
        if not slot.queued and not slot.refused:
            slot.queued = True
            self._queue.append(slot)

    def dequeue(self) -> Slot:
        """Return the slot that has waited longest."""
        slot = self._queue.popleft()
        slot.queued = False
        return slot

    def unqueue(self, slot: Slot) -> None:
        """Take *slot* out of the queue."""
        self._queue.remove(slot)
        slot.queued = False

    def forget(self, slot: Slot) -> None:
        """Drop *slot* if it is retired and nothing of it is queued, unsent or in flight."""
        if slot.retired and not slot.queued and not slot.in_flight and not slot.unsent:
            self.suspects_now -= bool(slot.flags & model.FLAG_SUSPECT)
            del self._slots[slot.symbol]

    def texts(self, slot: Slot) -> dict[int, str]:
        """Return the fields of the hash by index."""
        texts = dict(slot.values)
        texts[TS], texts[TM], texts[RT] = str(slot.tm // 1000), str(slot.tm), str(slot.rt)
        if slot.sequence is not None:
            texts[SQ] = str(slot.sequence)
        is_rest = slot.flags & model.FLAG_REST
        texts[CN] = model.FROM_REST if is_rest else f"{self.epoch}:{slot.conn}"
        return texts

    def pack(self, slot: Slot) -> bytes:
        """Return the packed record."""
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
            *(float(slot.values.get(i, "nan")) for i in NUMBERS),
        )


class Inlet:
    """The entry point for the messages of one connection; twin: `table.Inlet`.

    `messages` counts its tickers, `applied` those that became a symbol's newest, `unreadable` the
    rejected ones since the last readable one. Messages that are not tickers are left in `others`,
    tickers of a symbol without a slot in `unknown_tickers`: the owner empties both.
    """

    def __init__(self, table: Table, conn: int) -> None:
        self.table = table
        self.conn = conn
        self.messages = self.applied = self.unreadable = 0
        self.others: list[bytes] = []
        self.unknown_tickers: list[tuple[str, bytes]] = []
        self._smallest_lag_ms: int | None = None
        self._newest_lag_ms: int | None = None

    def take_lags_ms(self) -> tuple[int | None, int | None]:
        """Return and reset the lags since the last call: the smallest one, and the newest tick's.

        The lag of a tick is its receive time on the venue's clock minus its exchange time; None if
        there was no tick. A time too far ahead counts for the newest lag only.
        """
        lags_ms = self._smallest_lag_ms, self._newest_lag_ms
        self._smallest_lag_ms = self._newest_lag_ms = None
        return lags_ms

    def scan(self, view: memoryview, start: int, end: int, rt: int) -> int:
        """Apply whole text frames from ``view[start:end]``.

        Returns the position behind the last one, inverted (``~position``) if the frame there is not
        a plain text frame and belongs to the protocol library.
        """
        payloads, position = frames.split(view, start, end)
        for payload in payloads:
            self._take(payload, rt)
        return position

    def message(self, payload: bytes, rt: int) -> None:
        """Apply one text message."""
        self._take(payload, rt)

    def _note_lag(self, ts: int, rt: int) -> None:
        lag_ms = rt + self.table.skew_ms - ts
        if lag_ms > model.TIME_BEHIND_MAX_MS:
            return  # an absurd time says nothing about the connection
        self._newest_lag_ms = lag_ms
        smallest_ms = self._smallest_lag_ms
        is_smaller = smallest_ms is None or lag_ms < smallest_ms
        if lag_ms >= -model.TIME_AHEAD_MAX_MS and is_smaller:
            self._smallest_lag_ms = lag_ms

    def _take(self, payload: bytes, rt: int) -> None:
        self.table.general += 1
        try:
            message = parse(payload, self.table.grammar)
        except Rejected as verdict:
            self.table.reject(verdict.reason, payload)
            self.unreadable += 1
            return
        if message is None:
            self.unreadable = 0
            self.others.append(payload)
            return
        self._apply(message, payload, rt)

    def _apply(self, message: TickerMessage, payload: bytes, rt: int) -> None:
        table = self.table
        outcome = table.take(message, self.conn, rt)
        self.unreadable = 0
        if outcome is Outcome.UNKNOWN_SYMBOL:
            self.unknown_tickers.append((message.symbol, payload))
            return
        self.messages += 1
        self.applied += outcome is Outcome.APPLIED
        self._note_lag(message.ts, rt)
        if outcome is Outcome.WITHOUT_BASE:
            table.sample("delta_without_base", payload)
        # The messages of a venue have the same unknown names: the first message with more of them
        # than are known is enough.
        if len(table.unknown_names) < min(message.unknown_fields, UNKNOWN_NAMES_MAX):
            table.note_unknown(payload)
