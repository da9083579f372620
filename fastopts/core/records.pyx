"""Record records -> values a user reads: the answer to an MGET of records, taken apart in place.

`pure_records` states the same readably. A number that stands for "none" at the venue is NaN here
and None outside: the rule is `give_meaning`, applied once, when a record is taken in.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.math cimport INFINITY, NAN
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcpy, memset

from fastopts import keys, model
from fastopts.errors import StoreError
from fastopts.field_registry import FIELDS as _FIELDS

from fastopts.core.record cimport Record
from fastopts.core.reply cimport Reply, scan_integer, scan_line, scan_reply
from fastopts.core.table cimport write_integer
from fastopts.core.ticker cimport NUMBER_COUNT

cdef enum:
    RECORD_SIZE = sizeof(Record)
    NAME_MAX = 40               # of a symbol
    HEAD_ROWS = 8               # of `Records.fill`
    COUNT_MAX = 1 << 20         # elements of an array
    BULK_MAX = 512 << 20        # bytes
    OTHER_MAX = 32 << 10        # bytes of a reply behind the records: it must fit a read buffer

# How an element of the answer was found.
cdef enum State:
    UNREAD = 0
    HELD = 1
    NONE = 2
    UNREADABLE = 3              # of another version, or no record at all

if RECORD_SIZE != model.RECORD.size:
    raise ImportError("the record's layout is not what it was compiled for")

cdef bytes OVERSIZED = b"-ERR a reply of more than 32 KiB\r\n"
cdef uint8_t VERSION = model.RECORD_VERSION
cdef int NOT_LIVE = model.FLAG_REST | model.FLAG_SUSPECT
cdef int TIME_SUSPECT = model.FLAG_TIME_SUSPECT
cdef int64_t NO_SEQUENCE = model.NO_SEQUENCE
cdef int64_t TIME_MAX_MS = model.TIME_MAX_MS
cdef bytes PREFIX = keys.RECORD.encode()
cdef dict INDEX = {name: index for index, (_, name) in enumerate(model.NUMBERS)}
cdef int BID = INDEX["bid_price"]       # price, size and IV of a side follow each other
cdef int ASK = INDEX["ask_price"]
cdef int[6] NEVER_ZERO
NEVER_ZERO[:] = [INDEX[name] for name in model.NEVER_ZERO]
cdef int[5] NEVER_ALL_ZERO
NEVER_ALL_ZERO[:] = [INDEX[name] for name in model.NEVER_ALL_ZERO]


cdef inline void give_meaning(Record* record) noexcept nogil:
    """Make NaN of what stands for "none"."""
    cdef int i
    _side(record, BID)
    _side(record, ASK)
    for i in range(6):
        if record.numbers[NEVER_ZERO[i]] == 0:
            record.numbers[NEVER_ZERO[i]] = NAN
    for i in range(5):
        if record.numbers[NEVER_ALL_ZERO[i]] != 0:
            return
    for i in range(5):
        record.numbers[NEVER_ALL_ZERO[i]] = NAN


cdef inline void _side(Record* record, int price) noexcept nogil:
    cdef int size = price + 1, iv = price + 2
    if not (record.numbers[price] > 0 and record.numbers[size] > 0):
        record.numbers[price] = record.numbers[size] = record.numbers[iv] = NAN
    elif not record.numbers[iv] > 0:
        record.numbers[iv] = NAN


cdef class Number:
    # One of the record's numbers as a read-only attribute of a Tick: a float, None where the venue
    # gives none. (No docstring: an instance's is its own.)
    cdef int index
    cdef str name

    def __cinit__(self, str name not None):
        self.index = INDEX[name]
        self.name = name

    @property
    def __doc__(self):
        return str(_FIELDS[self.name])

    def __get__(self, instance, owner):
        cdef double value
        if instance is None:
            return self
        value = (<Tick?>instance).packed.numbers[self.index]
        return None if value != value else value

    def __set__(self, instance, value):
        raise AttributeError(f"{self.name} can't be set")


@cython.no_gc
cdef class Tick:
    """One option's newest tick as it was read, and what was known of the feed at that *moment*."""

    cdef Record packed
    cdef readonly str symbol
    cdef readonly object moment
    cdef readonly bint live

    @property
    def record(self):
        """The packed record (`model.RECORD`), numbers that stand for "none" as NaN."""
        return PyBytes_FromStringAndSize(<const char*>&self.packed, RECORD_SIZE)

    @property
    def type(self):
        """C for a call, P for a put."""
        return "C" if self.packed.kind == b"C" else "P"

    @property
    def strike(self):
        """In quote coin."""
        return self.packed.strike

    @property
    def settle(self):
        """The coin it is settled in."""
        return bytes(self.packed.settle[:8]).rstrip(b"\0").decode()

    @property
    def expiry_ms(self):
        """When it is delivered, in ms since 1970 UTC."""
        return self.packed.expiry_ms

    @property
    def ts_ms(self):
        """The venue's time of the tick, in ms since 1970 UTC."""
        return self.packed.ts_ms

    @property
    def rt_ms(self):
        """When the collector received it, by its own clock, in ms since 1970 UTC."""
        return self.packed.rt_ms

    @property
    def seq(self):
        """The venue's sequence number."""
        return None if self.packed.sequence == NO_SEQUENCE else self.packed.sequence

    @property
    def flags(self):
        """`model.FLAG_*`."""
        return self.packed.flags

    @property
    def epoch(self):
        """The collector's run that wrote it."""
        return self.packed.epoch

    @property
    def conn(self):
        """The connection, within the epoch, that delivered it."""
        return self.packed.conn


cdef inline bint _is_sound(const Record* packed) noexcept nogil:
    """`pure_records.is_sound`, which says why."""
    cdef int i
    for i in range(8):
        if packed.settle[i] >= 128:
            return False
    return (
        packed.version == VERSION
        and (packed.kind == b"C" or packed.kind == b"P")
        and 0 <= packed.expiry_ms <= TIME_MAX_MS
        and 0 < packed.strike < INFINITY
    )


cdef inline bint _is_live(const Record* packed, uint32_t epoch, live_conns) except -1:
    return packed.epoch == epoch and not packed.flags & NOT_LIVE and packed.conn in live_conns


cdef inline Tick _tick(type kind, str symbol, const uint8_t* record, moment):
    cdef Tick tick = Tick.__new__(kind)
    memcpy(&tick.packed, record, RECORD_SIZE)
    give_meaning(&tick.packed)
    tick.symbol = symbol
    tick.moment = moment
    return tick


def decode(type kind not None, str symbol not None, bytes record not None, moment, uint32_t epoch,
           live_conns):
    """Return *record* as a *kind* of Tick; it is live when it came from a conn among *live_conns*
    in *epoch*. Raises StoreError for what is no record of this version."""
    cdef Tick tick
    if not issubclass(kind, Tick):
        raise TypeError(f"{kind} is no Tick")
    if len(record) != RECORD_SIZE or not _is_sound(<const Record*><const char*>record):
        raise StoreError(f"{symbol}: a record that this version of fastopts can't read")
    tick = _tick(kind, symbol, <const uint8_t*><const char*>record, moment)
    tick.live = _is_live(&tick.packed, epoch, live_conns)
    return tick


def mget(symbols not None):
    """Return the command that asks for the records of *symbols*, as the bytes for the wire.

    What can't be part of a key is asked for under a name that nobody writes.
    """
    cdef list names = symbols if isinstance(symbols, list) else list(symbols)
    cdef uint8_t text[32]
    cdef Py_ssize_t size, room = 64 + len(names) * (len(PREFIX) + NAME_MAX + 16)
    cdef uint8_t* start = <uint8_t*>PyMem_Malloc(room)
    cdef uint8_t* out = start
    if start == NULL:
        raise MemoryError
    try:
        out[0] = b"*"
        size = write_integer(len(names) + 1, text)
        memcpy(out + 1, text, size)
        out += 1 + size
        memcpy(out, b"\r\n$4\r\nMGET\r\n", 12)
        out += 12
        for name in names:
            out = _key(out, name)
        return PyBytes_FromStringAndSize(<const char*>start, out - start)
    finally:
        PyMem_Free(start)


cdef uint8_t* _key(uint8_t* out, name) except NULL:
    cdef bytes raw = b""
    cdef Py_ssize_t prefix = len(PREFIX), size
    if _is_plain(name):
        raw = (<str>name).encode("ascii")
    out[0] = b"$"
    size = write_integer(prefix + len(raw), out + 1)
    out += 1 + size
    out[0], out[1] = 13, 10
    memcpy(out + 2, <const char*>PREFIX, prefix)
    memcpy(out + 2 + prefix, <const char*>raw, len(raw))
    out += 2 + prefix + len(raw)
    out[0], out[1] = 13, 10
    return out + 2


cdef bint _is_plain(name) except -1:
    """`keys.is_symbol`, which the twin asks."""
    cdef Py_UCS4 c
    if not isinstance(name, str):
        raise TypeError(f"a symbol is a str, not {name!r}")
    if not 0 < len(<str>name) <= NAME_MAX:
        return False
    for c in <str>name:
        if not (c"A" <= c <= c"Z" or c"0" <= c <= c"9" or c == c"-" or c == c"."):
            return False
    return (<str>name)[0] not in "-."


@cython.final
cdef class Records:
    """Reads the answer to an MGET of *count* records, and *others* replies behind it.

    `error` is the refusal that came in place of the records; `others` holds raw replies. A value of
    another size than a record's is skipped as it arrives and is unreadable; in place of another
    reply of more than 32 KiB stands an error reply.
    """

    cdef readonly Py_ssize_t count
    cdef readonly list others
    cdef readonly object error
    cdef uint8_t* records
    cdef uint8_t* states
    cdef Py_ssize_t others_count
    cdef Py_ssize_t read            # elements; -1 before the array's head
    cdef Py_ssize_t skipped         # bytes left of the value being skipped, with its CRLF
    cdef int64_t replies_skipped    # replies left of the oversized one being skipped
    cdef bint refused

    def __cinit__(self, Py_ssize_t count, Py_ssize_t others=0):
        if not 0 < count <= COUNT_MAX or others < 0:
            raise ValueError(f"no such answer: {count} records, {others} others")
        self.count, self.others_count, self.read = count, others, -1
        self.others = []
        self.records = <uint8_t*>PyMem_Malloc(count * RECORD_SIZE)
        self.states = <uint8_t*>PyMem_Malloc(count)
        if self.records == NULL or self.states == NULL:
            raise MemoryError
        memset(self.states, UNREAD, count)

    def __dealloc__(self):
        PyMem_Free(self.records)
        PyMem_Free(self.states)

    @staticmethod
    def of(packed not None):
        """Return the records *packed* (None: no record), complete without a reply to read.

        For records that are in memory already, such as those of a mirror: encoding them as a reply
        and parsing that took most of the time of a local read. Values of another size or version
        are unreadable. Raises ValueError for no values at all.
        """
        # A copy: creating the object may run a finalizer that changes the caller's list.
        cdef list values = list(packed)
        cdef Records records = Records(len(values))
        records.read = 0
        for value in values:
            if value is None:
                records.states[records.read] = NONE
                records.read += 1
            elif len(<bytes?>value) != RECORD_SIZE:
                records.states[records.read] = UNREADABLE
                records.read += 1
            else:
                records._hold(<const uint8_t*><const char*><bytes>value)
        return records

    @property
    def done(self):
        """Whether everything has come."""
        return self._is_read() and len(self.others) == self.others_count

    def acknowledge(self, view, Py_ssize_t start, Py_ssize_t end):
        """Read from ``view[start:end]``; return the position behind what was read.

        Raises StoreError for bytes that are no such answer.
        """
        cdef Py_buffer buffer
        cdef const uint8_t* base
        cdef const uint8_t* at
        cdef const uint8_t* stop
        cdef Py_ssize_t size
        PyObject_GetBuffer(view, &buffer, PyBUF_SIMPLE)
        try:
            if not 0 <= start <= end <= buffer.len:
                raise ValueError(f"no such part of {buffer.len} bytes: {start}:{end}")
            base = <const uint8_t*>buffer.buf
            at, stop = base + start, base + end
            while not self._is_read():
                size = self._head(at, stop) if self.read < 0 else self._element(at, stop)
                if size == 0:
                    return at - base
                at += size
            while len(self.others) < self.others_count:
                size = self._other(at, stop)
                if size == 0:
                    break
                at += size
            return at - base
        finally:
            PyBuffer_Release(&buffer)

    def take(self, type kind not None, symbols not None, moment, uint32_t epoch, live_conns,
             int64_t now_ms, int64_t oldest_ms, int64_t newest_ms):
        """Return a list of *kind* of Tick (None where there is no readable record) aligned with
        *symbols*, and the positions that are in doubt: not there, not live, delivered by *now_ms*,
        of a time before *oldest_ms*, after *newest_ms*, or one that can't be right."""
        cdef list ticks = [], doubtful = []
        cdef Py_ssize_t i
        cdef Tick tick
        if not issubclass(kind, Tick):
            raise TypeError(f"{kind} is no Tick")
        if len(symbols) != self.count or not self._is_read():
            raise ValueError("the symbols are not those that were asked for")
        for i in range(self.count):
            if self.states[i] != HELD:
                ticks.append(None)
                doubtful.append(i)
                continue
            tick = _tick(kind, symbols[i], self.records + i * RECORD_SIZE, moment)
            tick.live = _is_live(&tick.packed, epoch, live_conns)
            if (
                not tick.live
                or tick.packed.expiry_ms <= now_ms
                or tick.packed.ts_ms < oldest_ms
                or tick.packed.ts_ms > newest_ms
                or tick.packed.flags & TIME_SUSPECT
            ):
                doubtful.append(i)
            ticks.append(tick)
        return ticks, doubtful

    def is_unreadable(self, Py_ssize_t index):
        """Whether something stands at *index* that is no record of this version."""
        return 0 <= index < self.count and self.states[index] == UNREADABLE

    def record(self, Py_ssize_t index):
        """The packed record at *index* as it came, or None."""
        if not 0 <= index < self.count or self.states[index] != HELD:
            return None
        return PyBytes_FromStringAndSize(<const char*>self.records + index * RECORD_SIZE, RECORD_SIZE)

    def fill(self, numbers not None, heads not None, uint32_t epoch, live_conns):
        """Write all records column by column and return how many are held.

        *numbers* takes one row of float64 for each of `model.NUMBERS`; *heads* rows of int64: held
        (0 or 1), live, ts, rt and expiry in ms, sequence, flags, conn. Where no record is held, the
        numbers are NaN and the heads 0.
        """
        cdef Py_buffer n, h
        cdef Py_ssize_t i, held = 0
        cdef Record packed
        PyObject_GetBuffer(numbers, &n, PyBUF_SIMPLE | PyBUF_WRITABLE)
        try:
            PyObject_GetBuffer(heads, &h, PyBUF_SIMPLE | PyBUF_WRITABLE)
            try:
                if n.len != self.count * NUMBER_COUNT * 8 or h.len != self.count * HEAD_ROWS * 8:
                    raise ValueError("the columns are not of the answer's size")
                for i in range(self.count):
                    self._load(i, &packed)
                    _spread(&packed, i, self.count, <double*>n.buf)
                    held += self.states[i] == HELD
                    self._heads(&packed, i, <int64_t*>h.buf, epoch, live_conns)
                return held
            finally:
                PyBuffer_Release(&h)
        finally:
            PyBuffer_Release(&n)

    cdef inline bint _is_read(self) noexcept:
        return self.refused or self.read == self.count

    cdef void _load(self, Py_ssize_t i, Record* packed) noexcept:
        cdef int j
        if self.states[i] == HELD:
            memcpy(packed, self.records + i * RECORD_SIZE, RECORD_SIZE)
            give_meaning(packed)
            return
        for j in range(NUMBER_COUNT):
            packed.numbers[j] = NAN

    cdef int _heads(
        self, const Record* packed, Py_ssize_t i, int64_t* out, uint32_t epoch, live_conns
    ) except -1:
        cdef Py_ssize_t n = self.count
        cdef int row
        if self.states[i] != HELD:
            for row in range(HEAD_ROWS):
                out[row * n + i] = 0
            return 0
        out[i] = 1
        out[n + i] = _is_live(packed, epoch, live_conns)
        out[2 * n + i] = packed.ts_ms
        out[3 * n + i] = packed.rt_ms
        out[4 * n + i] = packed.expiry_ms
        out[5 * n + i] = packed.sequence
        out[6 * n + i] = packed.flags
        out[7 * n + i] = packed.conn
        return 0

    cdef Py_ssize_t _head(self, const uint8_t* at, const uint8_t* end) except -1:
        cdef Py_ssize_t size = 0, part
        cdef int64_t value = 0
        if at >= end:
            return 0
        if at[0] == b"-":
            self.error = _value(at, end, &part)
            self.refused = part > 0
            return part
        part = scan_line(at + 1, end, &size)
        if part == 0:
            return 0
        if at[0] != b"*" or part < 0 or scan_integer(at + 1, size, &value) or value != self.count:
            raise StoreError(f"not the records that were asked for: {_clipped(at, end)!r}")
        self.read = 0
        return part + 1

    cdef Py_ssize_t _element(self, const uint8_t* at, const uint8_t* end) except -1:
        cdef Py_ssize_t size = 0, part
        cdef int64_t value = 0
        if self.skipped:
            return self._skip_element(at, end)
        if end - at >= RECORD_SIZE + 8 and at[1] == b"2" and at[2] == b"5" and at[3] == b"6":
            # "$256\r\n", a record, "\r\n": what nearly every element is
            if at[0] == b"$" and at[4] == 13 and at[5] == 10:
                if at[RECORD_SIZE + 6] == 13 and at[RECORD_SIZE + 7] == 10:
                    self._hold(at + 6)
                    return RECORD_SIZE + 8
        if at >= end:
            return 0
        part = scan_line(at + 1, end, &size)
        if part == 0:
            return 0
        if at[0] != b"$" or part < 0 or scan_integer(at + 1, size, &value) or value < -1:
            raise StoreError(f"not RESP: {_clipped(at, end)!r}")
        if value < 0:
            self.states[self.read] = NONE
            self.read += 1
            return part + 1
        if value > BULK_MAX:
            raise StoreError(f"not RESP: {_clipped(at, end)!r}")
        if value != RECORD_SIZE:
            self.skipped = value + 2
            return part + 1
        if end - at < part + 1 + value + 2:
            return 0
        if at[part + 1 + value] != 13 or at[part + 2 + value] != 10:
            raise StoreError(f"not RESP: {_clipped(at, end)!r}")
        self._hold(at + 1 + part)
        return part + 1 + value + 2

    cdef Py_ssize_t _skip(self, const uint8_t* at, const uint8_t* end) except -1:
        """Skip what has arrived of a value; `skipped` is 0 behind its CRLF."""
        cdef Py_ssize_t part = min(end - at, self.skipped - 2)
        if part > 0:
            self.skipped -= part
            return part
        if end - at < 2:
            return 0
        if at[0] != 13 or at[1] != 10:
            raise StoreError(f"not RESP: {_clipped(at, end)!r}")
        self.skipped = 0
        return 2

    cdef Py_ssize_t _skip_element(self, const uint8_t* at, const uint8_t* end) except -1:
        cdef Py_ssize_t size = self._skip(at, end)
        if not self.skipped:
            self.states[self.read] = UNREADABLE
            self.read += 1
        return size

    cdef Py_ssize_t _skip_other(self, const uint8_t* at, const uint8_t* end) except -1:
        """Skip the next part of an oversized reply: a line, or what has arrived of a value."""
        cdef Py_ssize_t size = 0, part
        cdef int64_t value = 0
        if self.skipped:
            part = self._skip(at, end)
            if not self.skipped:
                self._end_skipped(0)
            return part
        if at >= end:
            return 0
        part = scan_line(at + 1, end, &size)
        if part == 0:
            return 0
        if part < 0 or at[0] not in b"+-:$*":
            raise StoreError(f"not RESP: {_clipped(at, end)!r}")
        if at[0] != b"+" and at[0] != b"-" and scan_integer(at + 1, size, &value):
            raise StoreError(f"not RESP: {_clipped(at, end)!r}")
        if at[0] == b"$" and -1 <= value <= BULK_MAX:
            self.skipped = value + 2 if value >= 0 else 0
        elif at[0] == b"$" or at[0] == b"*" and not -1 <= value <= COUNT_MAX:
            raise StoreError(f"not RESP: {_clipped(at, end)!r}")
        if not self.skipped:
            self._end_skipped(value if at[0] == b"*" and value > 0 else 0)
        return part + 1

    cdef int _end_skipped(self, int64_t elements) except -1:
        """Count one reply less to skip, and its *elements* more."""
        self.replies_skipped += elements - 1
        if self.replies_skipped > COUNT_MAX:
            raise StoreError("a reply of too many elements")
        if self.replies_skipped == 0:
            self.others.append(OVERSIZED)
        return 0

    cdef void _hold(self, const uint8_t* record) noexcept:
        memcpy(self.records + self.read * RECORD_SIZE, record, RECORD_SIZE)
        self.states[self.read] = HELD if _is_sound(<const Record*>record) else UNREADABLE
        self.read += 1

    cdef Py_ssize_t _other(self, const uint8_t* at, const uint8_t* end) except -1:
        cdef Reply reply
        cdef Py_ssize_t size
        if self.replies_skipped:
            return self._skip_other(at, end)
        reply.has_integer, reply.error = False, NULL
        size = scan_reply(at, end, &reply, 0)
        if size < 0:
            raise StoreError(f"not RESP: {_clipped(at, end)!r}")
        if size > OTHER_MAX or (size == 0 and end - at > OTHER_MAX):
            self.replies_skipped = 1
            return self._skip_other(at, end)
        if size > 0:
            self.others.append(PyBytes_FromStringAndSize(<const char*>at, size))
        return size


cdef void _spread(const Record* packed, Py_ssize_t i, Py_ssize_t n, double* out) noexcept:
    cdef int row
    for row in range(NUMBER_COUNT):
        out[row * n + i] = packed.numbers[row]


def value(bytes raw not None):
    """Return the one RESP2 reply *raw* as a Python value: str for a status, int, bytes, list, None,
    or a StoreError for a refusal. Raises StoreError when it is no whole reply."""
    cdef const uint8_t* at = <const uint8_t*><const char*>raw
    cdef Py_ssize_t size = 0
    found = _value(at, at + len(raw), &size)
    if size == 0 or size != len(raw):
        raise StoreError(f"not one reply: {raw[:40]!r}")
    return found


cdef object _value(const uint8_t* at, const uint8_t* end, Py_ssize_t* size):
    """The reply at *at*; *size* is its length, 0 when it is not whole."""
    cdef Reply reply
    size[0] = 0
    if at >= end:
        return None
    reply.has_integer, reply.error = False, NULL
    size[0] = scan_reply(at, end, &reply, 0)
    if size[0] < 0:
        raise StoreError(f"not RESP: {_clipped(at, end)!r}")
    return _build(&at, end) if size[0] else None


cdef object _build(const uint8_t** at, const uint8_t* end):
    """A reply that `scan_reply` has found whole; *at* moves behind it."""
    cdef uint8_t kind = at[0][0]
    cdef Py_ssize_t size = 0, part = scan_line(at[0] + 1, end, &size)
    cdef const uint8_t* text = at[0] + 1
    cdef int64_t number = 0
    cdef list found
    at[0] += part + 1
    if kind == b"+":
        return (<const char*>text)[:size].decode("utf-8", "replace")
    if kind == b"-":
        words = (<const char*>text)[:size].decode("utf-8", "replace")
        return StoreError(words, words)
    scan_integer(text, size, &number)
    if kind == b":":
        return number
    if number < 0:
        return None
    if kind == b"$":
        text = at[0]
        at[0] += number + 2
        return PyBytes_FromStringAndSize(<const char*>text, number)
    found = []
    while number:
        found.append(_build(at, end))
        number -= 1
    return found


cdef bytes _clipped(const uint8_t* at, const uint8_t* end):
    return PyBytes_FromStringAndSize(<const char*>at, min(end - at, 40))
