from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from fastopts.core.layout cimport COIN_MAX, NUMBER_COUNT


# The record in C. `model.RECORD` defines the layout; the modules that use it compare the sizes when
# they are imported. Packed, because readers in other languages and on other platforms parse it.
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
    uint8_t settle[COIN_MAX]
    double strike
    double numbers[NUMBER_COUNT]
