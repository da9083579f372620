cimport cython
from libc.stdint cimport int8_t, int64_t, uint8_t, uint32_t

cdef enum:
    NUMBER_COUNT = 24
    TEXT_MAX = 32
    SYMBOL_MAX = 40
    BUCKETS = 256


cdef struct Tick:
    const uint8_t* symbol
    Py_ssize_t symbol_size
    int64_t ts
    int64_t sequence            # -1: none
    uint32_t seen               # bit per number: named by the message
    uint32_t present            # bit per number: has a value
    uint32_t bad_fields
    uint32_t unknown_fields
    bint is_delta
    uint8_t sizes[NUMBER_COUNT]
    uint8_t texts[NUMBER_COUNT][TEXT_MAX]


cdef struct Word:
    uint8_t size
    int8_t index
    uint8_t text[30]
    Word* next                  # the word that followed this one the last time


cdef enum Verdict:
    TAKEN = 1
    UNUSUAL = 0                 # the general path decides


@cython.final
cdef class Grammar:
    cdef readonly str topic_prefix
    cdef readonly dict fields
    cdef uint8_t prefix[32]
    cdef Py_ssize_t prefix_size
    cdef uint8_t opening[48]    # how most messages start
    cdef Py_ssize_t opening_size
    cdef Word words[BUCKETS]
    cdef Word head              # stands before the first word of a message
    cdef uint32_t factor
    cdef int symbol_index

    cdef bint _place(self, dict entries, uint32_t factor) except -1
    cdef Word* find(self, const uint8_t* name, Py_ssize_t size) noexcept nogil


cdef Verdict scan(
    const uint8_t* at, const uint8_t* end, Grammar grammar, Tick* tick
) noexcept nogil

cdef int load(object found, Tick* tick) except -1
