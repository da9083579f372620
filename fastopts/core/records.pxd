from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t

from fastopts.core.ticker cimport NUMBER_COUNT


# `model.RECORD`, whose fields happen to lie where C would put them.
cdef struct Packed:
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
