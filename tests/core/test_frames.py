"""Whole plain text frames out of a socket's bytes, by the inlet of either core and by `split`."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from fastopts.core.pure import frames
from tests.core.batch_harness import BatchHarness

# JSON, but not tickers: the inlet leaves such payloads in `others`.
JSON = st.integers(0, 300).map(lambda size: b'"%b"' % (b"x" * size))


def split(harness: BatchHarness, data: bytes) -> tuple[list[bytes], int]:
    """The payloads and the position that the inlet finds, checked against `frames.split`."""
    inlet = harness.table.inlet(1)
    position = inlet.scan(memoryview(data), 0, len(data), 0)
    assert frames.split(memoryview(data), 0, len(data)) == (inlet.others, position)
    return inlet.others, position


def text(payload: bytes, **options: bool) -> bytes:
    return Frame(Opcode.TEXT, payload, **options).serialize(mask=False)


@pytest.mark.parametrize("size", [2, 125, 126, 127, 65_535])
def test_a_whole_text_frame_is_taken_and_a_part_of_it_is_not(
    harness: BatchHarness, size: int
) -> None:
    payload = b'"%b"' % (b"x" * (size - 2))
    frame = text(payload)
    assert split(harness, frame) == ([payload], len(frame))
    assert split(harness, frame + frame) == ([payload] * 2, 2 * len(frame))
    for cut in {0, 1, 2, 3, 4, len(frame) // 2, len(frame) - 1}:
        if cut < len(frame):
            assert split(harness, frame[:cut]) == ([], 0)
            assert split(harness, frame + frame[:cut]) == ([payload], len(frame))


def test_an_empty_frame_is_a_message_too(harness: BatchHarness) -> None:
    inlet = harness.table.inlet(1)
    assert inlet.scan(memoryview(text(b"")), 0, 2, 0) == 2
    assert inlet.unreadable == 1


@pytest.mark.parametrize(
    "frame",
    [
        Frame(Opcode.PING, b"").serialize(mask=False),
        Frame(Opcode.BINARY, b"x").serialize(mask=False),
        text(b"x", fin=False),
        b"\x81\x81maskx",
        b"\xc1\x01x",
        b"\x83\x00",
        text(b"x" * 65_536),
        b"HTTP/1.1 101",
    ],
)
def test_any_other_frame_is_left_to_the_library(harness: BatchHarness, frame: bytes) -> None:
    before = text(b"1") + text(b"2")
    assert split(harness, frame) == ([], ~0)
    assert split(harness, before + frame) == ([b"1", b"2"], ~len(before))


@given(payloads=st.lists(JSON), data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_frames_are_found_however_the_stream_is_cut(
    harness: BatchHarness, payloads: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(map(text, payloads))
    inlet, view, start, end = harness.table.inlet(1), memoryview(stream), 0, 0
    while end < len(stream):
        end = data.draw(st.integers(end + 1, len(stream)))
        start = inlet.scan(view, start, end, 0)
    assert inlet.others == payloads
    assert start == len(stream)


@given(stream=st.binary(max_size=40))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_bytes_end_at_a_frame_boundary(harness: BatchHarness, stream: bytes) -> None:
    payloads, at = frames.split(memoryview(stream), 0, len(stream))
    assert harness.table.inlet(1).scan(memoryview(stream), 0, len(stream), 0) == at
    position = at if at >= 0 else ~at
    assert b"".join(map(text, payloads)) == stream[:position] or b"\x7e" in stream[:position]
    if at < 0:
        assert stream[position] != 0x81 or stream[position + 1] > 126


@pytest.mark.parametrize(("start", "end"), [(-1, 1), (0, 4), (2, 1)])
def test_a_part_outside_the_buffer_is_an_error(harness: BatchHarness, start: int, end: int) -> None:
    for scan in (frames.split, lambda *part: harness.table.inlet(1).scan(*part, 0)):
        with pytest.raises(ValueError, match="no such part of 3 bytes"):
            scan(memoryview(b"abc"), start, end)


def test_a_view_is_released_after_an_error(harness: BatchHarness) -> None:
    data = bytearray(b"abc")
    inlet: Any = harness.table.inlet(1)
    with pytest.raises(ValueError, match="no such part"):
        inlet.scan(data, 0, 9, 0)
    data += b"d"  # raises BufferError while the memory is locked
