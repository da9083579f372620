"""Recorded messages -> the table, and a row for each tick; the pure twin is `pure.replay`.

One call for a chunk of a capture: messages of venue connections go to their inlets without a Python
object for any of them.
"""

cimport cython
from cpython.buffer cimport PyBuffer_Release
from libc.stdint cimport int64_t, uint8_t, uint16_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset

from fastopts import mcap_format
from fastopts.core.pure import replay as pure
from fastopts.core.pure import ticker

from fastopts.core.buffers cimport borrow
from fastopts.core.layout cimport (
    ALL_NUMBERS,
    MCAP_MESSAGE,
    MCAP_MESSAGE_HEAD_SIZE,
    MCAP_RECORD_HEAD_SIZE,
    RECORD_SIZE,
    SYMBOL_MAX,
)
from fastopts.core.mcap cimport MessageHead
from fastopts.core.table cimport Inlet, Slot, Table
from fastopts.core.ticker cimport TAKEN, TickerMessage, scan

# `pure.replay.ROW` in C.
cdef packed struct Row:
    int64_t log_ns
    uint8_t symbol[SYMBOL_MAX]
    uint8_t record[RECORD_SIZE]

if sizeof(Row) != pure.ROW.size or sizeof(MessageHead) != mcap_format.MESSAGE_HEAD.size:
    raise ImportError("the layout of captures differs from the compiled one: build fastopts again")

cdef Py_ssize_t FIRST_CAPACITY = 1 << 16


@cython.final
cdef class Player:
    """Applies recorded messages to a table; see the pure twin."""

    cdef readonly Table table
    cdef readonly bint collects_rows
    cdef readonly int64_t messages
    cdef list inlets
    cdef uint8_t* memory
    cdef Py_ssize_t size
    cdef Py_ssize_t capacity

    def __cinit__(self, Table table not None, bint collects_rows=False):
        self.table = table
        self.collects_rows = collects_rows
        self.inlets = []

    def __dealloc__(self):
        free(self.memory)

    def bind(self, uint16_t channel, Inlet inlet):
        """Bring the messages of *channel* to *inlet*; None: return them to the caller."""
        if inlet is not None and inlet.table is not self.table:
            raise ValueError("an inlet of another table")
        while len(self.inlets) <= channel:
            self.inlets.append(None)
        self.inlets[channel] = inlet

    def unbind_all(self):
        """Forget all channels: another file has its own."""
        self.inlets.clear()

    def play(self, data, Py_ssize_t start):
        """Apply the messages of bound channels from ``data[start:]``.

        Returns the position of the first message of another channel, or the end of *data*. Raises
        ValueError where no message record begins.
        """
        cdef Py_buffer buffer
        cdef Py_ssize_t end = len(data)
        cdef const uint8_t* base = borrow(data, start, end, &buffer)
        cdef const uint8_t* at = base + start
        cdef const MessageHead* head
        cdef Py_ssize_t size
        cdef Inlet inlet
        try:
            while at < base + end:
                head = <const MessageHead*>at
                if base + end - at < MCAP_MESSAGE_HEAD_SIZE or head.opcode != MCAP_MESSAGE or (
                    head.length < MCAP_MESSAGE_HEAD_SIZE - MCAP_RECORD_HEAD_SIZE
                ) or head.length > <size_t>(base + end - at - MCAP_RECORD_HEAD_SIZE):
                    raise ValueError(f"no message at byte {at - base} of {end}")
                inlet = None
                if head.channel < len(self.inlets):
                    inlet = self.inlets[head.channel]
                if inlet is None:
                    break
                size = head.length - (MCAP_MESSAGE_HEAD_SIZE - MCAP_RECORD_HEAD_SIZE)
                self.messages += 1
                self.apply(inlet, at + MCAP_MESSAGE_HEAD_SIZE, size, head)
                at += MCAP_MESSAGE_HEAD_SIZE + size
            return at - base
        finally:
            PyBuffer_Release(&buffer)

    def note(self, str symbol not None, int64_t log_ns):
        """Add a row with the present record of *symbol*. Raises KeyError if it has no slot."""
        self.add_row(self.table.slot_of(symbol), log_ns)

    def take_rows(self):
        """Remove and return the rows that were collected, `ROW.size` bytes each."""
        cdef bytes rows = (<const char*>self.memory)[:self.size]
        self.size = 0
        return rows

    cdef int apply(
        self, Inlet inlet, const uint8_t* at, Py_ssize_t size, const MessageHead* head
    ) except -1:
        cdef TickerMessage message
        cdef int64_t applied = inlet.applied, rt = head.publish_ns // 1_000_000
        if not self.collects_rows:
            return inlet._take(at, size, rt)
        self.table.expect(at, size)
        if scan(at, at + size, self.table.grammar, &message) == TAKEN:
            inlet._apply(&message, at, size, rt)
            if inlet.applied != applied:
                self.add_row(self.table.find(message.symbol, message.symbol_size), head.log_ns)
            return 0
        payload = (<const char*>at)[:size]
        inlet._general(payload, rt)
        if inlet.applied != applied:
            self.note(ticker.parse(payload, self.table.grammar).symbol, head.log_ns)
        return 0

    cdef int add_row(self, Slot* slot, int64_t log_ns) except -1:
        cdef Row* row
        if self.capacity - self.size < <Py_ssize_t>sizeof(Row):
            self.grow()
        row = <Row*>(self.memory + self.size)
        row.log_ns = log_ns
        memset(row.symbol, 0, SYMBOL_MAX)
        memcpy(row.symbol, slot.symbol, slot.symbol_size)
        self.table.pack(slot, row.record)
        # Nothing is written from this table: only the next row must know which numbers are new.
        slot.changed &= ~<unsigned int>ALL_NUMBERS
        self.size += sizeof(Row)
        return 0

    cdef int grow(self) except -1:
        cdef Py_ssize_t capacity = max(2 * self.capacity, FIRST_CAPACITY)
        cdef uint8_t* memory = <uint8_t*>realloc(self.memory, capacity)
        if memory == NULL:
            raise MemoryError
        self.memory, self.capacity = memory, capacity
        return 0
