from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from fastopts.core.ticker cimport NUMBER_COUNT


# The record's layout in C; `model.RECORD` is its definition.
cdef packed struct Record:
    uint8_t version
    uint8_t kind
    uint16_t flags
    uint32_t epoch
    int64_t ts_ms
    int64_t rt_ms
    int64_t sequence
    uint32_t conn
    uint32_t padding
    int64_t expiry_ms
    uint8_t settle[8]
    double strike
    double numbers[NUMBER_COUNT]
