cimport cython
from libc.stdint cimport int8_t, int64_t, uint8_t, uint32_t

from fastopts.core.layout cimport NUMBER_COUNT, TEXT_MAX

cdef enum:
    BUCKETS = 256               # of the hash table of names: a hash is one byte
    NAME_MAX = 30               # characters of a field's name
    PREFIX_MAX = 32             # characters of a topic's prefix


# The content of one message. Borrowed memory: `symbol` points into the bytes of the message.
cdef struct TickerMessage:
    const uint8_t* symbol
    Py_ssize_t symbol_size
    int64_t ts
    int64_t sequence            # -1: none
    uint32_t seen               # bit per number: named by the message
    uint32_t present            # bit per number: has a value
    uint32_t bad_fields         # values that are not decimals
    uint32_t unknown_fields     # names that the grammar does not have
    bint is_delta
    uint8_t sizes[NUMBER_COUNT]
    uint8_t texts[NUMBER_COUNT][TEXT_MAX]


# A name that the grammar knows, in the data of a message.
cdef struct FieldName:
    uint8_t size
    int8_t index
    uint8_t text[NAME_MAX]
    FieldName* next             # the name that followed this one in the last message


cdef enum Verdict:
    TAKEN = 1
    UNUSUAL = 0                 # the general path decides: `pure.parse`


@cython.final
cdef class Grammar:
    cdef readonly str topic_prefix
    cdef readonly dict fields
    cdef uint8_t prefix[PREFIX_MAX]
    cdef Py_ssize_t prefix_size
    cdef uint8_t opening[48]    # first bytes of most messages
    cdef Py_ssize_t opening_size
    cdef FieldName names[BUCKETS]
    cdef FieldName head         # precedes the first name of a message
    cdef uint32_t factor
    cdef int symbol_index

    cdef bint _place(self, dict entries, uint32_t factor) except -1
    cdef FieldName* find(self, const uint8_t* name, Py_ssize_t size) noexcept nogil


cdef Verdict scan(
    const uint8_t* at, const uint8_t* end, Grammar grammar, TickerMessage* message
) noexcept nogil

cdef int load(object parsed, TickerMessage* message) except -1
