"""The chunks of a capture file in order, whole or damaged: everything intact is read."""

import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from fastopts import mcap_format
from fastopts.capture import zstd
from fastopts.capture.folder import captures_below
from fastopts.capture.inspect import CHUNK_LENGTH_MAX, RECORD_LENGTH_MAX
from fastopts.capture.summary import CLOSING, OPENING, PART, PROFILE
from fastopts.errors import CaptureError
from fastopts.mcap_format import MAGIC, RECORD_HEAD, ChunkHead, Opcode

__all__ = ("CaptureReader", "Chunk", "Damage", "capture_files")

# Within the head of a chunk, in front of its compressed data: the length and name of its
# compression. The search for the next chunk behind damage looks for it.
_MARK: Final = struct.pack("<I", len(mcap_format.COMPRESSION)) + mcap_format.COMPRESSION
_MARK_OFFSET: Final = ChunkHead.SIZE - len(_MARK) - 8
_BLOCK: Final = 1 << 20
_FOOTER_SIZE: Final = len(mcap_format.footer(b"", 0, 0))
_CUT: Final = "an incomplete end"
_OPCODES: Final = frozenset(
    (Opcode.HEADER, Opcode.CHANNEL, Opcode.CHUNK, Opcode.METADATA, mcap_format.CHUNK_COUNTS)
)


@dataclass(frozen=True, slots=True)
class Chunk:
    """The message records of one chunk; *topics* are those of the file by channel number."""

    data: bytes
    start_ns: int
    end_ns: int
    topics: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Damage:
    """A part of a file that can't be read, from byte *offset* on, *size* bytes long."""

    path: Path
    offset: int
    size: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: {self.reason} at byte {self.offset} ({self.size} bytes)"


@dataclass(slots=True)
class CaptureReader:
    """Reads the file *path* once, from its start.

    *opening* is known before the first chunk, *closing* after the last one; it stays empty if the
    recorder did not close the file.
    """

    path: Path
    opening: dict[str, str] = field(default_factory=dict)
    closing: dict[str, str] = field(default_factory=dict)
    topics: dict[int, str] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Chunk | Damage]:
        """Yield chunks, and the damage between them.

        Raises CaptureError if the file can't be read or is not a capture.
        """
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, 2)
                self._check_head(file)
                self._note_summary(file, size)
                yield from self._records(file, size)
        except OSError as error:
            raise CaptureError(f"{self.path}: {error.strerror or error}") from error

    def _check_head(self, file: BinaryIO) -> None:
        file.seek(0)
        if file.read(len(MAGIC)) != MAGIC:
            raise CaptureError(f"{self.path}: not an MCAP file")
        head = file.read(RECORD_HEAD.size)
        if len(head) == RECORD_HEAD.size:
            opcode, length = RECORD_HEAD.unpack(head)
            content = file.read(min(length, RECORD_LENGTH_MAX))
            if opcode == Opcode.HEADER and not content[4:].startswith(PROFILE.encode()):
                raise CaptureError(f"{self.path}: an MCAP file, but not a capture of fastopts")

    def _note_summary(self, file: BinaryIO, size: int) -> None:
        """Learn the channels of a closed file from its end: a declaration can be damaged."""
        file.seek(max(0, size - _FOOTER_SIZE))
        footer = file.read()
        if not (footer.endswith(MAGIC) and footer[0] == Opcode.FOOTER):
            return
        (at,) = struct.unpack_from("<Q", footer, RECORD_HEAD.size)
        file.seek(min(at, size))
        while len(head := file.read(RECORD_HEAD.size)) == RECORD_HEAD.size:
            opcode, length = RECORD_HEAD.unpack(head)
            if opcode != Opcode.CHANNEL or length > RECORD_LENGTH_MAX:
                return
            try:
                self._note(opcode, file.read(length))
            except (ValueError, struct.error):
                return

    def _records(self, file: BinaryIO, size: int) -> Iterator[Chunk | Damage]:
        at, reason = len(MAGIC), ""
        while at < size:
            file.seek(at)
            head = file.read(RECORD_HEAD.size)
            opcode, length = RECORD_HEAD.unpack(head) if len(head) == RECORD_HEAD.size else (0, 0)
            if opcode == Opcode.DATA_END:  # what follows repeats what precedes it
                return
            limit = CHUNK_LENGTH_MAX if opcode == Opcode.CHUNK else RECORD_LENGTH_MAX
            end = at + RECORD_HEAD.size + length
            reason = _CUT
            if opcode in _OPCODES and length <= limit and end <= size:
                content = file.read(length)
                try:
                    if opcode == Opcode.CHUNK:
                        yield self._chunk(head + content)
                    else:
                        self._note(opcode, content)
                except (ValueError, struct.error, zstd.ZstdError) as error:
                    reason = f"a damaged record ({error})"
                else:
                    at, reason = end, ""
                    continue
            elif opcode not in _OPCODES and len(head) == RECORD_HEAD.size:
                reason = "no record"
            following = _next_chunk(file, at + 1, size)
            yield Damage(self.path, at, following - at, reason)
            at = following
        if self.path.suffix != PART and not reason:
            # Cut off between two records: nothing else shows that messages are missing.
            yield Damage(self.path, size, 0, _CUT)

    def _chunk(self, record: bytes) -> Chunk:
        """Return the chunk of a whole record. Raises ValueError or ZstdError for a damaged one."""
        head = ChunkHead.parse(record)
        if head.size > CHUNK_LENGTH_MAX:
            raise ValueError("a chunk of more than a gigabyte")
        data = zstd.decompress(record[ChunkHead.SIZE :])
        if len(data) != head.size or zlib.crc32(data) != head.crc:
            raise ValueError("a chunk whose checksum is another one")
        return Chunk(data, head.start_ns, head.end_ns, self.topics)

    def _note(self, opcode: int, content: bytes) -> None:
        if opcode == Opcode.CHANNEL:
            number, topic = mcap_format.parse_channel(content)
            self.topics[number] = topic
        elif opcode == Opcode.METADATA:
            name, entries = mcap_format.parse_metadata(content)
            if name == OPENING:
                self.opening = entries
            elif name == CLOSING:
                self.closing = entries


def capture_files(paths: Iterable[Path]) -> list[Path]:
    """Return the capture files among *paths* and below folders: one recording after the other.

    Recordings are in order of their first files, and the files of each in order. Raises BadInput
    for a folder without any, and CaptureError for one of *paths* that can't be read or is no
    capture; below a folder, such a file is among the files, and the others can still be read.
    """
    places: dict[Path, _Place] = {}
    for path in paths:
        if path.is_dir():
            places |= {each: _Place.of_any(each) for each in captures_below(path)}
        else:
            places[path] = _Place.of(path)
    # Names have date and time, but two recordings can begin files in the same second.
    begins: dict[str, int] = {}
    for place in places.values():
        begins[place.run] = min(begins.get(place.run, place.start_ns), place.start_ns)

    def order(path: Path) -> tuple[int, str, int, str]:
        place = places[path]
        return begins[place.run], place.run, place.start_ns, path.name

    return sorted(places, key=order)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a file belongs: its recording, and the log time of its first chunk."""

    run: str
    start_ns: int

    @classmethod
    def of(cls, path: Path) -> "_Place":
        reader = CaptureReader(path)
        start_ns = next((part.start_ns for part in reader if isinstance(part, Chunk)), 0)
        # Files of older versions name no run: then each is one by itself.
        return cls(reader.opening.get("run", str(path)), start_ns)

    @classmethod
    def of_any(cls, path: Path) -> "_Place":
        """The same; a file that is no capture is by itself, before all others."""
        try:
            return cls.of(path)
        except CaptureError:
            return cls(str(path), -1)


def _next_chunk(file: BinaryIO, start: int, size: int) -> int:
    """Return the offset of the next chunk that begins at *start* or later, or *size*.

    A chunk is recognised by its compression's name and by its two lengths, which must agree;
    whether it is intact is for its checksum to say.
    """
    at = start
    while at < size:
        file.seek(at)
        block = file.read(_BLOCK + len(_MARK))
        found = block.find(_MARK)
        while found >= 0:
            offset = at + found - _MARK_OFFSET
            if offset >= start and _is_chunk(file, offset):
                return offset
            found = block.find(_MARK, found + 1)
        at += _BLOCK
    return size


def _is_chunk(file: BinaryIO, offset: int) -> bool:
    """Whether the head of a chunk is at *offset*: within compressed data it can be by chance."""
    file.seek(offset)
    record = file.read(ChunkHead.SIZE)
    try:
        ChunkHead.parse(record)
    except (ValueError, struct.error):
        return False
    return record[0] == Opcode.CHUNK
