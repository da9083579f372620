from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport uint8_t


cdef inline const uint8_t* borrow(
    object view, Py_ssize_t start, Py_ssize_t end, Py_buffer* buffer
) except? NULL:
    """Lock the memory of *view* and return its address, after checking the part ``[start:end]``.

    Borrowed memory: valid until the caller passes *buffer* to PyBuffer_Release, which it must do
    unless this raises ValueError (no such part) or BufferError.
    """
    cdef Py_ssize_t size
    PyObject_GetBuffer(view, buffer, PyBUF_SIMPLE)
    if not 0 <= start <= end <= buffer.len:
        size = buffer.len
        PyBuffer_Release(buffer)
        raise ValueError(f"no such part of {size} bytes: {start}:{end}")
    return <const uint8_t*>buffer.buf
