"""What a capture file holds, read from the heads of its records: whole files and cut ones alike.

Chunks are not decompressed: an hour of a busy market takes a tenth of a second.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from fastopts import mcap_format
from fastopts.capture.summary import CLOSING, OPENING, PROFILE, Contents
from fastopts.errors import CaptureError
from fastopts.mcap_format import (
    MAGIC,
    RECORD_HEAD,
    ChunkHead,
    ChunkIndex,
    MetadataIndex,
    Opcode,
)

__all__ = ("Inspection", "inspect", "inspect_file")

# Records other than chunks are small: a longer one is not a record.
RECORD_LENGTH_MAX: Final = 1 << 26
CHUNK_LENGTH_MAX: Final = 1 << 30


@dataclass(slots=True)
class Inspection:
    """The content of a file up to its first incomplete record."""

    size: int
    """Size of the file in bytes."""
    contents: Contents = field(default_factory=Contents)
    metadata: dict[str, dict[str, str]] = field(default_factory=dict)
    """Metadata records by name."""
    topics: dict[int, str] = field(default_factory=dict)
    valid_size: int = 0
    """Size of the part that is sound: whole chunks, each with its counts."""
    has_footer: bool = False

    @property
    def opening(self) -> dict[str, str]:
        """The metadata at the head of the file: venue, epoch, version."""
        return self.metadata.get(OPENING, {})

    @property
    def closing(self) -> dict[str, str]:
        """What the recorder noted when it closed the file; empty if it did not."""
        return self.metadata.get(CLOSING, {})


def inspect(path: Path) -> Inspection:
    """Read the records of *path*. Raises CaptureError if it can't be read or is no capture."""
    try:
        with path.open("rb") as file:
            return inspect_file(file, str(path))
    except OSError as error:
        raise CaptureError(f"{path}: {error.strerror or error}") from error


def inspect_file(file: BinaryIO, name: str, size: int | None = None) -> Inspection:
    """Read the records in the first *size* bytes (None: all) of *file*; *name* is for the error.

    Raises CaptureError if they are not those of a capture, and OSError.
    """
    if size is None:
        size = os.fstat(file.fileno()).st_size
    file.seek(0)
    inspection = Inspection(size)
    if file.read(len(MAGIC)) != MAGIC:
        raise CaptureError(f"{name}: not an MCAP file")
    builder = _Builder(inspection)
    for offset, opcode, content in _records(file, size):
        if opcode == Opcode.HEADER and not content[4:].startswith(PROFILE.encode()):
            raise CaptureError(f"{name}: an MCAP file, but not a capture of fastopts")
        if opcode == Opcode.DATA_END:  # what follows repeats what precedes it
            inspection.has_footer = _ends_with_magic(file, size)
            break
        try:
            is_complete = builder.add(offset, opcode, content)
        except (ValueError, struct.error):  # damaged: nothing behind it can be trusted
            break
        if is_complete:
            inspection.valid_size = file.tell()
    return inspection


class _Builder:
    """Adds records to an inspection. A chunk and its channels count once its counts are there."""

    def __init__(self, inspection: Inspection) -> None:
        self._found = inspection
        self._chunk: ChunkIndex | None = None
        self._channels: dict[int, bytes] = {}

    def add(self, offset: int, opcode: int, content: bytes) -> bool:
        """Add a record; return whether the file may end behind it. Raises ValueError."""
        contents = self._found.contents
        match opcode:
            case Opcode.CHANNEL:
                number, topic = mcap_format.parse_channel(content)
                self._found.topics[number] = topic
                self._channels[number] = RECORD_HEAD.pack(opcode, len(content)) + content
                return False
            case Opcode.CHUNK:
                self._chunk = ChunkIndex(offset, ChunkHead.parse(content))
                return False
            case mcap_format.CHUNK_COUNTS:
                if self._chunk is None:
                    raise ValueError("counts without a chunk")
                contents.count(mcap_format.parse_counts(content))
                contents.chunks.append(self._chunk)
                contents.channels |= self._channels
                self._chunk, self._channels = None, {}
            case Opcode.METADATA:
                name, entries = mcap_format.parse_metadata(content)
                self._found.metadata[name] = entries
                length = RECORD_HEAD.size + len(content)
                contents.metadata.append(MetadataIndex(offset, length, name))
            case _ if opcode != Opcode.HEADER:  # nothing that a capture has
                return False
        return True


def _records(file: BinaryIO, size: int) -> Iterator[tuple[int, int, bytes]]:
    """Yield offset, opcode and content of each whole record; of a chunk the head without its data.

    The file's position is behind the record.
    """
    while True:
        offset = file.tell()
        head = file.read(RECORD_HEAD.size)
        if len(head) < RECORD_HEAD.size:
            return
        opcode, length = RECORD_HEAD.unpack(head)
        end = offset + RECORD_HEAD.size + length
        is_chunk = opcode == Opcode.CHUNK
        limit = CHUNK_LENGTH_MAX if is_chunk else RECORD_LENGTH_MAX
        if end > size or length > limit:
            return
        # Chunks are nearly the whole file: their data is skipped, not read.
        if is_chunk:
            file.seek(offset)
            content = file.read(ChunkHead.SIZE)
            file.seek(end)
        else:
            content = file.read(length)
        yield offset, opcode, content


def _ends_with_magic(file: BinaryIO, size: int) -> bool:
    file.seek(size - len(MAGIC))
    return file.read() == MAGIC
