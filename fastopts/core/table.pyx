"""Symbol -> slot: order rules, provenance, the counters of the loss equations, dirty slots.

    received = applied + older + rejected        applied = written + conflated + pending

Slots are C structs that the table owns. A message on its way from the socket's buffer to its slot
makes no Python object. The pure twin, `pure.table`, states the rules readably.
"""

cimport cython
from cpython.buffer cimport PyBuffer_Release
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.conversion cimport PyOS_string_to_double
from libc.math cimport NAN
from libc.stdint cimport uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memmove, memset

from fastopts import keys, metrics, model
from fastopts.core.pure import table as pure
from fastopts.core.pure import ticker

from fastopts.core.buffers cimport borrow
from fastopts.core.frames cimport plain_frame
from fastopts.core.layout cimport (
    ALL_NUMBERS,
    BIT_CN,
    BIT_RT,
    BIT_SQ,
    BIT_TM,
    BIT_TS,
    FLAG_MERGED,
    FLAG_REST,
    FLAG_SUSPECT,
    FLAG_TIME_SUSPECT,
    NO_SEQUENCE,
    RECORD_SIZE,
    RECORD_VERSION,
)
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

cdef tuple REASONS = ticker.REASONS
cdef int DELTA_WITHOUT_BASE = ticker.REASONS.index("delta_without_base")
cdef Py_ssize_t UNKNOWN_NAMES_MAX = pure.UNKNOWN_NAMES_MAX
cdef int64_t NO_LAG = (<int64_t>1 << 62)
cdef int64_t TIME_AHEAD_MAX = model.TIME_AHEAD_MAX_MS
cdef int64_t TIME_BEHIND_MAX = model.TIME_BEHIND_MAX_MS

# A binary of another version beside these Python modules would read memory at wrong offsets.
if sizeof(Record) != RECORD_SIZE or RECORD_SIZE != model.RECORD.size:
    raise ImportError("the layout of records differs from the compiled one: build fastopts again")

cdef double[23] POWERS_OF_TEN
cdef int _power
for _power in range(23):
    POWERS_OF_TEN[_power] = float(10**_power)

cdef int64_t[AGE_BOUND_COUNT] AGE_BOUNDS
AGE_BOUNDS[:] = metrics.AGE_BOUNDS_MS


cdef void count_age(Ages* ages, int64_t age_ms) noexcept nogil:
    # A linear search: most ages are below the third bound. Negative ones come from clocks that
    # disagree.
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
    """Return the double nearest to a finite decimal of at most TEXT_MAX characters.

    Up to 15 digits over a power of ten up to 10**22 are exact in doubles, so that one division gives
    the correctly rounded result (Clinger's fast path). Other texts go to Python's parser.
    """
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
    value = digits / POWERS_OF_TEN[scale]
    return -value if negative else value


cdef Py_ssize_t write_integer(int64_t value, uint8_t* out) noexcept nogil:
    """Write *value* in at most 20 characters; return their number."""
    cdef uint8_t digits[20]
    cdef Py_ssize_t count = 0, size = 0
    cdef uint64_t rest = <uint64_t>value
    if value < 0:
        out[0] = b"-"
        size, rest = 1, 0 - rest            # also correct for the smallest integer
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


cdef inline uint64_t hash_of(const uint8_t* symbol, Py_ssize_t size) noexcept nogil:
    # Eight bytes at a time: symbols are longer than field names and differ anywhere. Not keyed:
    # only symbols that the venue lists get a slot, so nobody can flood the table with collisions.
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
    """The slots of all symbols; the pure twin, `pure.Table`, documents the attributes."""

    # Not in __init__: __new__ alone would leave None where code reads memory, and a second __init__
    # would replace a table whose slots are in use.
    def __cinit__(self, Grammar grammar not None):
        self.grammar = grammar
        self.delivering = set()
        self.samples = {}
        self.unknown_names = set()
        self.capacity = 512         # a power of two, for the masks; grows with the universe
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

    def __iter__(self):
        """Iterate over the symbols, without those that are retired."""
        cdef Py_ssize_t i
        return iter([
            (<const char*>self.slots[i].symbol)[:self.slots[i].symbol_size].decode("ascii")
            for i in range(self.count)
            if not self.slots[i].retired
        ])

    @property
    def dirty(self):
        """The number of slots that wait to be written."""
        return self.queue_size

    @property
    def rejected(self):
        """Rejected messages by reason."""
        return {reason: self.rejections[i] for i, reason in enumerate(REASONS)}

    @property
    def ages(self):
        """Histogram of the ages of applied ticks on arrival, by the venue's clock."""
        return histogram(&self.age_counts)

    @property
    def waits(self):
        """Histogram of the times that ticks waited to be sent."""
        return histogram(&self.wait_counts)

    def add(self, str symbol not None, int64_t expiry_ms, double strike, str kind not None,
            str settle not None):
        """Give *symbol* a slot. Raises ValueError for a symbol that cannot become a key."""
        cdef bytes raw = symbol.encode()
        cdef bytes coin = settle.encode()
        cdef Slot* slot
        if not keys.is_symbol(symbol):
            raise ValueError(f"not a symbol: {symbol!r}")
        if kind not in ("C", "P") or len(coin) > COIN_MAX:
            raise ValueError(f"not an option: {symbol} {kind!r} {settle!r}")
        slot = self.find(<const uint8_t*><const char*>raw, len(raw))
        if slot == NULL:
            slot = self._new_slot(raw)
        slot.retired = False
        slot.unannounced = True
        slot.kind = ord(kind)
        memset(slot.settle, 0, COIN_MAX)
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
        # Allocated one by one: batches hold pointers to slots while the table grows.
        memcpy(slot.symbol, <const char*>raw, len(raw))
        slot.symbol_size = len(raw)
        slot.whole = True
        slot.sequence = NO_SEQUENCE
        self.slots[self.count] = slot
        self.count += 1
        self._place(slot)
        return slot

    def retire(self, str symbol not None):
        """Drop *symbol* as soon as nothing of it waits to be written."""
        cdef Slot* slot = self.slot_of(symbol)
        slot.retired = True
        self.forget(slot)

    def inlet(self, uint32_t conn):
        """Return the entry point for the messages of connection *conn*."""
        return Inlet(self, conn)

    def put_rest(self, str symbol not None, row, int64_t ts, int64_t rt):
        """Apply a REST row (field of the hash -> text); return False if the slot holds better data.

        A row never replaces a tick of a delivering connection, nor anything newer, and counts in
        neither loss equation.
        """
        cdef Slot* slot = self.slot_of(symbol)
        cdef TickerMessage message
        cdef bytes raw
        cdef int index
        if slot.filled:
            if not slot.flags & FLAG_REST and slot.conn in self.delivering:
                return False
            if ts < slot.tm:
                return False
        message.ts = ts
        message.sequence = -1
        message.present = 0
        for short, value in row.items():
            text = ticker.decimal_text(value)
            if text is not None:
                index = model.NUMBER_INDEX[short]
                raw = text.encode("ascii")
                if len(raw) > TEXT_MAX:  # a subclass of str can encode to anything
                    raise ValueError(f"not a decimal: {raw[:40]!r}")
                message.present |= <uint32_t>1 << index
                message.sizes[index] = len(raw)
                memcpy(message.texts[index], <const char*>raw, len(raw))
        message.seen = message.present
        message.is_delta = False
        slot = self.slot_of(symbol)  # again: code of the mapping may have retired the symbol
        if slot.unsent:
            slot.unsent = False
            self.conflated += 1
            self.pending -= 1
        self._fill(slot, &message, 0, rt, FLAG_REST | self._time_flag(ts, rt))
        if self.amended is not None:
            self.amended.add(symbol)
        self.enqueue(slot)
        return True

    def restore(self, str symbol not None, bytes record not None):
        """Give *symbol* a slot with the tick of a packed *record*, which `record` returns again.

        Nothing is queued, and no counter of the loss equations changes. Texts are the shortest ones
        of the numbers. Raises ValueError for a record of another size or version.
        """
        cdef const Record* packed = <const Record*><const char*>record
        cdef Slot* slot
        cdef bytes text
        cdef int i
        if len(record) != RECORD_SIZE or packed.version != RECORD_VERSION:
            raise ValueError(f"not a record: {symbol}, {len(record)} bytes")
        settle = (<const char*>packed.settle)[:COIN_MAX].rstrip(b"\0").decode("ascii")
        self.add(symbol, packed.expiry_ms, packed.strike, chr(packed.kind), settle)
        slot = self.slot_of(symbol)
        self.suspects_now += packed.flags & FLAG_SUSPECT != 0
        self.suspects_now -= slot.flags & FLAG_SUSPECT != 0
        slot.present = 0
        for i in range(NUMBER_COUNT):
            slot.numbers[i] = packed.numbers[i]
            if slot.numbers[i] == slot.numbers[i]:      # not NaN, which is absent
                slot.present |= <uint32_t>1 << i
                text = repr(slot.numbers[i]).encode("ascii")
                slot.sizes[i] = len(text)               # of a double, at most 24
                memcpy(slot.texts[i], <const char*>text, len(text))
        slot.changed &= ~<uint32_t>ALL_NUMBERS          # the cached numbers are right
        slot.conn, slot.flags = packed.conn, packed.flags
        slot.tm, slot.rt, slot.sequence = packed.ts_ms, packed.rt_ms, packed.sequence
        slot.filled = True

    def mark_suspect(self, str symbol not None):
        """Flag the tick of *symbol* so that readers refuse it until the next one is applied.

        Returns False if there is no tick, or it is flagged already.
        """
        cdef Slot* slot = self.slot_of(symbol)
        if not slot.filled or slot.flags & (FLAG_REST | FLAG_SUSPECT):
            return False
        slot.flags |= FLAG_SUSPECT
        slot.unannounced = True
        self.suspects += 1
        self.suspects_now += 1
        if self.amended is not None:
            self.amended.add(symbol)
        self.enqueue(slot)
        return True

    def mark_whole(self, count=None):
        """Have the next *count* symbols (None: all), in a rolling order, written whole.

        They are announced, too: if another program deleted their keys, subscribers may have missed
        them until now.
        """
        cdef Py_ssize_t i, due = self.count if count is None else min(count, self.count)
        cdef Slot* slot
        if due < 0:
            raise ValueError(f"not a count: {count!r}")
        for i in range(due):
            slot = self.slots[(self.cursor + i) % self.count]
            if slot.filled:
                slot.whole = slot.unannounced = True
                self.enqueue(slot)
        if due:
            self.cursor = (self.cursor + due) % self.count

    def release(self, symbol=None):
        """Let refused slots (or the one of *symbol*) be written again; return their number."""
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
        """Count *message* as received and rejected; the first one of each reason is kept."""
        self.received += 1
        self.rejections[<int>REASONS.index(reason)] += 1
        self.sample(reason, message)

    cdef int sample(self, str reason, bytes message) except -1:
        if reason not in self.samples:
            self.samples[reason] = message[:pure.SAMPLE_SIZE]
        return 0

    cdef int note_unknown(self, bytes message) except -1:
        cdef Py_ssize_t space = UNKNOWN_NAMES_MAX - len(self.unknown_names)
        names = dict.fromkeys(ticker.unknown_names(message, self.grammar))
        self.unknown_names.update([n for n in names if n not in self.unknown_names][:space])
        return 0

    def origin_of(self, str symbol not None):
        """Return the newest tick's connection (0: none), exchange time and receive time in ms."""
        cdef Slot* slot = self.slot_of(symbol)
        return slot.conn, slot.tm, slot.rt

    def flags_of(self, str symbol not None):
        """Return the flags (`model.FLAG_...`) of the newest tick of *symbol*."""
        return self.slot_of(symbol).flags

    def fields(self, str symbol not None):
        """Return the hash of *symbol* as Redis should hold it."""
        cdef Slot* slot = self.slot_of(symbol)
        cdef uint8_t origin[32]
        cdef Py_ssize_t size = self.origin(slot, origin)
        names = model.HASH_FIELDS
        texts = {names[BIT_TM]: str(slot.tm), names[BIT_RT]: str(slot.rt)}
        if slot.sequence != NO_SEQUENCE:
            texts[names[BIT_SQ]] = str(slot.sequence)
        for index, (short, _) in enumerate(model.NUMBERS):
            if slot.present >> <int>index & 1:
                texts[short] = (<const char*>slot.texts[<int>index])[
                    :slot.sizes[<int>index]
                ].decode("ascii")
        texts[names[BIT_TS]] = str(slot.tm // 1000)
        texts[names[BIT_CN]] = (<const char*>origin)[:size].decode("ascii")
        return texts

    def record(self, str symbol not None):
        """Return the packed record (`model.RECORD`) of *symbol* as Redis should hold it."""
        # A copy: packing marks nothing as written and must not touch the slot's cached numbers.
        cdef Slot copy = self.slot_of(symbol)[0]
        cdef uint8_t out[RECORD_SIZE]
        self.pack(&copy, out)
        return (<const char*>out)[:RECORD_SIZE]

    cdef Slot* find(self, const uint8_t* symbol, Py_ssize_t size) noexcept nogil:
        # Linear probing at a load of at most one half: nearly always the first bucket.
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
        """Prefetch the slot of a message that begins like most of them, while it is being parsed.

        Between two ticks of a symbol, other code evicts its slot from the caches: without this,
        applying the tick would wait for some twenty cache misses.
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

    cdef Outcome take(self, const TickerMessage* message, uint32_t conn, int64_t rt) noexcept nogil:
        """Apply *message* under the order rules: the newest exchange time wins, equal ones, too."""
        cdef Slot* slot = self.find(message.symbol, message.symbol_size)
        cdef uint16_t flags
        if slot == NULL or slot.retired:
            return UNKNOWN_SYMBOL
        self.received += 1
        self.bad_fields += message.bad_fields
        self.unknown_fields += message.unknown_fields
        if message.seen != ALL_NUMBERS and not message.is_delta:
            self.missing_fields += count_bits(ALL_NUMBERS & ~message.seen)
        self.deltas += message.is_delta
        flags = self._time_flag(message.ts, rt)
        if message.is_delta:
            if not slot.filled or slot.flags & (FLAG_REST | FLAG_SUSPECT) or slot.conn != conn:
                self.rejections[DELTA_WITHOUT_BASE] += 1
                return WITHOUT_BASE
            flags |= FLAG_MERGED
        if slot.filled and not slot.flags & FLAG_REST and self._is_older(message.ts, rt, slot):
            self.older += 1
            return OLDER
        self.applied += 1
        if not flags & FLAG_TIME_SUSPECT:
            count_age(&self.age_counts, rt + self.skew_ms - message.ts)
        if slot.unsent:
            self.conflated += 1
        else:
            slot.unsent = True
            self.pending += 1
        self._fill(slot, message, conn, rt, flags)
        self.enqueue(slot)
        return APPLIED

    cdef bint _is_older(self, int64_t ts, int64_t rt, const Slot* slot) noexcept nogil:
        if ts >= slot.tm:
            return False
        # A suspect time, by the clock of its arrival or by today's, must not block plausible ones:
        # what a wrong clock let in would be kept until the venue's time passes it.
        if slot.flags & FLAG_TIME_SUSPECT or self._time_flag(slot.tm, rt):
            return self._time_flag(ts, rt) != 0
        return True

    cdef uint16_t _time_flag(self, int64_t ts, int64_t rt) noexcept nogil:
        cdef int64_t ahead = ts - (rt + self.skew_ms)
        return FLAG_TIME_SUSPECT if ahead > TIME_AHEAD_MAX or -ahead > TIME_BEHIND_MAX else 0

    cdef void _fill(
        self, Slot* slot, const TickerMessage* message, uint32_t conn, int64_t rt, uint16_t flags
    ) noexcept nogil:
        cdef uint32_t changed = 0, present = message.present, bit
        cdef int i
        cdef bint was_rest = slot.flags & FLAG_REST, is_rest = flags & FLAG_REST
        for i in range(NUMBER_COUNT):
            bit = <uint32_t>1 << i
            if present & bit:
                # Texts are compared, not numbers: the hash keeps the venue's own spelling, and a
                # field is written only if it differs.
                if (
                    not slot.present & bit
                    or slot.sizes[i] != message.sizes[i]
                    or memcmp(slot.texts[i], message.texts[i], message.sizes[i]) != 0
                ):
                    changed |= bit
                    slot.sizes[i] = message.sizes[i]
                    memcpy(slot.texts[i], message.texts[i], TEXT_MAX)
            elif slot.present & bit:
                if message.is_delta and not message.seen & bit:
                    present |= bit
                else:
                    changed |= bit
        if not slot.filled:
            changed |= 1 << BIT_TS | 1 << BIT_TM | 1 << BIT_RT | 1 << BIT_CN
        if message.ts != slot.tm:
            changed |= 1 << BIT_TM
            if message.ts // 1000 != slot.tm // 1000:
                changed |= 1 << BIT_TS
        if rt != slot.rt:
            changed |= 1 << BIT_RT
        if message.sequence != slot.sequence:
            changed |= 1 << BIT_SQ
        if was_rest != is_rest or conn != slot.conn:
            changed |= 1 << BIT_CN
        self.suspects_now -= slot.flags & FLAG_SUSPECT != 0
        slot.filled = slot.unannounced = True
        slot.present = present
        slot.changed |= changed
        slot.conn, slot.flags = conn, flags
        slot.tm, slot.rt, slot.sequence = message.ts, rt, message.sequence

    cdef void enqueue(self, Slot* slot) noexcept nogil:
        if slot.queued or slot.refused:
            return
        slot.queued = True
        self.queue[(self.queue_head + self.queue_size) & (2 * self.capacity - 1)] = slot
        self.queue_size += 1

    cdef Slot* dequeue(self) noexcept nogil:
        """Return the slot that has waited longest; NULL: the queue is empty."""
        cdef Slot* slot
        if self.queue_size == 0:
            return NULL
        slot = self.queue[self.queue_head]
        # The next slot of the batch is fetched while this one is encoded.
        if self.queue_size > 1:
            prefetch_slot(self.queue[(self.queue_head + 1) & (2 * self.capacity - 1)])
        self.queue_head = (self.queue_head + 1) & (2 * self.capacity - 1)
        self.queue_size -= 1
        slot.queued = False
        return slot

    cdef void unqueue(self, Slot* slot) noexcept nogil:
        cdef Py_ssize_t i, count = 0, mask = 2 * self.capacity - 1
        cdef Slot* other
        for i in range(self.queue_size):
            other = self.queue[(self.queue_head + i) & mask]
            if other != slot:
                self.queue[(self.queue_head + count) & mask] = other
                count += 1
        self.queue_size = count
        slot.queued = False

    cdef void forget(self, Slot* slot) noexcept nogil:
        """Free *slot* if it is retired and nothing of it is queued, unsent or in flight."""
        cdef Py_ssize_t i = 0
        # A batch in flight still points at the slot.
        if not slot.retired or slot.queued or slot.in_flight or slot.unsent:
            return
        self.suspects_now -= slot.flags & FLAG_SUSPECT != 0
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
        """Take *slot* out of the buckets and re-insert those behind it in its run."""
        # Without tombstones: options expire every day, and tombstones would fill the table.
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
        """Write the record; converts the texts that changed since the last one."""
        # Most numbers of a tick have not changed, so the slot caches the doubles.
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
        memcpy(record.settle, slot.settle, COIN_MAX)
        record.strike = slot.strike
        memcpy(record.numbers, slot.numbers, sizeof(slot.numbers))

    cdef Py_ssize_t origin(self, const Slot* slot, uint8_t* out) noexcept nogil:
        """Write the value of the field `cn` (at most 32 characters); return its length."""
        cdef Py_ssize_t size
        if slot.flags & FLAG_REST:
            memcpy(out, b"rest", 4)
            return 4
        size = write_integer(self.epoch, out)
        out[size] = b":"
        return size + 1 + write_integer(slot.conn, out + size + 1)


# In the same module, so that the C compiler can inline the way of a message from scan to slot; in a
# file of its own for its readers.
include "inlet.pxi"
