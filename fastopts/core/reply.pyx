"""RESP2 replies, read in place: what a writer must know of each, with limits on every length.

https://valkey.io/topics/protocol/
"""

from libc.string cimport memchr


cdef Py_ssize_t scan_line(
    const uint8_t* at, const uint8_t* end, Py_ssize_t* size
) noexcept nogil:
    """Measure the line at *at* and set *size* without its CRLF; 0: not whole yet; -1: no RESP."""
    cdef Py_ssize_t room = end - at
    cdef const uint8_t* stop = <const uint8_t*>memchr(at, 13, room if room < LINE_MAX else LINE_MAX)
    if stop == NULL:
        return 0 if room < LINE_MAX else -1
    if stop + 1 >= end:
        return 0
    if stop[1] != b"\n" or memchr(at, 10, stop - at) != NULL:
        return -1
    size[0] = stop - at
    return size[0] + 2


cdef int scan_integer(const uint8_t* at, Py_ssize_t size, int64_t* value) noexcept nogil:
    """Set *value* from *size* digits; 0, or -1 when they are no integer of at most 18 digits, or
    not written as a server writes it."""
    cdef bint negative = size > 0 and at[0] == b"-"
    cdef Py_ssize_t i
    at += negative
    size -= negative
    if not 0 < size <= 18 or (at[0] == b"0" and (size > 1 or negative)):
        return -1
    value[0] = 0
    for i in range(size):
        if not b"0" <= at[i] <= b"9":
            return -1
        value[0] = value[0] * 10 + (at[i] - <uint8_t>b"0")
    if negative:
        value[0] = -value[0]
    return 0


cdef Py_ssize_t scan_reply(
    const uint8_t* at, const uint8_t* end, Reply* reply, int depth
) noexcept nogil:
    """Read one whole reply into *reply* (which the caller has cleared) and return its length;
    0 when more bytes are needed; -1 when this is no RESP2."""
    cdef const uint8_t* start = at
    cdef Py_ssize_t size = 0, part
    cdef int64_t value = 0, i
    cdef uint8_t kind
    if at >= end:
        return 0
    kind = at[0]
    if kind != b"+" and kind != b"-" and kind != b":" and kind != b"$" and kind != b"*":
        return -1
    part = scan_line(at + 1, end, &size)
    if part <= 0:
        return part
    at += 1
    if kind == b"-":
        if reply.error == NULL:
            reply.error, reply.error_size = at, size
    elif kind != b"+":
        if scan_integer(at, size, &value) < 0:
            return -1
    at += part
    if kind == b":":
        if not reply.has_integer:
            reply.has_integer, reply.integer = True, value
    elif kind == b"$":
        if value < -1 or value > BULK_MAX:
            return -1
        if value >= 0:
            if end - at < value + 2:
                return 0
            if at[value] != 13 or at[value + 1] != 10:
                return -1
            at += value + 2
    elif kind == b"*":
        if value < -1 or value > COUNT_MAX or depth >= DEPTH_MAX:
            return -1
        for i in range(value):
            part = scan_reply(at, end, reply, depth + 1)
            if part <= 0:
                return part
            at += part
    return at - start


def measure(bytes data not None):
    """Return the length of the reply at the head of *data*, the first integer and the first error
    in it (None where there is none); a length of 0 when it is not whole, -1 when it is no RESP2."""
    cdef Reply reply
    cdef const uint8_t* at = <const uint8_t*><const char*>data
    reply.has_integer, reply.error = False, NULL
    size = scan_reply(at, at + len(data), &reply, 0)
    if size <= 0:
        return size, None, None
    error = None
    if reply.error != NULL:
        error = (<const char*>reply.error)[:reply.error_size].decode("utf-8", "replace")
    return size, (reply.integer if reply.has_integer else None), error
