"""RESP2 replies, parsed in place, with limits on every length; the pure twin is `pure.reply`.

https://valkey.io/topics/protocol/
"""

from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.string cimport memchr

from fastopts.errors import StoreError

from fastopts.core.layout cimport BULK_MAX, COUNT_MAX, DEPTH_MAX, LINE_MAX


cdef Py_ssize_t scan_line(
    const uint8_t* at, const uint8_t* end, Py_ssize_t* size
) noexcept nogil:
    """Return the length of the line at *at* and set *size* to it without its CRLF.

    Returns 0 if the line is incomplete, -1 if it is malformed.
    """
    cdef Py_ssize_t available = end - at
    # A line without an end must not be searched again and again as it grows: it is refused.
    cdef Py_ssize_t searched = available if available < LINE_MAX else LINE_MAX
    cdef const uint8_t* stop = <const uint8_t*>memchr(at, 13, searched)
    if stop == NULL:
        return 0 if available < LINE_MAX else -1
    if stop + 1 >= end:
        return 0
    # hiredis refuses a lone CR or LF as well; a line that contains one would be read in two ways.
    if stop[1] != b"\n" or memchr(at, 10, stop - at) != NULL:
        return -1
    size[0] = stop - at
    return size[0] + 2


cdef int scan_integer(const uint8_t* at, Py_ssize_t size, int64_t* value) noexcept nogil:
    """Set *value* from *size* characters; return -1 unless they are an integer as servers write it.

    At most 18 digits, so that it cannot overflow; without leading zeros or a negative zero, which
    hiredis refuses, too.
    """
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
    """Read one complete reply into *reply*, which the caller has cleared, and return its length.

    Returns 0 if more bytes are needed, -1 if it is not RESP2. Makes no Python object: of a reply to
    a write, only the first integer and the first error matter.
    """
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
        # -1 is nil. Compared as a difference: at + value + 2 could overflow.
        if value >= 0:
            if end - at < value + 2:
                return 0
            if at[value] != 13 or at[value + 1] != 10:
                return -1
            at += value + 2
    elif kind == b"*":
        # A bound on the depth: this function calls itself, and a hostile peer could exhaust the
        # C stack with a few KB of "*1\r\n".
        if value < -1 or value > COUNT_MAX or depth >= DEPTH_MAX:
            return -1
        for i in range(value):
            part = scan_reply(at, end, reply, depth + 1)
            if part <= 0:
                return part
            at += part
    return at - start


cdef object read_reply(const uint8_t* at, const uint8_t* end, Py_ssize_t* size):
    """Return the reply at *at* as a Python value and set *size* to its length, 0: incomplete.

    Raises StoreError for malformed bytes.
    """
    cdef Reply reply
    size[0] = 0
    if at >= end:
        return None
    reply.has_integer, reply.error = False, NULL
    size[0] = scan_reply(at, end, &reply, 0)
    if size[0] < 0:
        raise StoreError(f"not RESP: {clipped(at, end)!r}")
    return build(&at, end) if size[0] else None


cdef object build(const uint8_t** at, const uint8_t* end):
    """Return the value of a reply that `scan_reply` has found complete; *at* moves behind it."""
    cdef uint8_t kind = at[0][0]
    cdef Py_ssize_t size = 0, part = scan_line(at[0] + 1, end, &size)
    cdef const uint8_t* text = at[0] + 1
    cdef int64_t number = 0
    cdef list elements
    at[0] += part + 1
    if kind == b"+":
        return (<const char*>text)[:size].decode("utf-8", "replace")
    if kind == b"-":
        refusal = (<const char*>text)[:size].decode("utf-8", "replace")
        return StoreError(refusal, refusal)
    scan_integer(text, size, &number)       # checked by scan_reply
    if kind == b":":
        return number
    if number < 0:
        return None
    if kind == b"$":
        text = at[0]
        at[0] += number + 2
        return PyBytes_FromStringAndSize(<const char*>text, number)
    elements = []
    while number:
        elements.append(build(at, end))
        number -= 1
    return elements


cdef str error_text(const Reply* reply):
    """Return the text of the reply's first error, which it must have."""
    return (<const char*>reply.error)[:reply.error_size].decode("utf-8", "replace")


cdef bytes clipped(const uint8_t* at, const uint8_t* end):
    """Return the first bytes at *at* for an error message."""
    return PyBytes_FromStringAndSize(<const char*>at, min(end - at, 40))


def measure(bytes data not None):
    """Return the length of the reply at the head of *data*, the first integer and the first error
    in it (None: none); a length of 0 if it is incomplete, -1 if it is not RESP2."""
    cdef Reply reply
    cdef const uint8_t* at = <const uint8_t*><const char*>data
    reply.has_integer, reply.error = False, NULL
    size = scan_reply(at, at + len(data), &reply, 0)
    if size <= 0:
        return size, None, None
    error = None if reply.error == NULL else error_text(&reply)
    return size, (reply.integer if reply.has_integer else None), error


def value(bytes raw not None):
    """Return the one RESP2 reply *raw* as a Python value.

    str for a status, int, bytes, list, None, or a StoreError for an error reply. Raises StoreError
    unless *raw* is exactly one reply.
    """
    cdef const uint8_t* at = <const uint8_t*><const char*>raw
    cdef Py_ssize_t size = 0
    reply = read_reply(at, at + len(raw), &size)
    if size == 0 or size != len(raw):
        raise StoreError(f"not one reply: {raw[:40]!r}")
    return reply
