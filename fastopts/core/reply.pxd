from libc.stdint cimport int64_t, uint8_t


cdef enum:
    DEPTH_MAX = 4
    LINE_MAX = 4096             # of a status, an error or a number
    COUNT_MAX = 1 << 20         # elements of an array
    BULK_MAX = 512 << 20


cdef struct Reply:
    bint has_integer
    int64_t integer             # the first integer in it, at any depth
    const uint8_t* error        # the first error in it; NULL: none
    Py_ssize_t error_size


cdef Py_ssize_t scan_reply(
    const uint8_t* at, const uint8_t* end, Reply* reply, int depth
) noexcept nogil

cdef Py_ssize_t scan_line(
    const uint8_t* at, const uint8_t* end, Py_ssize_t* size
) noexcept nogil

cdef int scan_integer(const uint8_t* at, Py_ssize_t size, int64_t* value) noexcept nogil
