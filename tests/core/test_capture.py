"""Frames in a buffer of MCAP message records, by both cores, read by the official library."""

from io import BytesIO
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcap.data_stream import ReadDataStream
from mcap.opcode import Opcode
from mcap.records import Message
from websockets.frames import Frame
from websockets.frames import Opcode as FrameOpcode

from fastopts.core.pure import frames

LOG_NS = 1_764_500_000_123_456_789
PUBLISH_NS = 1_764_500_000_124_000_000


def text(payload: bytes) -> bytes:
    return Frame(FrameOpcode.TEXT, payload).serialize(mask=False)


def messages(buffer: Any) -> list[Message]:
    """The content of *buffer*, as the official library parses it."""
    with buffer.contents() as view:
        data = bytes(view)
    assert len(buffer) == len(data)
    stream, parsed = ReadDataStream(BytesIO(data)), []
    while stream.count < len(data):
        assert stream.read1() == Opcode.MESSAGE
        parsed.append(Message.read(stream, stream.read8()))
    return parsed


def message(channel: int, sequence: int, payload: bytes) -> Message:
    return Message(channel, LOG_NS, payload, PUBLISH_NS, sequence)


def test_payloads_become_messages_in_order(core: Any) -> None:
    buffer, channel = core.CaptureBuffer(), core.CaptureChannel(7)
    data = text(b"first") + text(b"") + text(b"x" * 300) + text(b"cut")[:-1]
    assert buffer.append_frames(channel, memoryview(data), 0, len(data), LOG_NS, PUBLISH_NS) == 3
    buffer.append(channel, b"whole", LOG_NS, PUBLISH_NS, True)
    buffer.append(core.CaptureChannel(8), b"sent", LOG_NS, PUBLISH_NS)
    payloads = (b"first", b"", b"x" * 300, b"whole")
    expected = [message(7, sequence, payload) for sequence, payload in enumerate(payloads)]
    assert messages(buffer) == [*expected, message(8, 0, b"sent")]
    assert (buffer.counts, buffer.frames, channel.sequence) == ({7: 4, 8: 1}, 4, 4)


@given(stream=st.binary(max_size=60), cut=st.integers(0, 60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_frames_that_the_inlet_applies_are_recorded(core: Any, stream: bytes, cut: int) -> None:
    data = text(b"a") + text(b"bc" * 70) + stream
    buffer, channel, start = core.CaptureBuffer(), core.CaptureChannel(0), min(cut, len(data))
    count = buffer.append_frames(channel, memoryview(data), start, len(data), LOG_NS, PUBLISH_NS)
    payloads, _ = frames.split(memoryview(data), start, len(data))
    assert [each.data for each in messages(buffer)] == payloads
    assert count == len(payloads) == buffer.frames


def test_a_cleared_buffer_is_empty_and_sequences_continue(core: Any) -> None:
    buffer, channel = core.CaptureBuffer(), core.CaptureChannel(1)
    for sequence in range(3):
        buffer.append(channel, b"x" * 100_000, LOG_NS, PUBLISH_NS)
        assert messages(buffer) == [message(1, sequence, b"x" * 100_000)]
        buffer.clear()
        assert (len(buffer), buffer.counts, buffer.frames) == (0, {}, 0)


def test_borrowed_contents_are_never_moved(core: Any) -> None:
    buffer, channel = core.CaptureBuffer(), core.CaptureChannel(1)
    buffer.append(channel, b"kept", LOG_NS, PUBLISH_NS)
    with buffer.contents() as view:
        before = bytes(view)
        with pytest.raises(BufferError):
            buffer.append(channel, b"x" * 1_000_000, LOG_NS, PUBLISH_NS)
        with pytest.raises(BufferError):
            buffer.clear()
        assert bytes(view) == before
    buffer.append(channel, b"more", LOG_NS, PUBLISH_NS)
    assert [each.data for each in messages(buffer)] == [b"kept", b"more"]


def test_misuse_raises(core: Any) -> None:
    buffer, channel = core.CaptureBuffer(), core.CaptureChannel(1)
    with pytest.raises(ValueError, match="no such part of 3 bytes: 0:4"):
        buffer.append_frames(channel, memoryview(b"abc"), 0, 4, LOG_NS, PUBLISH_NS)
    with pytest.raises(OverflowError):
        core.CaptureChannel(1 << 16)
    with pytest.raises(OverflowError):
        core.CaptureChannel(-1)
    with pytest.raises((TypeError, AttributeError)):
        buffer.append(None, b"", LOG_NS, PUBLISH_NS)
    assert messages(buffer) == []


def test_messages_are_counted_by_channel(core: Any) -> None:
    buffer = core.CaptureBuffer()
    channels = [core.CaptureChannel(number) for number in (70, 1, 65_535, 0)]
    assert buffer.counts == {}
    for count, channel in enumerate(channels, 1):
        for _ in range(count):
            buffer.append(channel, b"x", LOG_NS, PUBLISH_NS)
    assert buffer.counts == {70: 1, 1: 2, 65_535: 3, 0: 4}
    buffer.clear()
    assert buffer.counts == {}
    buffer.append(channels[0], b"x", LOG_NS, PUBLISH_NS)
    assert buffer.counts == {70: 1}
