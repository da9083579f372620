from libc.stdint cimport int64_t, uint8_t


cdef struct Reply:
    bint has_integer
    int64_t integer             # the first integer in it, at any depth
    const uint8_t* error        # the first error in it; NULL: none
    Py_ssize_t error_size


cdef Py_ssize_t scan_line(
    const uint8_t* at, const uint8_t* end, Py_ssize_t* size
) noexcept nogil

cdef int scan_integer(const uint8_t* at, Py_ssize_t size, int64_t* value) noexcept nogil

cdef Py_ssize_t scan_reply(
    const uint8_t* at, const uint8_t* end, Reply* reply, int depth
) noexcept nogil

cdef object read_reply(const uint8_t* at, const uint8_t* end, Py_ssize_t* size)

cdef str error_text(const Reply* reply)

cdef bytes clipped(const uint8_t* at, const uint8_t* end)
