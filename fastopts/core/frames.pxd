from libc.stdint cimport uint8_t


cdef inline Py_ssize_t plain_frame(
    const uint8_t* at, const uint8_t* end, Py_ssize_t* size
) noexcept nogil:
    """Return the header length of the plain text frame at *at* and set *size* to its payload's.

    Returns 0 if more bytes are needed, -1 if the frame is not plain. Plain means FIN and text, no
    RSV bit, no mask, a length of at most 65,535 (RFC 6455 section 5.2): nearly every frame of a
    feed. The rest (fragments, control frames, long frames) is rare and left to the protocol library.
    """
    # In a .pxd, so that the C compiler inlines it into the loop over a socket read.
    cdef Py_ssize_t available = end - at
    if available < 1:
        return 0
    if at[0] != 0x81:
        return -1
    if available < 2:
        return 0
    if at[1] < 126:
        size[0] = at[1]
        return 2 if available >= 2 + size[0] else 0
    if at[1] != 126:
        return -1
    if available < 4:
        return 0
    size[0] = (<Py_ssize_t>at[2] << 8) | at[3]
    return 4 if available >= 4 + size[0] else 0
