"""Capture files as tests write them."""

from pathlib import Path

from fastopts.capture.file import CaptureFile
from fastopts.capture.summary import ChannelEntry
from fastopts.core import CaptureBuffer, CaptureChannel

OPENING = {"venue": "sim"}
START_NS = 1_764_500_000_000_000_000
CHANNELS = [
    ChannelEntry(1, "in/1", "json", {"connection": "1"}),
    ChannelEntry(2, "control", "json"),
]


def new_file(path: Path) -> CaptureFile:
    return CaptureFile(path, "fastopts tests", OPENING)


def payload(number: int) -> bytes:
    return b'{"number": %d, "text": "%s"}' % (number, b"ab" * 300)


def write_chunk(file: CaptureFile, numbers: range, *, is_first: bool) -> None:
    """Write a chunk of the messages *numbers*, a millisecond apart; each tenth is of `control`."""
    buffer = CaptureBuffer()
    channels = {1: CaptureChannel(1), 2: CaptureChannel(2)}
    for number in numbers:
        log_ns = START_NS + number * 1_000_000
        channel = channels[2 if number % 10 == 0 else 1]
        buffer.append(channel, payload(number), log_ns, log_ns)
    first, last = (START_NS + number * 1_000_000 for number in (numbers[0], numbers[-1]))
    with buffer.contents() as data:
        file.write_chunk(data, first, last, buffer.counts, CHANNELS if is_first else [])


def write_capture(path: Path, chunks: int, size: int = 50) -> list[int]:
    """Write a file of *chunks* chunks and leave it open; return its size after each of them."""
    file, ends = new_file(path), []
    for chunk in range(chunks):
        numbers = range(chunk * size, (chunk + 1) * size)
        write_chunk(file, numbers, is_first=chunk == 0)
        ends.append(file.size)
    file.abandon()
    return ends
