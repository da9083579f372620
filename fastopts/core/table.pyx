"""Symbol -> slot: newest wins, provenance, the counters of the loss equations, who is dirty.

    received = applied + older + rejected        applied = written + conflated + pending

The slots are plain C structs in memory of this class; `pure.Table` states the rules readably. A
message's walk, from a socket's buffer to its slot, makes no Python object.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.conversion cimport PyOS_string_to_double
from libc.math cimport NAN
from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memmove, memset

from fastopts import keys, metrics, model
from fastopts.core import pure

from fastopts.core.frames cimport plain_frame
from fastopts.core.record cimport Record
from fastopts.core.ticker cimport TAKEN, load, scan

cdef extern from *:
    """
    #if defined(__GNUC__)
    #define fastopts_prefetch(at) __builtin_prefetch(at)
    #else
    #define fastopts_prefetch(at) ((void)(at))
    #endif
    """
    void prefetch "fastopts_prefetch"(const void* at) noexcept nogil

cdef tuple REASONS = pure.REASONS
cdef int DELTA_WITHOUT_BASE = pure.REASONS.index("delta_without_base")
cdef Py_ssize_t UNKNOWN_NAMES_MAX = pure.UNKNOWN_NAMES_MAX
cdef int64_t NO_SEQUENCE = model.NO_SEQUENCE
cdef int64_t NO_LAG = (<int64_t>1 << 62)
cdef int64_t TIME_AHEAD_MAX = model.TIME_AHEAD_MAX_MS
cdef int64_t TIME_BEHIND_MAX = model.TIME_BEHIND_MAX_MS
cdef uint8_t RECORD_VERSION = model.RECORD_VERSION

assert sizeof(Record) == RECORD_SIZE == model.RECORD.size
assert len(model.NUMBERS) == NUMBER_COUNT and len(REASONS) <= 16
assert len(metrics.AGE_BOUNDS_MS) == AGE_BOUND_COUNT

cdef double[23] POWERS_OF_TEN
cdef int _power
for _power in range(23):
    POWERS_OF_TEN[_power] = float(10**_power)

cdef int64_t[AGE_BOUND_COUNT] AGE_BOUNDS
AGE_BOUNDS[:] = metrics.AGE_BOUNDS_MS


cdef void count_age(Ages* ages, int64_t age_ms) noexcept nogil:
    cdef int i = 0
    if age_ms < 0:
        age_ms = 0
    while i < AGE_BOUND_COUNT and age_ms > AGE_BOUNDS[i]:
        i += 1
    ages.counts[i] += 1
    ages.sum_ms += age_ms


cdef histogram(const Ages* ages):
    cdef int i
    counts = [ages.counts[i] for i in range(AGE_BOUND_COUNT + 1)]
    return metrics.Histogram(metrics.AGE_BOUNDS_MS, counts, ages.sum_ms)


cdef double to_double(const uint8_t* text, Py_ssize_t size) noexcept:
    """The double nearest to a finite decimal of at most TEXT_MAX characters."""
    cdef uint64_t digits = 0
    cdef int scale = 0
    cdef bint negative = text[0] == b"-", after_point = False
    cdef Py_ssize_t i
    cdef double value
    cdef char whole[TEXT_MAX + 1]
    for i in range(negative, size):
        if b"0" <= text[i] <= b"9" and digits < 900719925474099 and scale < 22:
            digits = digits * 10 + (text[i] - <uint8_t>b"0")
            scale += after_point
        elif text[i] == b"." and not after_point:
            after_point = True
        else:
            memcpy(whole, text, size)
            whole[size] = 0
            return PyOS_string_to_double(whole, NULL, NULL)
    # Exact digits (under 2**53) over an exact power of ten: one rounding, so the nearest double.
    value = digits / POWERS_OF_TEN[scale]
    return -value if negative else value


cdef Py_ssize_t write_integer(int64_t value, uint8_t* out) noexcept nogil:
    """Write *value*, at most 20 characters; return how many."""
    cdef uint8_t digits[20]
    cdef Py_ssize_t count = 0, size = 0
    cdef uint64_t rest = <uint64_t>value
    if value < 0:
        out[0] = b"-"
        size, rest = 1, 0 - rest            # also right for the one that has no positive
    while True:
        digits[count] = <uint8_t>(48 + rest % 10)
        count += 1
        rest //= 10
        if not rest:
            break
    while count:
        count -= 1
        out[size] = digits[count]
        size += 1
    return size


cdef int bits(uint32_t word) noexcept nogil:
    """How many bits of *word* are set."""
    cdef int count = 0
    while word:
        word &= word - 1
        count += 1
    return count


cdef inline uint64_t hash_of(const uint8_t* symbol, Py_ssize_t size) noexcept nogil:
    cdef uint64_t mixed = <uint64_t>size, word
    while size >= 8:
        memcpy(&word, symbol, 8)
        mixed = (mixed ^ word) * 0x9E3779B97F4A7C15u
        mixed ^= mixed >> 32
        symbol += 8
        size -= 8
    if size:
        word = 0
        memcpy(&word, symbol, size)
        mixed = (mixed ^ word) * 0x9E3779B97F4A7C15u
        mixed ^= mixed >> 32
    return mixed


cdef inline void prefetch_slot(const Slot* slot) noexcept nogil:
    cdef size_t at = 0
    while at < sizeof(Slot):
        prefetch(<const uint8_t*>slot + at)
        at += 64


@cython.final
cdef class Table:
    """The slots of all symbols. See `pure.Table`, of which this is the compiled twin."""

    # Here and not in __init__, so that no instance exists without it and none is begun twice.
    def __cinit__(self, Grammar grammar not None):
        self.grammar = grammar
        self.delivering = set()
        self.samples = {}
        self.unknown_names = set()
        self.capacity = 512
        self.slots = <Slot**>PyMem_Malloc(self.capacity * sizeof(Slot*))
        self.buckets = <Slot**>calloc(2 * self.capacity, sizeof(Slot*))
        self.queue = <Slot**>PyMem_Malloc(2 * self.capacity * sizeof(Slot*))
        if not self.slots or not self.buckets or not self.queue:
            raise MemoryError

    def __dealloc__(self):
        cdef Py_ssize_t i
        for i in range(self.count):
            free(self.slots[i])
        PyMem_Free(self.slots)
        free(self.buckets)
        PyMem_Free(self.queue)

    def __len__(self):
        return self.count

    def __contains__(self, str symbol not None):
        cdef bytes raw = symbol.encode()
        return self.find(<const uint8_t*><const char*>raw, len(raw)) != NULL

    @property
    def dirty(self):
        """How many slots wait to be written."""
        return self.queue_size

    @property
    def rejected(self):
        """Rejected messages by reason."""
        return {reason: self.rejections[i] for i, reason in enumerate(REASONS)}

    @property
    def ages(self):
        """How old applied ticks were when they came, by the venue's clock."""
        return histogram(&self.age_counts)

    @property
    def waits(self):
        """How long ticks waited to be sent."""
        return histogram(&self.wait_counts)

    def add(self, str symbol not None, int64_t expiry_ms, double strike, str kind not None,
            str settle not None):
        """Give *symbol* a slot. Raises ValueError for a symbol unfit to become a key."""
        cdef bytes raw = symbol.encode()
        cdef bytes coin = settle.encode()
        cdef Slot* slot
        if not keys.is_symbol(symbol):
            raise ValueError(f"not a symbol: {symbol!r}")
        if kind not in ("C", "P") or len(coin) > 8:
            raise ValueError(f"not an option: {symbol} {kind!r} {settle!r}")
        slot = self.find(<const uint8_t*><const char*>raw, len(raw))
        if slot == NULL:
            slot = self._new_slot(raw)
        slot.retired = False
        slot.news = True
        slot.kind = ord(kind)
        memset(slot.settle, 0, 8)
        memcpy(slot.settle, <const char*>coin, len(coin))
        slot.expiry_ms = expiry_ms
        slot.strike = strike

    cdef Slot* _new_slot(self, bytes raw) except NULL:
        cdef Slot* slot
        if self.count == self.capacity:
            self._grow()
        slot = <Slot*>calloc(1, sizeof(Slot))
        if slot == NULL:
            raise MemoryError
        memcpy(slot.symbol, <const char*>raw, len(raw))
        slot.symbol_size = len(raw)
        slot.whole = True
        slot.sequence = NO_SEQUENCE
        self.slots[self.count] = slot
        self.count += 1
        self._place(slot)
        return slot

    def retire(self, str symbol not None):
        """Drop *symbol* once nothing of it waits to be written."""
        cdef Slot* slot = self.slot_of(symbol)
        slot.retired = True
        self.forget(slot)

    def inlet(self, uint32_t conn):
        """Where the messages of connection *conn* come in."""
        return Inlet(self, conn)

    def put_rest(self, str symbol not None, row, int64_t ts, int64_t rt):
        """Take a REST row (short name -> text); False when what is there is better.

        It never replaces a tick of a delivering conn, nor anything newer, and is counted nowhere.
        """
        cdef Slot* slot = self.slot_of(symbol)
        cdef Tick tick
        cdef bytes raw
        cdef int index
        if slot.filled:
            if not slot.flags & REST and slot.conn in self.delivering:
                return False
            if ts < slot.tm:
                return False
        tick.ts = ts
        tick.sequence = -1
        tick.present = 0
        for short, value in row.items():
            text = pure.decimal_text(value)
            if text is not None:
                index = model.NUMBER_INDEX[short]
                raw = text.encode("ascii")
                if len(raw) > TEXT_MAX:  # of a class of its own, which says what it likes
                    raise ValueError(f"not a decimal: {raw[:40]!r}")
                tick.present |= <uint32_t>1 << index
                tick.sizes[index] = len(raw)
                memcpy(tick.texts[index], <const char*>raw, len(raw))
        tick.seen = tick.present
        tick.is_delta = False
        slot = self.slot_of(symbol)  # the mapping's own code may have retired it
        if slot.unsent:
            slot.unsent = False
            self.conflated += 1
            self.pending -= 1
        self._fill(slot, &tick, 0, rt, REST | self._time_flag(ts, rt))
        self.enqueue(slot)
        return True

    def mark_suspect(self, str symbol not None):
        """Flag the tick held of *symbol*, for readers to refuse, until the next one is applied.

        False when there is none, or it is flagged already.
        """
        cdef Slot* slot = self.slot_of(symbol)
        if not slot.filled or slot.flags & (REST | SUSPECT):
            return False
        slot.flags |= SUSPECT
        slot.news = True
        self.suspects += 1
        self.suspects_now += 1
        self.enqueue(slot)
        return True

    def mark_whole(self, count=None):
        """Have the next *count* symbols of a rolling order (None: all) written whole, and as news.

        Somebody may have deleted their keys: then subscribers have not what stands there again.
        """
        cdef Py_ssize_t i, due = self.count if count is None else min(count, self.count)
        cdef Slot* slot
        if due < 0:
            raise ValueError(f"not a count: {count!r}")
        for i in range(due):
            slot = self.slots[(self.cursor + i) % self.count]
            if slot.filled:
                slot.whole = slot.news = True
                self.enqueue(slot)
        if due:
            self.cursor = (self.cursor + due) % self.count

    def release(self, symbol=None):
        """Let refused slots (or one) be written again; return how many those are."""
        cdef Py_ssize_t i, released = 0
        cdef Slot* only = NULL if symbol is None else self.slot_of(symbol)
        cdef Slot* slot
        for i in range(self.count):
            slot = self.slots[i]
            if slot.refused and (only == NULL or only == slot):
                slot.refused = False
                self.enqueue(slot)
                released += 1
        return released

    def reject(self, str reason not None, bytes message not None=b""):
        """Count *message* as received and rejected; the first one for a reason is kept."""
        self.received += 1
        self.rejections[<int>REASONS.index(reason)] += 1
        self._sample(reason, message)

    cdef int _sample(self, str reason, bytes message) except -1:
        if reason not in self.samples:
            self.samples[reason] = message[:pure.SAMPLE_SIZE]
        return 0

    cdef int _note_unknown(self, bytes message) except -1:
        cdef Py_ssize_t room = UNKNOWN_NAMES_MAX - len(self.unknown_names)
        fresh = dict.fromkeys(pure.unknown_names(message, self.grammar))
        self.unknown_names.update([n for n in fresh if n not in self.unknown_names][:room])
        return 0

    def origin_of(self, str symbol not None):
        """The conn that delivered the newest tick of *symbol* (0: none has), its time, and that at
        which it came, in ms."""
        cdef Slot* slot = self.slot_of(symbol)
        return slot.conn, slot.tm, slot.rt

    def flags_of(self, str symbol not None):
        """The flags (`model.FLAG_...`) of what is held of *symbol*."""
        return self.slot_of(symbol).flags

    def fields(self, str symbol not None):
        """The hash as it is to stand in Redis."""
        cdef Slot* slot = self.slot_of(symbol)
        cdef uint8_t origin[32]
        cdef Py_ssize_t size = self.origin(slot, origin)
        texts = {"tm": str(slot.tm), "rt": str(slot.rt)}
        if slot.sequence != NO_SEQUENCE:
            texts["sq"] = str(slot.sequence)
        for index, (short, _) in enumerate(model.NUMBERS):
            if slot.present >> <int>index & 1:
                texts[short] = (<const char*>slot.texts[<int>index])[
                    :slot.sizes[<int>index]
                ].decode("ascii")
        texts["ts"] = str(slot.tm // 1000)
        texts["cn"] = (<const char*>origin)[:size].decode("ascii")
        return texts

    def record(self, str symbol not None):
        """The packed record (`model.RECORD`) as it is to stand in Redis."""
        cdef Slot copy = self.slot_of(symbol)[0]
        cdef uint8_t out[RECORD_SIZE]
        self.pack(&copy, out)
        return (<const char*>out)[:RECORD_SIZE]

    cdef Slot* find(self, const uint8_t* symbol, Py_ssize_t size) noexcept nogil:
        cdef uint64_t mask = 2 * self.capacity - 1
        cdef uint64_t bucket = hash_of(symbol, size) & mask
        cdef Slot* slot = self.buckets[bucket]
        while slot != NULL:
            if slot.symbol_size == size and memcmp(slot.symbol, symbol, size) == 0:
                return slot
            bucket = (bucket + 1) & mask
            slot = self.buckets[bucket]
        return NULL

    cdef Slot* slot_of(self, str symbol) except NULL:
        cdef bytes raw = symbol.encode()
        cdef Slot* slot = self.find(<const uint8_t*><const char*>raw, len(raw))
        if slot == NULL:
            raise KeyError(symbol)
        return slot

    cdef void expect(self, const uint8_t* at, Py_ssize_t size) noexcept nogil:
        """Fetch the slot of a message that starts as most do, while the rest of it is read.

        Between two ticks of a symbol the caches are lost to others: its slot is some twenty misses.
        """
        cdef const uint8_t* symbol = at + self.grammar.opening_size
        cdef Py_ssize_t length = 0
        cdef Slot* slot
        if size < self.grammar.opening_size + SYMBOL_MAX + 1:
            return
        if memcmp(at, self.grammar.opening, self.grammar.opening_size) != 0:
            return
        while symbol[length] != b'"':
            length += 1
            if length > SYMBOL_MAX:
                return
        slot = self.buckets[hash_of(symbol, length) & (2 * self.capacity - 1)]
        if slot != NULL:
            prefetch_slot(slot)

    cdef Taken take(self, const Tick* tick, uint32_t conn, int64_t rt) noexcept nogil:
        """Apply *tick* under the order rules."""
        cdef Slot* slot = self.find(tick.symbol, tick.symbol_size)
        cdef uint16_t flags
        if slot == NULL or slot.retired:
            return STRANGER
        self.received += 1
        self.bad_fields += tick.bad_fields
        self.unknown_fields += tick.unknown_fields
        if tick.seen != ALL_NUMBERS and not tick.is_delta:
            self.missing_fields += bits(ALL_NUMBERS & ~tick.seen)
        self.deltas += tick.is_delta
        flags = self._time_flag(tick.ts, rt)
        if tick.is_delta:
            if not slot.filled or slot.flags & (REST | SUSPECT) or slot.conn != conn:
                self.rejections[DELTA_WITHOUT_BASE] += 1
                return BASELESS
            flags |= MERGED
        if slot.filled and not slot.flags & REST and self._is_older(tick.ts, rt, slot):
            self.older += 1
            return OLDER
        self.applied += 1
        if not flags & TIME_SUSPECT:
            count_age(&self.age_counts, rt + self.skew_ms - tick.ts)
        if slot.unsent:
            self.conflated += 1
        else:
            slot.unsent = True
            self.pending += 1
        self._fill(slot, tick, conn, rt, flags)
        self.enqueue(slot)
        return APPLIED

    cdef bint _is_older(self, int64_t ts, int64_t rt, const Slot* slot) noexcept nogil:
        if ts >= slot.tm:
            return False
        # A time that can't be right, by the clock of then or of now, blocks none that can.
        if slot.flags & TIME_SUSPECT or self._time_flag(slot.tm, rt):
            return self._time_flag(ts, rt) != 0
        return True

    cdef uint16_t _time_flag(self, int64_t ts, int64_t rt) noexcept nogil:
        cdef int64_t ahead = ts - (rt + self.skew_ms)
        return TIME_SUSPECT if ahead > TIME_AHEAD_MAX or -ahead > TIME_BEHIND_MAX else 0

    cdef void _fill(
        self, Slot* slot, const Tick* tick, uint32_t conn, int64_t rt, uint16_t flags
    ) noexcept nogil:
        cdef uint32_t changed = 0, present = tick.present, bit
        cdef int i
        cdef bint was_rest = slot.flags & REST, is_rest = flags & REST
        for i in range(NUMBER_COUNT):
            bit = <uint32_t>1 << i
            if present & bit:
                if (
                    not slot.present & bit
                    or slot.sizes[i] != tick.sizes[i]
                    or memcmp(slot.texts[i], tick.texts[i], tick.sizes[i]) != 0
                ):
                    changed |= bit
                    slot.sizes[i] = tick.sizes[i]
                    memcpy(slot.texts[i], tick.texts[i], TEXT_MAX)
            elif slot.present & bit:
                if tick.is_delta and not tick.seen & bit:
                    present |= bit
                else:
                    changed |= bit
        if not slot.filled:
            changed |= 1 << BIT_TS | 1 << BIT_TM | 1 << BIT_RT | 1 << BIT_CN
        if tick.ts != slot.tm:
            changed |= 1 << BIT_TM
            if tick.ts // 1000 != slot.tm // 1000:
                changed |= 1 << BIT_TS
        if rt != slot.rt:
            changed |= 1 << BIT_RT
        if tick.sequence != slot.sequence:
            changed |= 1 << BIT_SQ
        if was_rest != is_rest or conn != slot.conn:
            changed |= 1 << BIT_CN
        self.suspects_now -= slot.flags & SUSPECT != 0
        slot.filled = slot.news = True
        slot.present = present
        slot.changed |= changed
        slot.conn, slot.flags = conn, flags
        slot.tm, slot.rt, slot.sequence = tick.ts, rt, tick.sequence

    cdef void enqueue(self, Slot* slot) noexcept nogil:
        if slot.queued or slot.refused:
            return
        slot.queued = True
        self.queue[(self.queue_head + self.queue_size) & (2 * self.capacity - 1)] = slot
        self.queue_size += 1

    cdef Slot* dequeue(self) noexcept nogil:
        """The slot that waits longest; NULL when none does."""
        cdef Slot* slot
        if self.queue_size == 0:
            return NULL
        slot = self.queue[self.queue_head]
        if self.queue_size > 1:
            prefetch_slot(self.queue[(self.queue_head + 1) & (2 * self.capacity - 1)])
        self.queue_head = (self.queue_head + 1) & (2 * self.capacity - 1)
        self.queue_size -= 1
        slot.queued = False
        return slot

    cdef void unqueue(self, Slot* slot) noexcept nogil:
        cdef Py_ssize_t i, kept = 0, mask = 2 * self.capacity - 1
        cdef Slot* other
        for i in range(self.queue_size):
            other = self.queue[(self.queue_head + i) & mask]
            if other != slot:
                self.queue[(self.queue_head + kept) & mask] = other
                kept += 1
        self.queue_size = kept
        slot.queued = False

    cdef void forget(self, Slot* slot) noexcept nogil:
        """Free *slot* if it is retired and nothing of it is on the way."""
        cdef Py_ssize_t i = 0
        if not slot.retired or slot.queued or slot.in_flight or slot.unsent:
            return
        self.suspects_now -= slot.flags & SUSPECT != 0
        while self.slots[i] != slot:
            i += 1
        self.count -= 1
        memmove(&self.slots[i], &self.slots[i + 1], (self.count - i) * sizeof(Slot*))
        self._displace(slot)
        free(slot)

    cdef int _grow(self) except -1:
        cdef Py_ssize_t i, capacity = 2 * self.capacity
        cdef Slot** slots = <Slot**>PyMem_Realloc(self.slots, capacity * sizeof(Slot*))
        if slots == NULL:
            raise MemoryError
        self.slots = slots
        cdef Slot** buckets = <Slot**>calloc(2 * capacity, sizeof(Slot*))
        cdef Slot** queue = <Slot**>PyMem_Malloc(2 * capacity * sizeof(Slot*))
        if buckets == NULL or queue == NULL:
            free(buckets)
            PyMem_Free(queue)
            raise MemoryError
        for i in range(self.queue_size):
            queue[i] = self.queue[(self.queue_head + i) & (2 * self.capacity - 1)]
        PyMem_Free(self.queue)
        free(self.buckets)
        self.queue, self.queue_head, self.buckets, self.capacity = queue, 0, buckets, capacity
        for i in range(self.count):
            self._place(self.slots[i])
        return 0

    cdef void _place(self, Slot* slot) noexcept nogil:
        cdef uint64_t mask = 2 * self.capacity - 1
        cdef uint64_t bucket = hash_of(slot.symbol, slot.symbol_size) & mask
        while self.buckets[bucket] != NULL:
            bucket = (bucket + 1) & mask
        self.buckets[bucket] = slot

    cdef void _displace(self, Slot* slot) noexcept nogil:
        """Take *slot* out of the buckets; those of its run that follow are placed anew."""
        cdef uint64_t mask = 2 * self.capacity - 1
        cdef uint64_t bucket = hash_of(slot.symbol, slot.symbol_size) & mask
        cdef Slot* other
        while self.buckets[bucket] != slot:
            bucket = (bucket + 1) & mask
        self.buckets[bucket] = NULL
        bucket = (bucket + 1) & mask
        while self.buckets[bucket] != NULL:
            other = self.buckets[bucket]
            self.buckets[bucket] = NULL
            self._place(other)
            bucket = (bucket + 1) & mask

    cdef void pack(self, Slot* slot, uint8_t* out) noexcept:
        """Write the record, bringing the slot's stale numbers up to date."""
        cdef Record* record = <Record*>out
        cdef int i
        for i in range(NUMBER_COUNT):
            if not slot.present >> i & 1:
                slot.numbers[i] = NAN
            elif slot.changed >> i & 1:
                slot.numbers[i] = to_double(slot.texts[i], slot.sizes[i])
        record.version = RECORD_VERSION
        record.kind = slot.kind
        record.flags = slot.flags
        record.epoch = self.epoch
        record.ts_ms = slot.tm
        record.rt_ms = slot.rt
        record.sequence = slot.sequence
        record.conn = slot.conn
        record.padding = 0
        record.expiry_ms = slot.expiry_ms
        memcpy(record.settle, slot.settle, 8)
        record.strike = slot.strike
        memcpy(record.numbers, slot.numbers, sizeof(slot.numbers))

    cdef Py_ssize_t origin(self, const Slot* slot, uint8_t* out) noexcept nogil:
        """Write who delivered the tick (at most 32 characters); return how many."""
        cdef Py_ssize_t size
        if slot.flags & REST:
            memcpy(out, b"rest", 4)
            return 4
        size = write_integer(self.epoch, out)
        out[size] = b":"
        return size + 1 + write_integer(slot.conn, out + size + 1)


@cython.final
cdef class Inlet:
    """The way in for one connection; see `pure.Inlet`.

    `messages` counts its data messages, `applied` those that were taken into the table,
    `unreadable` the rejected ones since the last that could be read. What is not a ticker is left
    in `others`, a ticker of a symbol without a slot in `strangers`: the owner empties both.
    """

    def __cinit__(self, Table table not None, uint32_t conn):
        self.table = table
        self.conn = conn
        self.others = []
        self.strangers = []
        self.smallest_lag = self.newest_lag = NO_LAG

    def take_lags_ms(self):
        """How late the ticks since the last call came, by the venue's clock: the smallest lag, and
        the newest tick's; None for none. What is suspiciously far ahead counts as newest only."""
        cdef int64_t smallest = self.smallest_lag, newest = self.newest_lag
        self.smallest_lag = self.newest_lag = NO_LAG
        return None if smallest == NO_LAG else smallest, None if newest == NO_LAG else newest

    def scan(self, view, Py_ssize_t start, Py_ssize_t end, int64_t rt):
        """Take whole text frames from ``view[start:end]``.

        Returns the position behind the last one taken, inverted (``~position``) when what stands
        there is not a plain text frame and belongs to the protocol library.
        """
        cdef Py_buffer buffer
        cdef const uint8_t* base
        cdef const uint8_t* at
        cdef Py_ssize_t head, size = 0
        PyObject_GetBuffer(view, &buffer, PyBUF_SIMPLE)
        try:
            if not 0 <= start <= end <= buffer.len:
                raise ValueError(f"no such part of {buffer.len} bytes: {start}:{end}")
            base = <const uint8_t*>buffer.buf
            at = base + start
            while True:
                head = plain_frame(at, base + end, &size)
                if head <= 0:
                    return at - base if head == 0 else ~(at - base)
                self._take(at + head, size, rt)
                at += head + size
        finally:
            PyBuffer_Release(&buffer)

    def message(self, bytes payload not None, int64_t rt):
        """Take one text message."""
        self._take(<const uint8_t*><const char*>payload, len(payload), rt)

    cdef void _note_lag(self, int64_t ts, int64_t rt) noexcept nogil:
        cdef int64_t lag = rt + self.table.skew_ms - ts
        if lag > TIME_BEHIND_MAX:
            return                      # absurd: that says nothing of the way to us
        self.newest_lag = lag
        if -TIME_AHEAD_MAX <= lag < self.smallest_lag:
            self.smallest_lag = lag

    cdef int _take(self, const uint8_t* at, Py_ssize_t size, int64_t rt) except -1:
        cdef Tick tick
        self.table.expect(at, size)
        if scan(at, at + size, self.table.grammar, &tick) != TAKEN:
            return self._general((<const char*>at)[:size], rt)
        return self._apply(&tick, at, size, rt)

    cdef int _general(self, bytes payload, int64_t rt) except -1:
        cdef Tick tick
        cdef bytes symbol
        self.table.general += 1
        try:
            found = pure.parse(payload, self.table.grammar)
        except pure.Rejected as verdict:
            self.table.reject(verdict.reason, payload)
            self.unreadable += 1
            return 0
        if found is None:
            self.unreadable = 0
            self.others.append(payload)
            return 0
        load(found, &tick)
        symbol = found.symbol.encode("ascii")
        tick.symbol = <const uint8_t*><const char*>symbol
        tick.symbol_size = len(symbol)
        return self._apply(&tick, <const uint8_t*><const char*>payload, len(payload), rt)

    cdef int _apply(
        self, const Tick* tick, const uint8_t* at, Py_ssize_t size, int64_t rt
    ) except -1:
        """Bring to the table what the message ``at[:size]`` says."""
        cdef Taken taken = self.table.take(tick, self.conn, rt)
        self.unreadable = 0
        if taken == STRANGER:
            symbol = (<const char*>tick.symbol)[:tick.symbol_size].decode("ascii")
            self.strangers.append((symbol, (<const char*>at)[:size]))
            return 0
        self.messages += 1
        self.applied += taken == APPLIED
        self._note_lag(tick.ts, rt)
        if taken == BASELESS:
            self.table._sample("delta_without_base", (<const char*>at)[:size])
        if tick.unknown_fields:
            # Messages of one venue lack the same names: a look at the first that has more will do.
            if len(self.table.unknown_names) < min(tick.unknown_fields, UNKNOWN_NAMES_MAX):
                self.table._note_unknown((<const char*>at)[:size])
        return 0
