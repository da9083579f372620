"""Messages of a capture as MCAP records in a buffer: the twin of `capture.pyx`."""

from typing import Final

from fastopts.core.pure import frames
from fastopts.mcap_format import MESSAGE_HEAD, RECORD_HEAD, Opcode

__all__ = ("CaptureBuffer", "CaptureChannel")

HEAD_LENGTH: Final = MESSAGE_HEAD.size - RECORD_HEAD.size  # of the content, before the payload
SEQUENCE_MASK: Final = (1 << 32) - 1


class CaptureChannel:
    """A channel of one file: its *number* there, and the sequence number of its next message."""

    def __init__(self, number: int) -> None:
        if not 0 <= number <= 0xFFFF:
            raise OverflowError(f"not the number of a channel: {number}")
        self.number = number
        self.sequence = 0


class CaptureBuffer:
    """MCAP message records of one chunk. Its contents are read through the buffer protocol.

    `counts` has the number of messages by channel number, `frames` the number of messages from
    `append_frames` and from `append` with *is_frame*.
    """

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.frames = 0
        self._data = bytearray()

    def __len__(self) -> int:
        return len(self._data)

    def contents(self) -> memoryview:
        """Return the records, borrowed until `clear`: release it before any further call."""
        return memoryview(self._data)

    def clear(self) -> None:
        """Drop the contents, and keep the memory. Raises BufferError while it is borrowed."""
        self._data.clear()
        self.counts = {}
        self.frames = 0

    def append(
        self,
        channel: CaptureChannel,
        payload: bytes,
        log_ns: int,
        publish_ns: int,
        is_frame: bool = False,
    ) -> None:
        """Add one message."""
        self._data += MESSAGE_HEAD.pack(
            *(Opcode.MESSAGE, HEAD_LENGTH + len(payload), channel.number, channel.sequence),
            *(log_ns, publish_ns),
        )
        self._data += payload
        channel.sequence = (channel.sequence + 1) & SEQUENCE_MASK
        self.counts[channel.number] = self.counts.get(channel.number, 0) + 1
        self.frames += is_frame

    def append_frames(
        self,
        channel: CaptureChannel,
        view: memoryview,
        start: int,
        end: int,
        log_ns: int,
        publish_ns: int,
    ) -> int:
        """Add the payloads of the whole plain text frames in ``view[start:end]``.

        Returns their number: those that `Inlet.scan` applies.
        """
        payloads, _ = frames.split(view, start, end)
        for payload in payloads:
            self.append(channel, payload, log_ns, publish_ns, is_frame=True)
        return len(payloads)
