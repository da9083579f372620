from libc.stdint cimport uint8_t


cdef inline Py_ssize_t plain_frame(
    const uint8_t* at, const uint8_t* end, Py_ssize_t* size
) noexcept nogil:
    """Judge the bytes at *at*: return the length of the header of a whole plain text frame and set
    *size* to its payload's; 0 when more bytes are needed; -1 when it is not plain.

    Plain is FIN and text, no RSV bit, no mask, a length of at most 65,535: what a feed sends all
    day. Two bytes settle it. RFC 6455 section 5.2.
    """
    cdef Py_ssize_t room = end - at
    if room < 1:
        return 0
    if at[0] != 0x81:
        return -1
    if room < 2:
        return 0
    if at[1] < 126:
        size[0] = at[1]
        return 2 if room >= 2 + size[0] else 0
    if at[1] != 126:
        return -1
    if room < 4:
        return 0
    size[0] = (<Py_ssize_t>at[2] << 8) | at[3]
    return 4 if room >= 4 + size[0] else 0
