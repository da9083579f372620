cimport cython
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from fastopts.core.layout cimport (
    AGE_BOUND_COUNT,
    COIN_MAX,
    NUMBER_COUNT,
    REASON_COUNT,
    SYMBOL_MAX,
    TEXT_MAX,
)
from fastopts.core.ticker cimport Grammar, TickerMessage

# The result of bringing a message to the table.
cdef enum Outcome:
    UNKNOWN_SYMBOL = 0                  # its symbol has no slot
    APPLIED = 1
    OLDER = 2
    WITHOUT_BASE = 3                    # a delta to a message that the slot does not hold


# Everything known of one symbol: its newest message, and what Redis has of it (see pure.table.Slot).
# `changed`, `present` and `in_redis` are sets of the hash's fields, one bit each.
cdef struct Slot:
    uint8_t symbol[SYMBOL_MAX]
    uint8_t symbol_size
    uint8_t kind
    uint8_t settle[COIN_MAX]
    bint filled
    bint queued
    bint whole
    bint refused
    bint retired
    bint unsent
    bint unannounced
    int in_flight                       # number of batches
    uint16_t flags
    uint32_t conn
    uint32_t present
    uint32_t changed
    uint32_t in_redis
    int64_t expiry_ms
    int64_t tm
    int64_t rt
    int64_t sequence
    int64_t ttl_until_ms
    int64_t ttl_renew_ms
    double strike
    double numbers[NUMBER_COUNT]        # outdated where `changed` has the bit
    uint8_t sizes[NUMBER_COUNT]
    uint8_t texts[NUMBER_COUNT][TEXT_MAX]


# See metrics.Histogram.
cdef struct Ages:
    int64_t counts[AGE_BOUND_COUNT + 1]
    int64_t sum_ms


@cython.final
cdef class Table:
    cdef readonly Grammar grammar
    cdef public uint32_t epoch
    cdef public int64_t skew_ms
    cdef public set delivering
    cdef public set amended             # None: not collected
    cdef readonly dict samples
    cdef readonly set unknown_names
    cdef readonly int64_t received
    cdef readonly int64_t applied
    cdef readonly int64_t older
    cdef readonly int64_t written
    cdef readonly int64_t conflated
    cdef readonly int64_t pending
    cdef readonly int64_t bad_fields
    cdef readonly int64_t deltas
    cdef readonly int64_t general
    cdef readonly int64_t vanished
    cdef readonly int64_t missing_fields
    cdef readonly int64_t unknown_fields
    cdef readonly int64_t suspects
    cdef readonly int64_t suspects_now
    cdef int64_t rejections[REASON_COUNT]
    cdef Ages age_counts
    cdef Ages wait_counts
    cdef Slot** slots                   # in order of addition
    cdef Slot** buckets                 # open addressing; NULL: free
    cdef Slot** queue                   # a ring buffer; each slot is in it at most once
    cdef Py_ssize_t count
    cdef Py_ssize_t capacity            # of slots; buckets and queue hold twice as many
    cdef Py_ssize_t queue_head
    cdef Py_ssize_t queue_size
    cdef Py_ssize_t cursor

    cdef Slot* find(self, const uint8_t* symbol, Py_ssize_t size) noexcept nogil
    cdef Slot* slot_of(self, str symbol) except NULL
    cdef Slot* _new_slot(self, bytes raw) except NULL
    cdef int sample(self, str reason, bytes message) except -1
    cdef int note_unknown(self, bytes message) except -1
    cdef void expect(self, const uint8_t* at, Py_ssize_t size) noexcept nogil
    cdef Outcome take(self, const TickerMessage* message, uint32_t conn, int64_t rt) noexcept nogil
    cdef bint _is_older(self, int64_t ts, int64_t rt, const Slot* slot) noexcept nogil
    cdef void enqueue(self, Slot* slot) noexcept nogil
    cdef Slot* dequeue(self) noexcept nogil
    cdef void unqueue(self, Slot* slot) noexcept nogil
    cdef void forget(self, Slot* slot) noexcept nogil
    cdef void pack(self, Slot* slot, uint8_t* out) noexcept
    cdef Py_ssize_t origin(self, const Slot* slot, uint8_t* out) noexcept nogil
    cdef int _grow(self) except -1
    cdef void _place(self, Slot* slot) noexcept nogil
    cdef void _displace(self, Slot* slot) noexcept nogil
    cdef void _fill(
        self, Slot* slot, const TickerMessage* message, uint32_t conn, int64_t rt, uint16_t flags
    ) noexcept nogil
    cdef uint16_t _time_flag(self, int64_t ts, int64_t rt) noexcept nogil


@cython.final
cdef class Inlet:
    cdef readonly Table table
    cdef readonly uint32_t conn
    cdef readonly int64_t messages
    cdef readonly int64_t applied
    cdef readonly int64_t unreadable
    cdef int64_t smallest_lag           # since the last `take_lags_ms`; NO_LAG: none
    cdef int64_t newest_lag
    cdef readonly list others
    cdef readonly list unknown_tickers

    cdef void _note_lag(self, int64_t ts, int64_t rt) noexcept nogil
    cdef int _take(self, const uint8_t* at, Py_ssize_t size, int64_t rt) except -1
    cdef int _apply(
        self, const TickerMessage* message, const uint8_t* at, Py_ssize_t size, int64_t rt
    ) except -1
    cdef int _general(self, bytes payload, int64_t rt) except -1


# A loop: a field set has few bits, and popcount needs an instruction set that wheels don't assume.
cdef inline int count_bits(uint32_t mask) noexcept nogil:
    cdef int count = 0
    while mask:
        mask &= mask - 1
        count += 1
    return count


cdef void count_age(Ages* ages, int64_t age_ms) noexcept nogil
cdef double to_double(const uint8_t* text, Py_ssize_t size) noexcept
cdef Py_ssize_t write_integer(int64_t value, uint8_t* out) noexcept nogil
