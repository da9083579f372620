from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t


# `mcap_format.MESSAGE_HEAD` in C, packed as in the file; the modules that use it compare the sizes.
cdef packed struct MessageHead:
    uint8_t opcode
    uint64_t length
    uint16_t channel
    uint32_t sequence
    uint64_t log_ns
    uint64_t publish_ns
