"""Messages of a capture as MCAP records in a buffer; the pure twin is `pure.capture`.

One call for a read of the socket copies the payloads of its frames, each behind the head of a message
record. A thread compresses the buffer later: the event loop makes no Python object for a frame.
"""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_FillInfo, PyBuffer_Release
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy, memset

from fastopts import mcap_format

from fastopts.core.buffers cimport borrow
from fastopts.core.frames cimport plain_frame
from fastopts.core.layout cimport MCAP_MESSAGE, MCAP_MESSAGE_HEAD_SIZE, MCAP_RECORD_HEAD_SIZE
from fastopts.core.mcap cimport MessageHead

if sizeof(MessageHead) != MCAP_MESSAGE_HEAD_SIZE or (
    MCAP_MESSAGE_HEAD_SIZE != mcap_format.MESSAGE_HEAD.size
):
    raise ImportError("the layout of captures differs from the compiled one: build fastopts again")

# A buffer is reused, so that its memory is mapped only once: faulting in new pages for each chunk
# would cost more than copying the frames.
cdef Py_ssize_t FIRST_CAPACITY = 1 << 16
cdef Py_ssize_t FIRST_CHANNELS = 64


@cython.final
cdef class CaptureChannel:
    """A channel of one file; see the pure twin."""

    cdef readonly uint16_t number
    cdef readonly uint32_t sequence

    def __cinit__(self, uint16_t number):
        self.number = number


@cython.final
cdef class CaptureBuffer:
    """MCAP message records of one chunk; see the pure twin."""

    cdef readonly int64_t frames
    # By channel number: a dictionary would cost as much for each read as copying a frame.
    cdef uint64_t* messages
    cdef Py_ssize_t channels
    cdef uint8_t* memory
    cdef Py_ssize_t size
    cdef Py_ssize_t capacity
    cdef Py_ssize_t exports

    def __dealloc__(self):
        free(self.memory)
        free(self.messages)

    def __len__(self):
        return self.size

    def __getbuffer__(self, Py_buffer* buffer, int flags):
        PyBuffer_FillInfo(buffer, self, self.memory, self.size, 1, flags)
        self.exports += 1

    def __releasebuffer__(self, Py_buffer* buffer):
        self.exports -= 1

    @property
    def counts(self):
        """Number of messages by channel number."""
        cdef Py_ssize_t number
        counts = {}
        for number in range(self.channels):
            if self.messages[number]:
                counts[number] = self.messages[number]
        return counts

    def contents(self):
        """Return the records, borrowed until `clear`: release it before any further call."""
        return memoryview(self)

    def clear(self):
        """Drop the contents, and keep the memory. Raises BufferError while it is borrowed."""
        self.check_unborrowed()
        self.size = 0
        self.frames = 0
        if self.channels:
            memset(self.messages, 0, self.channels * sizeof(uint64_t))

    def append(self, CaptureChannel channel not None, bytes payload not None, uint64_t log_ns,
               uint64_t publish_ns, bint is_frame=False):
        """Add one message."""
        self.add(channel, <const uint8_t*><const char*>payload, len(payload), log_ns, publish_ns)
        self.count(channel, 1)
        self.frames += is_frame

    def append_frames(self, CaptureChannel channel not None, view, Py_ssize_t start,
                      Py_ssize_t end, uint64_t log_ns, uint64_t publish_ns):
        """Add the payloads of the whole plain text frames in ``view[start:end]``.

        Returns their number: those that `Inlet.scan` applies.
        """
        cdef Py_buffer buffer
        cdef const uint8_t* base = borrow(view, start, end, &buffer)
        cdef const uint8_t* at = base + start
        cdef Py_ssize_t header, size = 0, count = 0
        try:
            while True:
                header = plain_frame(at, base + end, &size)
                if header <= 0:
                    break
                self.add(channel, at + header, size, log_ns, publish_ns)
                at += header + size
                count += 1
        finally:
            PyBuffer_Release(&buffer)
            if count:
                self.count(channel, count)
                self.frames += count
        return count

    cdef int add(self, CaptureChannel channel, const uint8_t* payload, Py_ssize_t size,
                 uint64_t log_ns, uint64_t publish_ns) except -1:
        cdef MessageHead* head
        if self.capacity - self.size < MCAP_MESSAGE_HEAD_SIZE + size or self.exports:
            self.grow(MCAP_MESSAGE_HEAD_SIZE + size)
        head = <MessageHead*>(self.memory + self.size)
        head.opcode = MCAP_MESSAGE
        head.length = MCAP_MESSAGE_HEAD_SIZE - MCAP_RECORD_HEAD_SIZE + size
        head.channel = channel.number
        head.sequence = channel.sequence
        head.log_ns = log_ns
        head.publish_ns = publish_ns
        memcpy(self.memory + self.size + MCAP_MESSAGE_HEAD_SIZE, payload, size)
        self.size += MCAP_MESSAGE_HEAD_SIZE + size
        channel.sequence += 1
        return 0

    cdef int count(self, CaptureChannel channel, Py_ssize_t messages) except -1:
        if channel.number >= self.channels:
            self.grow_counts(channel.number)
        self.messages[channel.number] += messages
        return 0

    cdef int grow_counts(self, Py_ssize_t number) except -1:
        cdef Py_ssize_t channels = max(2 * self.channels, number + 1, FIRST_CHANNELS)
        cdef uint64_t* messages = <uint64_t*>realloc(self.messages, channels * sizeof(uint64_t))
        if messages == NULL:
            raise MemoryError
        memset(messages + self.channels, 0, (channels - self.channels) * sizeof(uint64_t))
        self.messages, self.channels = messages, channels
        return 0

    cdef int check_unborrowed(self) except -1:
        if self.exports:
            raise BufferError("the contents are borrowed: release them before")
        return 0

    cdef int grow(self, Py_ssize_t needed) except -1:
        cdef Py_ssize_t capacity = max(self.capacity, FIRST_CAPACITY)
        cdef uint8_t* memory
        self.check_unborrowed()
        while capacity - self.size < needed:
            capacity *= 2
        memory = <uint8_t*>realloc(self.memory, capacity)
        if memory == NULL:
            raise MemoryError
        self.memory, self.capacity = memory, capacity
        return 0
