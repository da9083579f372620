"""Dirty slots -> Redis commands in one buffer, and the accounting of their replies.

For each slot: one HSET of the changed fields (in a MULTI with an HDEL if fields were removed) and
one SET of the packed record. A slot that is written whole gets an expiry as well, once its key is
known to be ours. Behind all of them, while publishing is on, announcements carry the changed
records: in the same buffer, so that a record is readable before it is announced, and nothing is
packed twice. The pure twin is `pure.batch`.
"""

cimport cython
from cpython.buffer cimport PyBuffer_Release
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.mem cimport PyMem_Free, PyMem_Realloc
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy

from fastopts import keys, model
from fastopts.core.pure import batch as pure
from fastopts.errors import StoreError

from fastopts.core.buffers cimport borrow
from fastopts.core.layout cimport (
    ALL_BITS,
    BIT_CN,
    BIT_RT,
    BIT_SQ,
    BIT_TM,
    BIT_TS,
    FIELD_COUNT,
    NUMBER_COUNT,
    RECORD_SIZE,
    TEXT_MAX,
    UPDATE_BYTES_MAX,
    UPDATE_VERSION,
)
from fastopts.core.reply cimport Reply, clipped, error_text, scan_reply
from fastopts.core.table cimport Slot, Table, count_age, count_bits, write_integer

cdef enum:
    # Upper bounds, so that space is reserved once for a slot and once for an announcement, and
    # nothing is checked in between.
    SLOT_BYTES_MAX = 4096       # commands of one slot: all fields set or removed, and a record
    PUBLISH_BYTES_MAX = 128     # of a PUBLISH without its message: twice the longest channel name
    NAME_BYTES = 15             # of a field's name as a bulk string, or of a length

cdef int64_t TTL_MIN_S = keys.TTL_MIN_S
cdef int64_t TTL_MAX_MS = keys.TTL_MAX_MS
cdef int64_t TTL_AFTER_DELIVERY_MS = keys.TTL_AFTER_DELIVERY_MS
cdef int64_t TTL_RENEW_MS = keys.TTL_RENEW_MS

# A field's name encoded as a bulk string, or the first line of one. Copied with a constant size,
# which is a single vector move; the bytes behind are overwritten by the next field.
cdef struct Name:
    uint8_t size
    uint8_t text[NAME_BYTES]

cdef int[FIELD_COUNT] WRITE_ORDER
cdef Name[FIELD_COUNT] NAMES
cdef Name[TEXT_MAX + 1] LENGTHS         # "$n\r\n" by n
cdef Name RECORD_LENGTH                 # "$256\r\n"

# Fields that change with every tick come first: Redis searches a small hash from its start.
WRITE_ORDER[:] = [BIT_TM, BIT_RT, BIT_SQ, *range(NUMBER_COUNT), BIT_TS, BIT_CN]


cdef int _set_name(Name* name, bytes raw) except -1:
    if len(raw) > NAME_BYTES:
        raise ValueError(f"too long: {raw!r}")
    name.size = len(raw)
    memcpy(name.text, <const char*>raw, len(raw))
    return 0


def _set_names():
    for bit, short in enumerate(model.HASH_FIELDS):
        _set_name(&NAMES[<int>bit], b"$%d\r\n%b\r\n" % (len(short), short.encode()))
    for size in range(TEXT_MAX + 1):
        _set_name(&LENGTHS[<int>size], b"$%d\r\n" % size)
    _set_name(&RECORD_LENGTH, b"$%d\r\n" % RECORD_SIZE)


_set_names()

cdef bytes OPTION = keys.OPTION.encode()
cdef bytes RECORD = keys.RECORD.encode()

# The head of an announcement in C; `model.UPDATE_HEAD` defines the layout.
cdef packed struct UpdateHead:
    uint8_t version
    uint8_t padding
    uint16_t count
    uint32_t epoch
    uint64_t number

if sizeof(UpdateHead) != model.UPDATE_HEAD.size:
    raise ImportError("the layout of announcements differs from the compiled one: build again")


# The commands sent for one slot, and the replies that are still to come (see pure.batch.Write).
cdef struct Write:
    Slot* slot
    int replies
    int expected                # fields that the HSET must add; -1: not known
    bint had_tick
    bint unexpected
    uint32_t present
    Py_ssize_t record_at        # in the buffer
    Py_ssize_t entry_size       # in an announcement; 0: the record was announced before


@cython.final
cdef class Batch:
    """One buffer of commands for dirty slots; the pure twin, `pure.Batch`, documents the use."""

    cdef Table table
    cdef uint8_t* out
    cdef Py_ssize_t capacity
    cdef Py_ssize_t size
    cdef Write* writes
    cdef Py_ssize_t writes_capacity
    cdef Py_ssize_t writes_count
    cdef Py_ssize_t writes_done
    cdef str error              # the first error among the replies for the current slot
    cdef readonly list errors
    cdef readonly str publish_error
    cdef bint _publishing
    cdef str _channel
    cdef bytes publish          # the PUBLISH command without its message
    cdef Py_ssize_t published   # announcements whose reply is still to come
    cdef uint64_t number
    cdef bint is_busy           # reading replies: a finalizer may call a method in between

    # Not in __init__: see Table.
    def __cinit__(self, Table table not None):
        self.table = table
        self.errors = []
        self._channel = ""
        self.publish = b""

    def __dealloc__(self):
        PyMem_Free(self.out)
        PyMem_Free(self.writes)

    @property
    def done(self):
        """Whether every reply of the last batch was read."""
        return self.writes_done == self.writes_count and self.published == 0

    @property
    def publishing(self):
        """Whether batches announce changes. Switching it off leaves a gap in the numbers."""
        return self._publishing

    @publishing.setter
    def publishing(self, bint on):
        if on and not self._channel:
            raise RuntimeError("no channel to publish on")
        # Subscribers that stay subscribed through a pause must detect the gap.
        self.number += self._publishing and not on
        self._publishing = on

    @property
    def channel(self):
        """The channel of the announcements; needed before `publishing`."""
        return self._channel

    @channel.setter
    def channel(self, str name not None):
        cdef bytes raw = pure.checked_channel(name).encode()
        self._channel = name
        self.publish = b"*3\r\n$7\r\nPUBLISH\r\n$%d\r\n%b\r\n" % (len(raw), raw)

    def encode(self, int64_t now_ms, Py_ssize_t limit=1 << 20, taken_ms=None):
        """Return commands for the dirty slots, longest waiting first, about *limit* bytes at most.

        Expiries of keys count from *now_ms*; *taken_ms* is the same moment by the clock of the
        receive times, if that is a different one. Returns ``b""`` if no slot is dirty. Raises
        RuntimeError while replies of the last batch are outstanding.
        """
        cdef Slot* slot
        cdef int64_t sent_ms = now_ms if taken_ms is None else taken_ms
        if not self.done or self.is_busy:
            raise RuntimeError("the last batch is not acknowledged yet")
        self.errors = []
        self.error = self.publish_error = None
        self.size = self.writes_count = self.writes_done = 0
        self._reserve_writes(self.table.queue_size)
        while self.table.queue_size and self.size < limit:
            self._reserve(SLOT_BYTES_MAX)
            slot = self.table.dequeue()
            if slot.unsent:
                count_age(&self.table.wait_counts, sent_ms - slot.rt)
            self._write_slot(slot, now_ms)
        if self._publishing:
            self._announce()
        return PyBytes_FromStringAndSize(<const char*>self.out, self.size)

    def pulse(self):
        """Return an announcement without records, with the next number.

        Subscribers learn from it that they have missed nothing.
        """
        cdef UpdateHead head
        self._fill_head(&head, 0)
        return PyBytes_FromStringAndSize(<const char*>&head, sizeof(UpdateHead))

    def acknowledge(self, view, Py_ssize_t start, Py_ssize_t end):
        """Read replies from ``view[start:end]``; return the position behind the last one.

        Raises StoreError for bytes that are not RESP.
        """
        cdef Py_buffer buffer
        cdef const uint8_t* base
        cdef const uint8_t* at
        cdef Py_ssize_t size
        cdef Reply reply
        if self.is_busy:
            raise RuntimeError("replies are being read")
        base = borrow(view, start, end, &buffer)
        at = base + start
        self.is_busy = True
        try:
            while self.writes_done < self.writes_count or self.published:
                reply.has_integer, reply.error = False, NULL
                size = scan_reply(at, base + end, &reply, 0)
                if size == 0:
                    break
                if size < 0:
                    raise StoreError(f"not RESP: {clipped(at, base + end)!r}")
                if self.writes_done < self.writes_count:
                    self._reply(&reply)
                else:
                    self._publish_reply(&reply)
                at += size
            return at - base
        finally:
            self.is_busy = False
            PyBuffer_Release(&buffer)

    def abandon(self):
        """Give up the replies: the connection is lost.

        The commands may or may not have been executed, so all slots are written again. Ends
        `publishing`, too.
        """
        cdef Write* write
        if self.is_busy:
            raise RuntimeError("replies are being read")
        self.error = None
        self.published = 0
        self.publishing = False
        while self.writes_done < self.writes_count:
            write = &self.writes[self.writes_done]
            self.writes_done += 1
            write.slot.in_flight -= 1
            self._back_to_unsent(write)
            self.table.enqueue(write.slot)

    cdef int _announce(self) except -1:
        """Append PUBLISH commands for the batch's changes, as few as can hold them."""
        cdef Py_ssize_t first = 0, end, size
        cdef uint16_t count
        while first < self.writes_count:
            end, size, count = first, sizeof(UpdateHead), 0
            while end < self.writes_count and size + self.writes[end].entry_size <= UPDATE_BYTES_MAX:
                size += self.writes[end].entry_size
                count += self.writes[end].entry_size > 0
                end += 1
            if count:
                self._reserve(PUBLISH_BYTES_MAX + size)
                self._publish(first, end, size, count)
            first = end
        return 0

    cdef void _publish(
        self, Py_ssize_t first, Py_ssize_t end, Py_ssize_t size, uint16_t count
    ) noexcept:
        """Append the announcement of *size* bytes for the writes from *first* to *end*."""
        cdef Py_ssize_t i
        self._put(self.publish)
        self._bulk_head(size)
        self._fill_head(<UpdateHead*>(self.out + self.size), count)
        self.size += sizeof(UpdateHead)
        for i in range(first, end):
            if self.writes[i].entry_size:
                self._write_entry(&self.writes[i])
        self._put(b"\r\n")
        self.published += 1

    cdef void _write_entry(self, const Write* write) noexcept nogil:
        cdef uint8_t* out = self.out + self.size
        cdef Py_ssize_t symbol_size = write.slot.symbol_size
        out[0] = write.slot.symbol_size
        memcpy(out + 1, write.slot.symbol, symbol_size)
        memcpy(out + 1 + symbol_size, self.out + write.record_at, RECORD_SIZE)
        self.size += write.entry_size

    cdef void _fill_head(self, UpdateHead* head, uint16_t count) noexcept nogil:
        self.number += 1
        head.version, head.padding, head.count = UPDATE_VERSION, 0, count
        head.epoch, head.number = self.table.epoch, self.number

    # One HSET for all fields: readers that raced a writer with two of them saw 0.56 % torn hashes,
    # with DEL and HSET 0.4 % missing ones, with one HSET none of 100,000.
    cdef int _write_slot(self, Slot* slot, int64_t now_ms) except -1:
        cdef uint32_t present, fields, removed
        cdef int expected = -1, replies = 2
        cdef int64_t ttl = 0
        cdef Py_ssize_t record_at
        cdef Write* write
        present = slot.present | 1 << BIT_TS | 1 << BIT_TM | 1 << BIT_RT | 1 << BIT_CN
        if slot.sequence >= 0:
            present |= 1 << BIT_SQ
        if slot.whole:
            fields, removed = present, ALL_BITS & ~present
            ttl = ttl_s(slot, now_ms)
            replies += slot.in_redis != 0
        else:
            fields = slot.changed & present
            removed = slot.changed & ~present & slot.in_redis
            fields = fields or 1 << BIT_TM      # the same tick again: HSET needs a field
            expected = count_bits(fields & ~slot.in_redis)
        if removed:
            # A transaction: no reader may see the new values beside a removed field.
            self._put(b"*1\r\n$5\r\nMULTI\r\n")
            replies += 3
        self._array(2 + 2 * count_bits(fields))
        self._put(b"$4\r\nHSET\r\n")
        self._key(OPTION, slot)
        self._write_fields(slot, fields)
        if removed:
            self._array(2 + count_bits(removed))
            self._put(b"$4\r\nHDEL\r\n")
            self._key(OPTION, slot)
            self._write_names(removed)
            self._put(b"*1\r\n$4\r\nEXEC\r\n")
        if slot.whole and slot.in_redis:
            self._put(b"*3\r\n$6\r\nEXPIRE\r\n")
            self._key(OPTION, slot)
            self._integer(ttl)
        self._put(b"*5\r\n" if slot.whole else b"*4\r\n")
        self._put(b"$3\r\nSET\r\n")
        self._key(RECORD, slot)
        memcpy(self.out + self.size, RECORD_LENGTH.text, NAME_BYTES)
        self.size += RECORD_LENGTH.size
        record_at = self.size
        self.table.pack(slot, self.out + record_at)
        self.size += RECORD_SIZE
        if slot.whole:
            self._put(b"\r\n$2\r\nEX\r\n")
            self._integer(ttl)
        else:
            self._put(b"\r\n$7\r\nKEEPTTL\r\n")

        write = &self.writes[self.writes_count]
        self.writes_count += 1
        write.slot, write.replies, write.expected = slot, replies, expected
        write.had_tick, write.present, write.unexpected = slot.unsent, present, False
        write.record_at = record_at
        write.entry_size = 1 + slot.symbol_size + RECORD_SIZE if slot.unannounced else 0
        slot.in_flight += 1
        slot.unsent = slot.unannounced = False
        slot.whole = False
        slot.changed = 0
        return 0

    cdef void _write_fields(self, Slot* slot, uint32_t fields) noexcept nogil:
        cdef uint8_t* out = self.out + self.size
        cdef uint8_t text[32]
        cdef Py_ssize_t size
        cdef int i, bit
        for i in range(FIELD_COUNT):
            bit = WRITE_ORDER[i]
            if not fields >> bit & 1:
                continue
            memcpy(out, NAMES[bit].text, NAME_BYTES)
            out += NAMES[bit].size
            if bit < NUMBER_COUNT:
                size = slot.sizes[bit]
                memcpy(out, LENGTHS[size].text, NAME_BYTES)
                out += LENGTHS[size].size
                memcpy(out, slot.texts[bit], TEXT_MAX)
            else:
                size = self._text_of(slot, bit, text)
                memcpy(out, LENGTHS[size].text, NAME_BYTES)
                out += LENGTHS[size].size
                memcpy(out, text, TEXT_MAX)
            out[size] = 13
            out[size + 1] = 10
            out += size + 2
        self.size = out - self.out

    cdef Py_ssize_t _text_of(self, Slot* slot, int bit, uint8_t* out) noexcept nogil:
        if bit == BIT_TM:
            return write_integer(slot.tm, out)
        if bit == BIT_TS:
            return write_integer(slot.tm // 1000, out)
        if bit == BIT_RT:
            return write_integer(slot.rt, out)
        if bit == BIT_SQ:
            return write_integer(slot.sequence, out)
        return self.table.origin(slot, out)

    cdef void _write_names(self, uint32_t names) noexcept nogil:
        cdef int i, bit
        for i in range(FIELD_COUNT):
            bit = WRITE_ORDER[i]
            if names >> bit & 1:
                memcpy(self.out + self.size, NAMES[bit].text, NAME_BYTES)
                self.size += NAMES[bit].size

    cdef void _put(self, const char* text) noexcept nogil:
        cdef uint8_t* out = self.out + self.size
        while text[0]:
            out[0] = text[0]
            out += 1
            text += 1
        self.size = out - self.out

    cdef void _array(self, int count) noexcept nogil:
        self.out[self.size] = b"*"
        self.size += 1
        self.size += write_integer(count, self.out + self.size)
        self._put(b"\r\n")

    cdef void _integer(self, int64_t value) noexcept nogil:
        cdef uint8_t text[24]
        cdef Py_ssize_t size = write_integer(value, text)
        self._bulk(text, size)

    cdef void _bulk(self, const uint8_t* text, Py_ssize_t size) noexcept nogil:
        self._bulk_head(size)
        memcpy(self.out + self.size, text, size)
        self.size += size
        self._put(b"\r\n")

    cdef void _bulk_head(self, Py_ssize_t size) noexcept nogil:
        self.out[self.size] = b"$"
        self.size += 1
        self.size += write_integer(size, self.out + self.size)
        self._put(b"\r\n")

    cdef void _key(self, bytes prefix, Slot* slot) noexcept:
        cdef uint8_t key[64]
        memcpy(key, <const char*>prefix, len(prefix))
        memcpy(key + len(prefix), slot.symbol, slot.symbol_size)
        self._bulk(key, len(prefix) + slot.symbol_size)

    cdef int _reply(self, const Reply* reply) except -1:
        cdef Write* write = &self.writes[self.writes_done]
        if reply.error != NULL and self.error is None:
            self.error = error_text(reply)
        if reply.has_integer and write.expected >= 0:
            # The first integer is the reply to HSET, bare or first in the array of EXEC. A count
            # that differs means that another program deleted or changed the key.
            write.unexpected = reply.integer != write.expected
            write.expected = -1
        write.replies -= 1
        if write.replies == 0:
            self.writes_done += 1
            self._settle(write)
        return 0

    cdef int _publish_reply(self, const Reply* reply) except -1:
        self.published -= 1
        if reply.error != NULL and self.publish_error is None:
            self.publish_error = error_text(reply)
        return 0

    cdef int _settle(self, Write* write) except -1:
        cdef Table table = self.table
        cdef Slot* slot = write.slot
        # The first HSET goes without an EXPIRE: the key may turn out to be another program's.
        cdef bint lacks_expiry = not slot.in_redis, was_refused = self.error is not None
        if self.error is not None:
            # Before in_flight drops: a finalizer that runs here must not free the slot.
            symbol = (<const char*>slot.symbol)[:slot.symbol_size].decode("ascii")
            self.errors.append((symbol, self.error))
            self.error = None
        slot.in_flight -= 1
        if was_refused:
            slot.refused = True
            slot.in_redis = 0
            self._back_to_unsent(write)
            return 0
        slot.in_redis = write.present
        if write.had_tick:
            table.written += 1
            table.pending -= 1
        table.vanished += write.unexpected
        if write.unexpected or lacks_expiry:
            slot.whole = True
            table.enqueue(slot)
        table.forget(slot)
        return 0

    cdef void _back_to_unsent(self, Write* write) noexcept nogil:
        cdef Slot* slot = write.slot
        slot.whole = True
        slot.unannounced |= write.entry_size > 0
        if write.had_tick and slot.unsent:
            self.table.conflated += 1
            self.table.pending -= 1
        elif write.had_tick:
            slot.unsent = True
        if slot.refused and slot.queued:
            self.table.unqueue(slot)

    cdef int _reserve(self, Py_ssize_t space) except -1:
        cdef Py_ssize_t capacity = self.capacity or 1 << 16
        cdef uint8_t* out
        if self.capacity - self.size >= space:
            return 0
        while capacity - self.size < space:
            capacity *= 2
        out = <uint8_t*>PyMem_Realloc(self.out, capacity)
        if out == NULL:
            raise MemoryError
        self.out, self.capacity = out, capacity
        return 0

    cdef int _reserve_writes(self, Py_ssize_t count) except -1:
        cdef Write* writes
        if count <= self.writes_capacity:
            return 0
        writes = <Write*>PyMem_Realloc(self.writes, count * sizeof(Write))
        if writes == NULL:
            raise MemoryError
        self.writes, self.writes_capacity = writes, count
        return 0


cdef int64_t ttl_s(Slot* slot, int64_t now_ms) noexcept nogil:
    # `keys.until_ms` and `keys.ttl_s` without Python objects; the tests compare the commands.
    if now_ms >= slot.ttl_renew_ms:
        slot.ttl_until_ms = min(slot.expiry_ms + TTL_AFTER_DELIVERY_MS, now_ms + TTL_MAX_MS)
        slot.ttl_renew_ms = now_ms + TTL_RENEW_MS
    return max(TTL_MIN_S, (slot.ttl_until_ms - now_ms) // 1000)
