"""Packed records -> the values that a reader returns: the reply to an MGET, parsed in place.

Numbers by which the venue means "none" are NaN here and None in Python: `give_meaning` applies the
rule once, when a record is decoded. The pure twin is `pure.records`.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.math cimport INFINITY, NAN
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcmp, memcpy, memset

from fastopts import keys, model
from fastopts.core.pure import records as pure
from fastopts.errors import StoreError
from fastopts.field_registry import FIELDS as _FIELDS

from fastopts.core.buffers cimport borrow
from fastopts.core.layout cimport (
    ASK_PRICE,
    BID_PRICE,
    BULK_MAX,
    COIN_MAX,
    COUNT_MAX,
    FLAG_REST,
    FLAG_SUSPECT,
    FLAG_TIME_SUSPECT,
    HEAD_ROW_COUNT,
    NEVER_ALL_ZERO_COUNT,
    NEVER_ZERO_COUNT,
    NO_SEQUENCE,
    NUMBER_COUNT,
    OTHER_MAX,
    RECORD_SIZE,
    RECORD_VERSION,
    ROW_CONN,
    ROW_EXPIRY_MS,
    ROW_FLAGS,
    ROW_HELD,
    ROW_LIVE,
    ROW_RT_MS,
    ROW_SEQUENCE,
    ROW_TS_MS,
    SYMBOL_MAX,
)
from fastopts.core.record cimport Record
from fastopts.core.reply cimport Reply, clipped, read_reply, scan_integer, scan_line, scan_reply
from fastopts.core.table cimport write_integer

cdef enum:
    NOT_LIVE = FLAG_REST | FLAG_SUSPECT
    LENGTH_SIZE = 6             # of RECORD_LENGTH
    ELEMENT_SIZE = LENGTH_SIZE + RECORD_SIZE + 2

# State of an element of the reply.
cdef enum State:
    UNREAD = 0
    HELD = 1
    NONE = 2
    UNREADABLE = 3              # of another version, or not a record

# A binary of another version beside these Python modules would read memory at wrong offsets.
if sizeof(Record) != RECORD_SIZE or RECORD_SIZE != model.RECORD.size:
    raise ImportError("the layout of records differs from the compiled one: build fastopts again")

cdef bytes OVERSIZED = pure.OVERSIZED
cdef int64_t TIME_MAX_MS = model.TIME_MAX_MS
cdef bytes PREFIX = keys.RECORD.encode()
cdef dict INDEX = pure.INDEX
cdef uint8_t[LENGTH_SIZE] RECORD_LENGTH         # "$256\r\n": the first line of a record
RECORD_LENGTH[:] = b"$%d\r\n" % model.RECORD.size
cdef int[NEVER_ZERO_COUNT] NEVER_ZERO
NEVER_ZERO[:] = [INDEX[name] for name in model.NEVER_ZERO]
cdef int[NEVER_ALL_ZERO_COUNT] NEVER_ALL_ZERO
NEVER_ALL_ZERO[:] = [INDEX[name] for name in model.NEVER_ALL_ZERO]


# Applied where a record is decoded, not where it is written: Redis keeps the venue's zeros, so that
# readers of other versions and languages can decide for themselves.
cdef inline void give_meaning(Record* record) noexcept nogil:
    """Replace the numbers that mean "none" by NaN; the rule is `pure.records.give_meaning`."""
    cdef int i
    _side(record, BID_PRICE)
    _side(record, ASK_PRICE)
    for i in range(NEVER_ZERO_COUNT):
        if record.numbers[NEVER_ZERO[i]] == 0:
            record.numbers[NEVER_ZERO[i]] = NAN
    for i in range(NEVER_ALL_ZERO_COUNT):
        if record.numbers[NEVER_ALL_ZERO[i]] != 0:
            return
    for i in range(NEVER_ALL_ZERO_COUNT):
        record.numbers[NEVER_ALL_ZERO[i]] = NAN


cdef inline void _side(Record* record, int price) noexcept nogil:
    # `not (x > 0)` is also true for NaN, an absent number.
    cdef int size = price + 1, iv = price + 2
    if not (record.numbers[price] > 0 and record.numbers[size] > 0):
        record.numbers[price] = record.numbers[size] = record.numbers[iv] = NAN
    elif not record.numbers[iv] > 0:
        record.numbers[iv] = NAN


cdef class Number:
    # A number of the record as a read-only attribute of a Tick: a float, None if there is none.
    # A comment, because `__doc__` of an instance describes its number.
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
        return None if value != value else value        # NaN: absent

    def __set__(self, instance, value):
        raise AttributeError(f"{self.name} can't be set")


@cython.no_gc
cdef class Tick:
    """An option's newest tick as it was read; *moment* is the state of the feed at the read.

    Users subclass it (`reader.Option`). It holds only strings and the moment, which refer to no
    Tick: without support for the garbage collector, an object is smaller and made faster.
    """

    cdef Record packed
    cdef readonly str symbol
    cdef readonly object moment
    cdef readonly bint live

    @property
    def record(self):
        """The packed record (`model.RECORD`), with NaN for numbers that mean "none"."""
        return PyBytes_FromStringAndSize(<const char*>&self.packed, RECORD_SIZE)

    @property
    def type(self):
        """C for a call, P for a put."""
        return "C" if self.packed.kind == b"C" else "P"

    @property
    def strike(self):
        """The strike price in quote coin."""
        return self.packed.strike

    @property
    def settle(self):
        """The settle coin."""
        return bytes(self.packed.settle[:COIN_MAX]).rstrip(b"\0").decode()

    @property
    def expiry_ms(self):
        """The time of delivery in ms since 1970 UTC."""
        return self.packed.expiry_ms

    @property
    def ts_ms(self):
        """The exchange time in ms since 1970 UTC."""
        return self.packed.ts_ms

    @property
    def rt_ms(self):
        """The receive time by the collector's clock, in ms since 1970 UTC."""
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
        """The epoch of the collector that wrote the record."""
        return self.packed.epoch

    @property
    def conn(self):
        """The venue connection, within the epoch, that delivered the tick."""
        return self.packed.conn


cdef inline bint _is_sound(const Record* packed) noexcept nogil:
    """Whether these bytes are a record of this version: the rule is `pure.records.is_sound`."""
    cdef int i
    for i in range(COIN_MAX):
        if packed.settle[i] >= 128:
            return False
    return (
        packed.version == RECORD_VERSION
        and (packed.kind == b"C" or packed.kind == b"P")
        and 0 <= packed.expiry_ms <= TIME_MAX_MS
        and 0 < packed.strike < INFINITY
    )


cdef inline bint _is_live(const Record* packed, uint32_t epoch, live_conns) except -1:
    return packed.epoch == epoch and not packed.flags & NOT_LIVE and packed.conn in live_conns


cdef inline Tick _tick(type kind, str symbol, const uint8_t* record, moment):
    # Without __init__: one call less for each option of a read.
    cdef Tick tick = Tick.__new__(kind)
    memcpy(&tick.packed, record, RECORD_SIZE)
    give_meaning(&tick.packed)
    tick.symbol = symbol
    tick.moment = moment
    return tick


def decode(type kind not None, str symbol not None, bytes record not None, moment, uint32_t epoch,
           live_conns):
    """Return *record* as an instance of *kind*, a subclass of Tick.

    It is live if a connection among *live_conns* delivered it in *epoch*. Raises StoreError unless
    *record* is a record of this version.
    """
    cdef Tick tick
    if not issubclass(kind, Tick):
        raise TypeError(f"{kind} is not a subclass of Tick")
    if len(record) != RECORD_SIZE or not _is_sound(<const Record*><const char*>record):
        raise StoreError(f"{symbol}: a record that this version of fastopts can't read")
    tick = _tick(kind, symbol, <const uint8_t*><const char*>record, moment)
    tick.live = _is_live(&tick.packed, epoch, live_conns)
    return tick


def mget(symbols not None):
    """Return the encoded command that asks for the records of *symbols*.

    For a symbol that cannot be part of a key, it asks for a key that is never written.
    """
    # One allocation with an upper bound; the bytes are copied once into the result.
    cdef list names = symbols if isinstance(symbols, list) else list(symbols)
    cdef uint8_t text[32]
    cdef Py_ssize_t size, capacity = 64 + len(names) * (len(PREFIX) + SYMBOL_MAX + 16)
    cdef uint8_t* start = <uint8_t*>PyMem_Malloc(capacity)
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
    """Whether *name* may become part of a key: `keys.is_symbol` without a regular expression."""
    cdef Py_UCS4 c
    if not isinstance(name, str):
        raise TypeError(f"a symbol is a str, not {name!r}")
    if not 0 < len(<str>name) <= SYMBOL_MAX:
        return False
    for c in <str>name:
        if not (c"A" <= c <= c"Z" or c"0" <= c <= c"9" or c == c"-" or c == c"."):
            return False
    return (<str>name)[0] not in "-."


@cython.final
cdef class Records:
    """Reads the reply to an MGET of *count* records, and *others* replies behind it.

    `error` is the error reply that came in place of the records, `others` the raw replies behind
    them. A value of another size than a record's is skipped as it arrives and is unreadable; an
    error reply replaces another reply of more than 32 KiB. (A foreign value of more than a read
    buffer must not make the whole read fail.)
    """

    cdef readonly Py_ssize_t count
    cdef readonly list others
    cdef readonly object error
    cdef uint8_t* records           # one slot of RECORD_SIZE for each element, owned
    cdef uint8_t* states            # a State for each element, owned
    cdef Py_ssize_t others_count    # of replies expected behind the records
    cdef Py_ssize_t read            # elements; -1 before the array's head
    cdef Py_ssize_t skipped         # bytes left of the value being skipped, with its CRLF
    cdef int64_t replies_skipped    # replies left of the large one being skipped
    cdef bint refused               # an error reply came in place of the array

    def __cinit__(self, Py_ssize_t count, Py_ssize_t others=0):
        if not 0 < count <= COUNT_MAX or others < 0:
            raise ValueError(f"invalid numbers of replies: {count} records, {others} others")
        self.count, self.others_count, self.read = count, others, -1
        self.others = []
        self.records = <uint8_t*>PyMem_Malloc(count * RECORD_SIZE)
        self.states = <uint8_t*>PyMem_Malloc(count)
        if self.records == NULL or self.states == NULL:
            raise MemoryError
        # Records are not cleared: a state other than HELD keeps them from being read.
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
        """Whether all replies were read."""
        return self._is_read() and len(self.others) == self.others_count

    def acknowledge(self, view, Py_ssize_t start, Py_ssize_t end):
        """Read from ``view[start:end]``; return the position behind the part that was read.

        Raises StoreError for bytes that are not such replies.
        """
        cdef Py_buffer buffer
        cdef const uint8_t* base = borrow(view, start, end, &buffer)
        cdef const uint8_t* at = base + start
        cdef const uint8_t* stop = base + end
        cdef Py_ssize_t size
        try:
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
        """Return instances of *kind* for *symbols*, and the positions of doubtful ones.

        None stands for a missing or unreadable record. Doubtful: no record, not live, delivered by
        *now_ms*, a time before *oldest_ms* or after *newest_ms*, or a suspect one. The caller looks
        at the doubtful ones only: in the usual case none of the checks runs in Python.
        """
        cdef list ticks = [], doubtful = []
        cdef Py_ssize_t i
        cdef Tick tick
        if not issubclass(kind, Tick):
            raise TypeError(f"{kind} is not a subclass of Tick")
        if len(symbols) != self.count or not self._is_read():
            raise ValueError("the symbols are not those of the request")
        # One pass in C over all records; the caller handles the few doubtful ones.
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
                or tick.packed.flags & FLAG_TIME_SUSPECT
            ):
                doubtful.append(i)
            ticks.append(tick)
        return ticks, doubtful

    def is_unreadable(self, Py_ssize_t index):
        """Whether the value at *index* is not a record of this version."""
        return 0 <= index < self.count and self.states[index] == UNREADABLE

    def record(self, Py_ssize_t index):
        """Return the packed record at *index* as it was read, or None."""
        if not 0 <= index < self.count or self.states[index] != HELD:
            return None
        return PyBytes_FromStringAndSize(<const char*>self.records + index * RECORD_SIZE, RECORD_SIZE)

    def fill(self, numbers not None, heads not None, uint32_t epoch, live_conns):
        """Write all records column by column and return the number of records.

        *numbers* takes one row of float64 for each of `model.NUMBERS`, *heads* one row of int64 for
        each of `model.HEAD_ROWS` (held and live are 0 or 1). Without a record, the numbers are NaN
        and the heads 0.
        """
        cdef Py_buffer n, h
        cdef Py_ssize_t i, count = 0
        cdef Record packed
        # Column by column into memory of the caller (numpy arrays), without a Python object.
        PyObject_GetBuffer(numbers, &n, PyBUF_SIMPLE | PyBUF_WRITABLE)
        try:
            PyObject_GetBuffer(heads, &h, PyBUF_SIMPLE | PyBUF_WRITABLE)
            try:
                if n.len != self.count * NUMBER_COUNT * 8 or h.len != self.count * HEAD_ROW_COUNT * 8:
                    raise ValueError("the columns do not have the size of the reply")
                for i in range(self.count):
                    self._load(i, &packed)
                    _spread(&packed, i, self.count, <double*>n.buf)
                    count += self.states[i] == HELD
                    self._heads(&packed, i, <int64_t*>h.buf, epoch, live_conns)
                return count
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
            for row in range(HEAD_ROW_COUNT):
                out[row * n + i] = 0
            return 0
        out[ROW_HELD * n + i] = 1
        out[ROW_LIVE * n + i] = _is_live(packed, epoch, live_conns)
        out[ROW_TS_MS * n + i] = packed.ts_ms
        out[ROW_RT_MS * n + i] = packed.rt_ms
        out[ROW_EXPIRY_MS * n + i] = packed.expiry_ms
        out[ROW_SEQUENCE * n + i] = packed.sequence
        out[ROW_FLAGS * n + i] = packed.flags
        out[ROW_CONN * n + i] = packed.conn
        return 0

    cdef Py_ssize_t _head(self, const uint8_t* at, const uint8_t* end) except -1:
        cdef Py_ssize_t size = 0, part
        cdef int64_t value = 0
        if at >= end:
            return 0
        if at[0] == b"-":
            self.error = read_reply(at, end, &part)
            self.refused = part > 0
            return part
        part = scan_line(at + 1, end, &size)
        if part == 0:
            return 0
        if at[0] != b"*" or part < 0 or scan_integer(at + 1, size, &value) or value != self.count:
            raise StoreError(f"not the records of the request: {clipped(at, end)!r}")
        self.read = 0
        return part + 1

    cdef Py_ssize_t _element(self, const uint8_t* at, const uint8_t* end) except -1:
        cdef Py_ssize_t size = 0, part
        cdef int64_t value = 0
        if self.skipped:
            return self._skip_element(at, end)
        # Nearly every element is a whole record: compare its first line instead of parsing it.
        if end - at >= ELEMENT_SIZE and memcmp(at, RECORD_LENGTH, LENGTH_SIZE) == 0:
            if at[ELEMENT_SIZE - 2] == 13 and at[ELEMENT_SIZE - 1] == 10:
                self._hold(at + LENGTH_SIZE)
                return ELEMENT_SIZE
        if at >= end:
            return 0
        part = scan_line(at + 1, end, &size)
        if part == 0:
            return 0
        if at[0] != b"$" or part < 0 or scan_integer(at + 1, size, &value) or value < -1:
            raise StoreError(f"not RESP: {clipped(at, end)!r}")
        if value < 0:
            self.states[self.read] = NONE
            self.read += 1
            return part + 1
        if value > BULK_MAX:
            raise StoreError(f"not RESP: {clipped(at, end)!r}")
        # Another program's value. It is skipped as it arrives, since it may be larger than the read
        # buffer, and its symbol alone is unreadable.
        if value != RECORD_SIZE:
            self.skipped = value + 2
            return part + 1
        if end - at < part + 1 + value + 2:
            return 0
        if at[part + 1 + value] != 13 or at[part + 2 + value] != 10:
            raise StoreError(f"not RESP: {clipped(at, end)!r}")
        self._hold(at + 1 + part)
        return part + 1 + value + 2

    cdef Py_ssize_t _skip(self, const uint8_t* at, const uint8_t* end) except -1:
        """Skip the part of a value that has arrived; `skipped` is 0 behind its CRLF."""
        cdef Py_ssize_t part = min(end - at, self.skipped - 2)
        if part > 0:
            self.skipped -= part
            return part
        if end - at < 2:
            return 0
        if at[0] != 13 or at[1] != 10:
            raise StoreError(f"not RESP: {clipped(at, end)!r}")
        self.skipped = 0
        return 2

    cdef Py_ssize_t _skip_element(self, const uint8_t* at, const uint8_t* end) except -1:
        cdef Py_ssize_t size = self._skip(at, end)
        if not self.skipped:
            self.states[self.read] = UNREADABLE
            self.read += 1
        return size

    cdef Py_ssize_t _skip_other(self, const uint8_t* at, const uint8_t* end) except -1:
        """Skip the next part of a too large reply: a line, or the part of a value that arrived."""
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
            raise StoreError(f"not RESP: {clipped(at, end)!r}")
        if at[0] != b"+" and at[0] != b"-" and scan_integer(at + 1, size, &value):
            raise StoreError(f"not RESP: {clipped(at, end)!r}")
        if at[0] == b"$" and -1 <= value <= BULK_MAX:
            self.skipped = value + 2 if value >= 0 else 0
        elif at[0] == b"$" or at[0] == b"*" and not -1 <= value <= COUNT_MAX:
            raise StoreError(f"not RESP: {clipped(at, end)!r}")
        if not self.skipped:
            self._end_skipped(value if at[0] == b"*" and value > 0 else 0)
        return part + 1

    cdef int _end_skipped(self, int64_t elements) except -1:
        """Count one reply less to skip, and its *elements* more."""
        self.replies_skipped += elements - 1
        # A hostile reply could announce more elements than will ever arrive.
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
            raise StoreError(f"not RESP: {clipped(at, end)!r}")
        # Larger than half a read buffer: skip it, so that the read of all records goes on.
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
