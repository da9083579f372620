"""Whole plain text frames out of the bytes of a socket read, in place.

The rule is `plain_frame` in frames.pxd, which `table.Inlet` inlines; this module lends it to Python.
"""

from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint8_t

from fastopts.core.frames cimport plain_frame


def split(view, Py_ssize_t start, Py_ssize_t end):
    """Return the payloads of the plain text frames in ``view[start:end]`` and the position behind
    the last, inverted (``~position``) when what stands there is not a plain text frame."""
    cdef Py_buffer buffer
    cdef list payloads = []
    cdef const uint8_t* base
    cdef const uint8_t* at
    cdef Py_ssize_t head, size = 0
    PyObject_GetBuffer(view, &buffer, PyBUF_SIMPLE)
    try:
        if not 0 <= start <= end <= buffer.len:
            raise ValueError(f"no such part of {buffer.len} bytes: {start}:{end}")
        base = <const uint8_t*>buffer.buf
        at = base + start
        while True:
            head = plain_frame(at, base + end, &size)
            if head <= 0:
                return payloads, (at - base if head == 0 else ~(at - base))
            payloads.append((<const char*>at)[head:head + size])
            at += head + size
    finally:
        PyBuffer_Release(&buffer)
