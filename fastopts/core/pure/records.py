"""Packed records -> the values that a reader returns: the twin of `records.pyx`."""

from collections.abc import Container, Iterable, Sequence
from typing import Any, Final, Literal, Self, TypeVar, overload

from fastopts import keys, model
from fastopts.core.pure.reply import (
    BULK_MAX,
    COUNT_MAX,
    KINDS,
    read_reply,
    scan_integer,
    scan_line,
)
from fastopts.errors import StoreError
from fastopts.field_registry import FIELDS

__all__ = ("Number", "Records", "Tick", "decode", "give_meaning", "is_sound", "mget")

NAN, INF = float("nan"), float("inf")
# Bytes of a reply behind the records: it must fit the read buffer of a connection (64 KiB).
OTHER_MAX: Final = 32 << 10
OVERSIZED: Final = b"-ERR a reply of more than 32 KiB\r\n"
NOT_LIVE: Final = model.FLAG_REST | model.FLAG_SUSPECT
HEAD: Final = {name: index for index, name in enumerate(model.RECORD_HEAD)}
INDEX: Final = {name: index for index, (_, name) in enumerate(model.NUMBERS)}
T = TypeVar("T", bound="Tick")


def give_meaning(numbers: list[float]) -> None:
    """Replace the numbers that mean "none" by NaN.

    A side of the book needs a price and a size; a price without an IV is kept. See
    `model.NEVER_ZERO` and `model.NEVER_ALL_ZERO` for the others.
    """
    for side in ("bid", "ask"):
        price, size, iv = (INDEX[f"{side}_{part}"] for part in ("price", "size", "iv"))
        if not (numbers[price] > 0 and numbers[size] > 0):
            numbers[price] = numbers[size] = numbers[iv] = NAN
        elif not numbers[iv] > 0:
            numbers[iv] = NAN
    for name in model.NEVER_ZERO:
        if numbers[INDEX[name]] == 0:
            numbers[INDEX[name]] = NAN
    if all(numbers[INDEX[name]] == 0 for name in model.NEVER_ALL_ZERO):
        for name in model.NEVER_ALL_ZERO:
            numbers[INDEX[name]] = NAN


class Number:
    """A number of the record as a read-only attribute of a Tick: a float, None if there is none."""

    def __init__(self, name: str) -> None:
        self.__doc__ = str(FIELDS[name])
        self._name = name
        self._index = INDEX[name]

    @overload
    def __get__(self, instance: None, owner: type, /) -> Self: ...
    @overload
    def __get__(self, instance: "Tick", owner: type, /) -> float | None: ...
    def __get__(self, instance: "Tick | None", owner: type, /) -> Self | float | None:
        if instance is None:
            return self
        value = instance._numbers[self._index]
        return None if value != value else value

    def __set__(self, instance: "Tick", value: object, /) -> None:
        raise AttributeError(f"{self._name} can't be set")


class Tick:
    """An option's newest tick as it was read; *moment* is the state of the feed at the read.

    Twin: `records.Tick`, which documents the attributes.
    """

    __slots__ = ("_head", "_numbers", "live", "moment", "symbol")

    symbol: str
    moment: Any
    live: bool

    def _load(self, symbol: str, record: bytes, moment: object) -> None:
        unpacked = model.RECORD.unpack(record)
        self._head = unpacked[: len(HEAD)]
        self._numbers = list(unpacked[len(HEAD) :])
        give_meaning(self._numbers)
        self.symbol = symbol
        self.moment = moment

    @property
    def record(self) -> bytes:
        """The packed record (`model.RECORD`), with NaN for numbers that mean "none"."""
        return model.RECORD.pack(*self._head, *self._numbers)

    @property
    def type(self) -> Literal["C", "P"]:
        """C for a call, P for a put."""
        return "C" if self._head[HEAD["kind"]] == b"C" else "P"

    @property
    def strike(self) -> float:
        """The strike price in quote coin."""
        return float(self._head[HEAD["strike"]])

    @property
    def settle(self) -> str:
        """The settle coin."""
        settle: bytes = self._head[HEAD["settle"]]
        return settle.rstrip(b"\0").decode()

    @property
    def expiry_ms(self) -> int:
        """The time of delivery in ms since 1970 UTC."""
        return int(self._head[HEAD["expiry_ms"]])

    @property
    def ts_ms(self) -> int:
        """The exchange time in ms since 1970 UTC."""
        return int(self._head[HEAD["ts_ms"]])

    @property
    def rt_ms(self) -> int:
        """The receive time by the collector's clock, in ms since 1970 UTC."""
        return int(self._head[HEAD["rt_ms"]])

    @property
    def seq(self) -> int | None:
        """The venue's sequence number."""
        sequence = int(self._head[HEAD["sequence"]])
        return None if sequence == model.NO_SEQUENCE else sequence

    @property
    def flags(self) -> int:
        """`model.FLAG_*`."""
        return int(self._head[HEAD["flags"]])

    @property
    def epoch(self) -> int:
        """The epoch of the collector that wrote the record."""
        return int(self._head[HEAD["epoch"]])

    @property
    def conn(self) -> int:
        """The venue connection, within the epoch, that delivered the tick."""
        return int(self._head[HEAD["conn"]])


def is_sound(record: bytes) -> bool:
    """Whether *record* is a record of this version.

    The bytes of another program may have its size and first byte, so everything that a reader makes
    text or a time of is checked.
    """
    if len(record) != model.RECORD.size or record[0] != model.RECORD_VERSION:
        return False
    head = model.RECORD.unpack(record)
    return (
        head[HEAD["settle"]].isascii()
        and head[HEAD["kind"]] in (b"C", b"P")
        and 0 <= head[HEAD["expiry_ms"]] <= model.TIME_MAX_MS
        and 0 < head[HEAD["strike"]] < INF
    )


def _is_live(head: Sequence[Any], epoch: int, live_conns: Container[int]) -> bool:
    return (
        head[HEAD["epoch"]] == epoch
        and not head[HEAD["flags"]] & NOT_LIVE
        and head[HEAD["conn"]] in live_conns
    )


def decode(
    kind: type[T],
    symbol: str,
    record: bytes,
    moment: object,
    epoch: int,
    live_conns: Container[int],
) -> T:
    """Return *record* as an instance of *kind*, a subclass of Tick.

    It is live if a connection among *live_conns* delivered it in *epoch*. Raises StoreError unless
    *record* is a record of this version. Twin: `records.decode`.
    """
    if not issubclass(kind, Tick):
        raise TypeError(f"{kind} is not a subclass of Tick")
    if not is_sound(record):
        raise StoreError(f"{symbol}: a record that this version of fastopts can't read")
    tick = kind.__new__(kind)
    tick._load(symbol, record, moment)
    tick.live = _is_live(tick._head, epoch, live_conns)
    return tick


def mget(symbols: Sequence[str]) -> bytes:
    """Return the encoded command that asks for the records of *symbols*.

    For a symbol that cannot be part of a key, it asks for a key that is never written. Twin:
    `records.mget`.
    """
    for symbol in symbols:
        if not isinstance(symbol, str):
            raise TypeError(f"a symbol is a str, not {symbol!r}")
    names = (keys.record(symbol if keys.is_symbol(symbol) else "") for symbol in symbols)
    parts = [b"MGET", *(name.encode() for name in names)]
    bulks = b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts)
    return b"*%d\r\n%b" % (len(parts), bulks)


class Records:
    """Reads the reply to an MGET of *count* records, and *others* replies behind it.

    `error` is the error reply that came in place of the records, `others` the raw replies behind
    them. A value of another size than a record's is skipped as it arrives and is unreadable; an
    error reply replaces another reply of more than 32 KiB. Twin: `records.Records`.
    """

    def __init__(self, count: int, others: int = 0) -> None:
        if not 0 < count <= COUNT_MAX or others < 0:
            raise ValueError(f"invalid numbers of replies: {count} records, {others} others")
        self.count = count
        self.others: list[bytes] = []
        self.error: StoreError | None = None
        self._others_count = others
        self._records: list[bytes | None] | None = None
        self._skipped = 0  # bytes left of the value being skipped, with its CRLF
        self._replies_skipped = 0  # replies left of the large one being skipped

    @staticmethod
    def of(packed: Iterable[bytes | None]) -> "Records":
        """Return the records *packed* (None: no record), complete without a reply to read.

        For records that are in memory already, such as those of a mirror. Values of another size or
        version are unreadable. Raises ValueError for no values at all.
        """
        values = list(packed)
        for record in values:
            if record is not None and not isinstance(record, bytes):
                raise TypeError(f"a record is bytes, not {type(record).__name__}")
        records = Records(len(values))
        records._records = values
        return records

    @property
    def done(self) -> bool:
        """Whether all replies were read."""
        return self._is_read and len(self.others) == self._others_count

    @property
    def _is_read(self) -> bool:
        return self.error is not None or len(self._records or ()) == self.count

    def acknowledge(self, view: memoryview | bytes, start: int, end: int) -> int:
        """Read from ``view[start:end]``; return the position behind the part that was read.

        Raises StoreError for bytes that are not such replies.
        """
        if not 0 <= start <= end <= len(view):
            raise ValueError(f"no such part of {len(view)} bytes: {start}:{end}")
        at = start
        while not self.done:
            size = self._read(bytes(view[at:end]))
            if size == 0:
                break
            at += size
        return at

    def take(
        self,
        kind: type[T],
        symbols: Sequence[str],
        moment: object,
        epoch: int,
        live_conns: Container[int],
        now_ms: int,
        oldest_ms: int,
        newest_ms: int,
    ) -> tuple[list[T | None], list[int]]:
        """Return instances of *kind* for *symbols*, and the positions of doubtful ones.

        None stands for a missing or unreadable record. Doubtful: no record, not live, delivered by
        *now_ms*, a time before *oldest_ms* or after *newest_ms*, or a suspect one.
        """
        if len(symbols) != self.count or not self._is_read:
            raise ValueError("the symbols are not those of the request")
        ticks: list[T | None] = []
        doubtful = []
        for index, symbol in enumerate(symbols):
            record = self.record(index)
            if record is None:
                ticks.append(None)
                doubtful.append(index)
                continue
            tick = decode(kind, symbol, record, moment, epoch, live_conns)
            ticks.append(tick)
            is_timely = oldest_ms <= tick.ts_ms <= newest_ms
            is_suspect = tick.flags & model.FLAG_TIME_SUSPECT or not is_timely
            if not tick.live or tick.expiry_ms <= now_ms or is_suspect:
                doubtful.append(index)
        return ticks, doubtful

    def is_unreadable(self, index: int) -> bool:
        """Whether the value at *index* is not a record of this version."""
        value = self._value(index)
        return value is not None and not is_sound(value)

    def record(self, index: int) -> bytes | None:
        """Return the packed record at *index* as it was read, or None."""
        value = self._value(index)
        return value if value is not None and is_sound(value) else None

    def fill(self, numbers: Any, heads: Any, epoch: int, live_conns: Container[int]) -> int:
        """Write all records column by column and return the number of records.

        *numbers* takes one row of float64 for each of `model.NUMBERS`, *heads* one row of int64 for
        each of `model.HEAD_ROWS` (held and live are 0 or 1). Without a record, the numbers are NaN
        and the heads 0.
        """
        floats = memoryview(numbers).cast("B").cast("d")
        integers = memoryview(heads).cast("B").cast("q")
        rows = len(model.HEAD_ROWS)
        if len(floats) != self.count * len(INDEX) or len(integers) != self.count * rows:
            raise ValueError("the columns do not have the size of the reply")
        count = 0
        for index in range(self.count):
            record = self.record(index)
            values = [NAN] * len(INDEX)
            head = [0] * rows
            if record is not None:
                count += 1
                unpacked = model.RECORD.unpack(record)
                values = list(unpacked[len(HEAD) :])
                give_meaning(values)
                head[:2] = 1, _is_live(unpacked, epoch, live_conns)
                head[2:] = [unpacked[HEAD[name]] for name in model.HEAD_ROWS[2:]]
            for row, value in enumerate(values):
                floats[row * self.count + index] = value
            for row, integer in enumerate(head):
                integers[row * self.count + index] = integer
        return count

    def _value(self, index: int) -> bytes | None:
        values = self._records or []
        return values[index] if 0 <= index < len(values) else None

    def _read(self, data: bytes) -> int:
        """Read the next part from the head of *data*; return its length, 0 if it is incomplete."""
        if self._is_read:
            return self._skip_other(data) if self._replies_skipped else self._read_other(data)
        return self._read_head(data) if self._records is None else self._read_element(data)

    def _read_head(self, data: bytes) -> int:
        if data[:1] == b"-":
            size, self.error = read_reply(data)
            return size
        line = scan_line(data[1:])
        if line is None:
            return 0
        if data[:1] != b"*" or scan_integer(line) != self.count:
            raise StoreError(f"not the records of the request: {data[:40]!r}")
        self._records = []
        return len(line) + 3

    def _read_element(self, data: bytes) -> int:
        assert self._records is not None
        if self._skipped:
            size = self._skip(data)
            self._records += [] if self._skipped else [b""]
            return size
        line = scan_line(data[1:])
        if line is None:
            return 0
        if data[:1] != b"$" or scan_integer(line) > BULK_MAX:
            raise StoreError(f"not RESP: {data[:40]!r}")
        if scan_integer(line) not in (-1, model.RECORD.size):
            return self._begin_skip(data, line)
        size, value = read_reply(data)
        if size:
            self._records.append(value)
        return size

    def _begin_skip(self, data: bytes, line: bytes) -> int:
        """Skip the bulk string whose length *line* states; a nil has nothing to skip."""
        length = scan_integer(line)
        if data[:1] == b"$":
            if not -1 <= length <= BULK_MAX:
                raise StoreError(f"not RESP: {data[:40]!r}")
            self._skipped = length + 2 if length >= 0 else 0
        elif data[:1] == b"*" and not -1 <= length <= COUNT_MAX:
            raise StoreError(f"not RESP: {data[:40]!r}")
        return len(line) + 3

    def _skip(self, data: bytes) -> int:
        """Skip the part of a value that has arrived; `_skipped` is 0 behind its CRLF."""
        part = min(len(data), self._skipped - 2)
        if part > 0:
            self._skipped -= part
            return part
        if len(data) < 2:
            return 0
        if data[:2] != b"\r\n":
            raise StoreError(f"not RESP: {data[:40]!r}")
        self._skipped = 0
        return 2

    def _read_other(self, data: bytes) -> int:
        size, _ = read_reply(data)
        if size > OTHER_MAX or (size == 0 and len(data) > OTHER_MAX):
            self._replies_skipped = 1
            return self._skip_other(data)
        self.others += [data[:size]] if size else []
        return size

    def _skip_other(self, data: bytes) -> int:
        """Skip the next part of a too large reply: a line, or the part of a value that arrived."""
        if self._skipped:
            size = self._skip(data)
            if not self._skipped:
                self._end_skipped(0)
            return size
        kind, line = data[:1], scan_line(data[1:])
        if kind not in (b"", *KINDS):
            raise StoreError(f"not RESP: {data[:40]!r}")
        if line is None:
            return 0
        size = len(line) + 3 if kind in b"+-" else self._begin_skip(data, line)
        if not self._skipped:
            self._end_skipped(max(scan_integer(line), 0) if kind == b"*" else 0)
        return size

    def _end_skipped(self, elements: int) -> None:
        """Count one reply less to skip, and its *elements* more."""
        self._replies_skipped += elements - 1
        if self._replies_skipped > COUNT_MAX:
            raise StoreError("a reply of too many elements")
        if self._replies_skipped == 0:
            self.others.append(OVERSIZED)
