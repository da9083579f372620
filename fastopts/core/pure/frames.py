"""Whole plain text frames in a buffer: the twin of `frames.pxd`.

Tests and the fuzzer compare `table.Inlet.scan` with `split`, and `split` with `websockets`.
"""

from typing import Final

__all__ = ("plain_frame", "split")

FIN_AND_TEXT: Final = 0x81
LENGTH_16: Final = 126  # the next two bytes hold the length


def plain_frame(data: memoryview) -> tuple[int, int]:
    """Return the lengths of header and payload of the frame at the head of *data*.

    A header length of 0 means that more bytes are needed, -1 that the frame is not plain. See
    `frames.plain_frame`.
    """
    size = len(data)
    if size < 1:
        return 0, 0
    if data[0] != FIN_AND_TEXT:
        return -1, 0
    if size < 2:
        return 0, 0
    if data[1] < LENGTH_16:
        return (2 if size >= 2 + data[1] else 0), data[1]
    if data[1] != LENGTH_16:
        return -1, 0
    if size < 4:
        return 0, 0
    length = int.from_bytes(data[2:4], "big")
    return (4 if size >= 4 + length else 0), length


def split(view: memoryview, start: int, end: int) -> tuple[list[bytes], int]:
    """Return the payloads of the plain text frames in ``view[start:end]`` and the position behind
    the last one, inverted (``~position``) if the frame there is not a plain text frame.

    The loop of `table.Inlet.scan`.
    """
    if not 0 <= start <= end <= len(view):
        raise ValueError(f"no such part of {len(view)} bytes: {start}:{end}")
    payloads = list[bytes]()
    at = start
    while True:
        header, size = plain_frame(view[at:end])
        if header <= 0:
            return payloads, at if header == 0 else ~at
        payloads.append(bytes(view[at + header : at + header + size]))
        at += header + size
