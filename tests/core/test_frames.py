"""Whole plain text frames out of a socket's bytes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from fastopts.core import frames


def split(data: bytes) -> tuple[list[bytes], int]:
    return frames.split(memoryview(data), 0, len(data))


def text(payload: bytes, **options: bool) -> bytes:
    return Frame(Opcode.TEXT, payload, **options).serialize(mask=False)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65_535])
def test_a_whole_text_frame_is_taken_and_a_part_of_it_is_not(size: int) -> None:
    frame = text(b"x" * size)
    assert split(frame) == ([b"x" * size], len(frame))
    assert split(frame + frame) == ([b"x" * size] * 2, 2 * len(frame))
    for cut in {0, 1, 2, 3, 4, len(frame) // 2, len(frame) - 1} - {len(frame)}:
        if cut < len(frame):
            assert split(frame[:cut]) == ([], 0)
            assert split(frame + frame[:cut]) == ([b"x" * size], len(frame))


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
def test_any_other_frame_is_left_where_it_stands(frame: bytes) -> None:
    before = text(b"a") + text(b"b")
    assert split(frame) == ([], ~0)
    assert split(before + frame) == ([b"a", b"b"], ~len(before))


@given(st.lists(st.binary(max_size=300)), st.data())
def test_frames_are_found_however_the_stream_is_cut(
    payloads: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(map(text, payloads))
    view, found, start, end = memoryview(stream), [], 0, 0
    while end < len(stream):
        end = data.draw(st.integers(end + 1, len(stream)))
        taken, start = frames.split(view, start, end)
        found += taken
    assert found == payloads
    assert start == len(stream)


@given(st.binary(max_size=40))
def test_any_bytes_end_at_a_frame_boundary(stream: bytes) -> None:
    payloads, at = split(stream)
    position = at if at >= 0 else ~at
    assert b"".join(map(text, payloads)) == stream[:position] or b"\x7e" in stream[:position]
    if at < 0:
        assert stream[position] != 0x81 or stream[position + 1] > 126


@pytest.mark.parametrize(("start", "end"), [(-1, 1), (0, 4), (2, 1)])
def test_a_part_outside_the_buffer_is_an_error(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="no such part"):
        frames.split(memoryview(b"abc"), start, end)
