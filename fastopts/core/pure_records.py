"""The readable twin of `records`: packed records -> values a user reads."""

import re
from collections.abc import Container, Iterable, Sequence
from typing import Any, Literal, Self, TypeVar, overload

from fastopts import keys, model
from fastopts.errors import StoreError
from fastopts.field_registry import FIELDS

__all__ = ("Number", "Records", "Tick", "decode", "mget", "value")

NAN, INF = float("nan"), float("inf")
KINDS = (b"+", b"-", b":", b"$", b"*")
LINE_MAX, COUNT_MAX, BULK_MAX = 4096, 1 << 20, 512 << 20
DEPTH_MAX = 4  # arrays in arrays
OTHER_MAX = 32 << 10  # bytes of a reply behind the records: it must fit a read buffer
OVERSIZED = b"-ERR a reply of more than 32 KiB\r\n"
NOT_LIVE = model.FLAG_REST | model.FLAG_SUSPECT
HEAD = 11  # fields of a record before its numbers
INDEX = {name: index for index, (_, name) in enumerate(model.NUMBERS)}
T = TypeVar("T", bound="Tick")


def give_meaning(numbers: list[float]) -> None:
    """Make NaN of what stands for "none"."""
    for side in ("bid", "ask"):
        price, size, iv = (INDEX[f"{side}_{what}"] for what in ("price", "size", "iv"))
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
    """One of the record's numbers as a read-only attribute of a Tick: a float, None where the
    venue gives none."""

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
    """One option's newest tick as it was read, and what was known of the feed at that *moment*."""

    __slots__ = ("_head", "_numbers", "live", "moment", "symbol")

    symbol: str
    moment: Any
    live: bool

    def _load(self, symbol: str, record: bytes, moment: object) -> None:
        unpacked = model.RECORD.unpack(record)
        self._head = unpacked[:HEAD]
        self._numbers = list(unpacked[HEAD:])
        give_meaning(self._numbers)
        self.symbol = symbol
        self.moment = moment

    @property
    def record(self) -> bytes:
        return model.RECORD.pack(*self._head, *self._numbers)

    @property
    def type(self) -> Literal["C", "P"]:
        return "C" if self._head[1] == b"C" else "P"

    @property
    def flags(self) -> int:
        return int(self._head[2])

    @property
    def epoch(self) -> int:
        return int(self._head[3])

    @property
    def ts_ms(self) -> int:
        return int(self._head[4])

    @property
    def rt_ms(self) -> int:
        return int(self._head[5])

    @property
    def seq(self) -> int | None:
        return None if self._head[6] == model.NO_SEQUENCE else int(self._head[6])

    @property
    def conn(self) -> int:
        return int(self._head[7])

    @property
    def expiry_ms(self) -> int:
        return int(self._head[8])

    @property
    def settle(self) -> str:
        settle: bytes = self._head[9]
        return settle.rstrip(b"\0").decode()

    @property
    def strike(self) -> float:
        return float(self._head[10])


def _is_live(head: Sequence[Any], epoch: int, live_conns: Container[int]) -> bool:
    return head[3] == epoch and not head[2] & NOT_LIVE and head[7] in live_conns


def is_sound(record: bytes) -> bool:
    """Whether it is a record of this version. Another program's bytes may begin like one: what a
    reader makes a text or a time of must be one."""
    if len(record) != model.RECORD.size or record[0] != model.RECORD_VERSION:
        return False
    kind, expiry_ms, settle, strike = (model.RECORD.unpack(record)[i] for i in (1, 8, 9, 10))
    return (
        settle.isascii()
        and kind in (b"C", b"P")
        and 0 <= expiry_ms <= model.TIME_MAX_MS
        and 0 < strike < INF
    )


def decode(
    kind: type[T],
    symbol: str,
    record: bytes,
    moment: object,
    epoch: int,
    live_conns: Container[int],
) -> T:
    """Return *record* as a *kind* of Tick; it is live when it came from a conn among *live_conns*
    in *epoch*. Raises StoreError for what is no record of this version."""
    if not issubclass(kind, Tick):
        raise TypeError(f"{kind} is no Tick")
    if not is_sound(record):
        raise StoreError(f"{symbol}: a record that this version of fastopts can't read")
    tick = kind.__new__(kind)
    tick._load(symbol, record, moment)
    tick.live = _is_live(tick._head, epoch, live_conns)
    return tick


def mget(symbols: Sequence[str]) -> bytes:
    """Return the command that asks for the records of *symbols*, as the bytes for the wire.

    What can't be part of a key is asked for under a name that nobody writes.
    """
    for symbol in symbols:
        if not isinstance(symbol, str):
            raise TypeError(f"a symbol is a str, not {symbol!r}")
    names = (keys.record(symbol if keys.is_symbol(symbol) else "") for symbol in symbols)
    words = [b"MGET", *(name.encode() for name in names)]
    bulks = b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in words)
    return b"*%d\r\n%b" % (len(words), bulks)


class Records:
    """Reads the answer to an MGET of *count* records, and *others* replies behind it.

    `error` is the refusal that came in place of the records; `others` holds raw replies. A value of
    another size than a record's is skipped as it arrives and is unreadable; in place of another
    reply of more than 32 KiB stands an error reply.
    """

    def __init__(self, count: int, others: int = 0) -> None:
        if not 0 < count <= COUNT_MAX or others < 0:
            raise ValueError(f"no such answer: {count} records, {others} others")
        self.count = count
        self.others: list[bytes] = []
        self.error: StoreError | None = None
        self._others_count = others
        self._records: list[bytes | None] | None = None
        self._skipped = 0  # bytes left of the value being skipped, with its CRLF
        self._replies_skipped = 0  # replies left of the oversized one being skipped

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
        """Whether everything has come."""
        return self._is_read and len(self.others) == self._others_count

    @property
    def _is_read(self) -> bool:
        return self.error is not None or len(self._records or ()) == self.count

    def acknowledge(self, view: memoryview | bytes, start: int, end: int) -> int:
        """Read from ``view[start:end]``; return the position behind what was read.

        Raises StoreError for bytes that are no such answer.
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
        """Return a list of *kind* of Tick (None where there is no readable record) aligned with
        *symbols*, and the positions that are in doubt: not there, not live, delivered by *now_ms*,
        of a time before *oldest_ms*, after *newest_ms*, or one that can't be right."""
        if len(symbols) != self.count or not self._is_read:
            raise ValueError("the symbols are not those that were asked for")
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
            is_odd = tick.flags & model.FLAG_TIME_SUSPECT or not is_timely
            if not tick.live or tick.expiry_ms <= now_ms or is_odd:
                doubtful.append(index)
        return ticks, doubtful

    def is_unreadable(self, index: int) -> bool:
        """Whether something stands at *index* that is no record of this version."""
        found = self._element(index)
        return found is not None and not is_sound(found)

    def record(self, index: int) -> bytes | None:
        """The packed record at *index* as it came, or None."""
        found = self._element(index)
        return found if found is not None and is_sound(found) else None

    def fill(self, numbers: Any, heads: Any, epoch: int, live_conns: Container[int]) -> int:
        """Write all records column by column and return how many are held.

        *numbers* takes one row of float64 for each of `model.NUMBERS`; *heads* rows of int64: held
        (0 or 1), live, ts, rt and expiry in ms, sequence, flags, conn. Where no record is held, the
        numbers are NaN and the heads 0.
        """
        floats = memoryview(numbers).cast("B").cast("d")
        integers = memoryview(heads).cast("B").cast("q")
        if len(floats) != self.count * len(INDEX) or len(integers) != self.count * 8:
            raise ValueError("the columns are not of the answer's size")
        held = 0
        for index in range(self.count):
            record = self.record(index)
            row = [NAN] * len(INDEX)
            head = [0] * 8
            if record is not None:
                held += 1
                unpacked = model.RECORD.unpack(record)
                row = list(unpacked[HEAD:])
                give_meaning(row)
                _, _, flags, _, ts, rt, sequence, conn, expiry, *_ = unpacked
                live = _is_live(unpacked, epoch, live_conns)
                head = [1, live, ts, rt, expiry, sequence, flags, conn]
            for number, value in enumerate(row):
                floats[number * self.count + index] = value
            for number, integer in enumerate(head):
                integers[number * self.count + index] = integer
        return held

    def _element(self, index: int) -> bytes | None:
        held = self._records or []
        return held[index] if 0 <= index < len(held) else None

    def _read(self, data: bytes) -> int:
        """Read what is next from the head of *data*; return its length, 0 when it is not whole."""
        if self._is_read:
            return self._skip_other(data) if self._replies_skipped else self._read_other(data)
        return self._read_head(data) if self._records is None else self._read_element(data)

    def _read_head(self, data: bytes) -> int:
        if data[:1] == b"-":
            size, self.error = _first(data)
            return size
        line = _line(data[1:])
        if line is None:
            return 0
        if data[:1] != b"*" or _integer(line) != self.count:
            raise StoreError(f"not the records that were asked for: {data[:40]!r}")
        self._records = []
        return len(line) + 3

    def _read_element(self, data: bytes) -> int:
        assert self._records is not None
        if self._skipped:
            size = self._skip(data)
            self._records += [] if self._skipped else [b""]
            return size
        line = _line(data[1:])
        if line is None:
            return 0
        if data[:1] != b"$" or _integer(line) > BULK_MAX:
            raise StoreError(f"not RESP: {data[:40]!r}")
        if _integer(line) not in (-1, model.RECORD.size):
            return self._begin_skip(data, line)
        size, found = _first(data)
        if size:
            self._records.append(found)
        return size

    def _begin_skip(self, data: bytes, line: bytes) -> int:
        """Skip the bulk string whose length *line* states; nothing is left to skip of a nil."""
        length = _integer(line)
        if data[:1] == b"$":
            if not -1 <= length <= BULK_MAX:
                raise StoreError(f"not RESP: {data[:40]!r}")
            self._skipped = length + 2 if length >= 0 else 0
        elif data[:1] == b"*" and not -1 <= length <= COUNT_MAX:
            raise StoreError(f"not RESP: {data[:40]!r}")
        return len(line) + 3

    def _skip(self, data: bytes) -> int:
        """Skip what has arrived of a value; `_skipped` is 0 behind its CRLF."""
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
        size, _ = _first(data)
        if size > OTHER_MAX or (size == 0 and len(data) > OTHER_MAX):
            self._replies_skipped = 1
            return self._skip_other(data)
        self.others += [data[:size]] if size else []
        return size

    def _skip_other(self, data: bytes) -> int:
        """Skip the next part of an oversized reply: a line, or what has arrived of a value."""
        if self._skipped:
            size = self._skip(data)
            if not self._skipped:
                self._end_skipped(0)
            return size
        kind, line = data[:1], _line(data[1:])
        if kind not in (b"", *KINDS):
            raise StoreError(f"not RESP: {data[:40]!r}")
        if line is None:
            return 0
        size = len(line) + 3 if kind in b"+-" else self._begin_skip(data, line)
        if not self._skipped:
            self._end_skipped(max(_integer(line), 0) if kind == b"*" else 0)
        return size

    def _end_skipped(self, elements: int) -> None:
        """Count one reply less to skip, and its *elements* more."""
        self._replies_skipped += elements - 1
        if self._replies_skipped > COUNT_MAX:
            raise StoreError("a reply of too many elements")
        if self._replies_skipped == 0:
            self.others.append(OVERSIZED)


def value(raw: bytes) -> Any:
    """Return the one RESP2 reply *raw* as a Python value: str for a status, int, bytes, list, None,
    or a StoreError for a refusal. Raises StoreError when it is no whole reply."""
    size, found = _first(raw)
    if size != len(raw) or not raw:
        raise StoreError(f"not one reply: {raw[:40]!r}")
    return found


def _first(data: bytes, depth: int = 0) -> tuple[int, Any]:
    """The length of the reply at the head of *data* and its value; 0 when it is not whole."""
    kind, text = data[:1], _line(data[1:])
    if kind not in (b"", *KINDS):
        raise StoreError(f"not RESP: {data[:40]!r}")
    if text is None:
        return 0, None
    size = len(text) + 3
    if kind == b"+":
        return size, text.decode("utf-8", "replace")
    if kind == b"-":
        words = text.decode("utf-8", "replace")
        return size, StoreError(words, words)
    number = _integer(text)
    if kind == b":":
        return size, number
    is_deep = kind == b"*" and depth == DEPTH_MAX
    if is_deep or not -1 <= number <= (BULK_MAX if kind == b"$" else COUNT_MAX):
        raise StoreError(f"not RESP: {data[:40]!r}")
    if number < 0:
        return size, None
    if kind == b"$":
        return _bulk(data, size, number)
    return _array(data, size, number, depth + 1)


def _line(data: bytes) -> bytes | None:
    """The line at the head of *data*; None when it is not whole."""
    text, found, _ = data[:LINE_MAX].partition(b"\r")
    rest = data[len(text) + 1 :]
    is_odd = rest[:1] not in (b"", b"\n") or (rest and b"\n" in text)
    if is_odd or (not found and len(data) >= LINE_MAX):
        raise StoreError(f"not RESP: {data[:40]!r}")
    return text if rest else None


def _integer(text: bytes) -> int:
    if not re.fullmatch(rb"0|-?[1-9][0-9]{0,17}", text):
        raise StoreError(f"not RESP: {text[:40]!r}")
    return int(text)


def _bulk(data: bytes, start: int, length: int) -> tuple[int, Any]:
    end = start + length
    if len(data) < end + 2:
        return 0, None
    if data[end : end + 2] != b"\r\n":
        raise StoreError(f"not RESP: {data[:40]!r}")
    return end + 2, data[start:end]


def _array(data: bytes, start: int, count: int, depth: int) -> tuple[int, Any]:
    elements = []
    at = start
    for _ in range(count):
        size, element = _first(data[at:], depth)
        if size == 0:
            return 0, None
        elements.append(element)
        at += size
    return at, elements
