"""The MCAP container format: layouts of its records, and functions that encode them.

Only what captures need: files whose messages are in zstd chunks. The compiled core gets the layout
of a message record from here, too (`python -m tests.core.make_layout`). All integers are little
endian. https://mcap.dev/spec
"""

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

__all__ = (
    "CHUNK_COUNTS",
    "MAGIC",
    "MESSAGE_HEAD",
    "RECORD_HEAD",
    "ChunkHead",
    "ChunkIndex",
    "McapStatistics",
    "MetadataIndex",
    "Opcode",
    "channel",
    "chunk_counts",
    "chunk_head",
    "data_end",
    "footer",
    "header",
    "metadata",
    "summary",
)

MAGIC: Final = b"\x89MCAP0\r\n"
RECORD_HEAD: Final = struct.Struct("<BQ")  # opcode, length of the content
# Opcode, length of the content; then channel, sequence, log time and publish time in ns. The
# payload follows, as the rest of the content.
MESSAGE_HEAD: Final = struct.Struct("<BQHIQQ")
COMPRESSION: Final = b"zstd"
# Start and end time in ns, uncompressed size and CRC-32, the compression as a prefixed string of
# four characters, compressed size.
_CHUNK: Final = struct.Struct("<QQQII4sQ")
_FOOTER: Final = struct.Struct("<QQI")
# Applications may use opcodes from 0x80; other readers skip them. After each chunk: the number of
# its messages by channel. With it, a file that was cut off gets exact statistics without
# decompressing every chunk.
CHUNK_COUNTS: Final = 0x80


class Opcode:
    """The first byte of a record."""

    HEADER: Final = 0x01
    FOOTER: Final = 0x02
    CHANNEL: Final = 0x04
    MESSAGE: Final = 0x05
    CHUNK: Final = 0x06
    CHUNK_INDEX: Final = 0x08
    STATISTICS: Final = 0x0B
    METADATA: Final = 0x0C
    METADATA_INDEX: Final = 0x0D
    SUMMARY_OFFSET: Final = 0x0E
    DATA_END: Final = 0x0F


@dataclass(frozen=True, slots=True)
class ChunkHead:
    """The fields of a chunk record before its compressed data; times are ns since 1970 UTC."""

    start_ns: int
    end_ns: int
    size: int
    crc: int
    compressed_size: int

    SIZE = RECORD_HEAD.size + _CHUNK.size

    @classmethod
    def parse(cls, data: bytes) -> "ChunkHead":
        """Read the first `SIZE` bytes of a chunk record.

        Raises ValueError unless it is zstd, and as long as the record says.
        """
        fields = _CHUNK.unpack_from(data, RECORD_HEAD.size)
        start_ns, end_ns, size, crc, length, compression, compressed_size = fields
        if length != len(COMPRESSION) or compression != COMPRESSION:
            raise ValueError("a chunk that is not compressed by zstd")
        # Else a flipped bit in either length makes readers ask for exabytes.
        if cls.SIZE + compressed_size != RECORD_HEAD.size + RECORD_HEAD.unpack_from(data)[1]:
            raise ValueError("a chunk whose data are not as long as its record")
        return cls(start_ns, end_ns, size, crc, compressed_size)


@dataclass(frozen=True, slots=True)
class ChunkIndex:
    """Where a chunk is in the file."""

    offset: int
    head: ChunkHead

    def encode(self) -> bytes:
        """Return the record; without the index of single messages, which no capture has."""
        head = self.head
        times = struct.pack("<QQ", head.start_ns, head.end_ns)
        place = struct.pack("<QQIQ", self.offset, head.SIZE + head.compressed_size, 0, 0)
        sizes = struct.pack("<QQ", head.compressed_size, head.size)
        return _record(Opcode.CHUNK_INDEX, times + place + _text(COMPRESSION.decode()) + sizes)


@dataclass(frozen=True, slots=True)
class MetadataIndex:
    """Where a metadata record is in the file."""

    offset: int
    length: int
    name: str

    def encode(self) -> bytes:
        """Return the record."""
        place = struct.pack("<QQ", self.offset, self.length)
        return _record(Opcode.METADATA_INDEX, place + _text(self.name))


@dataclass(frozen=True, slots=True)
class McapStatistics:
    """Counts of a file, and the times of its first and last message in ns."""

    start_ns: int
    end_ns: int
    channels: int
    chunks: int
    metadata: int
    messages: Mapping[int, int]
    """Number of messages by channel."""

    def encode(self) -> bytes:
        """Return the record."""
        counts = (sum(self.messages.values()), 0, self.channels, 0, self.metadata, self.chunks)
        head = struct.pack("<QHIIII", *counts) + struct.pack("<QQ", self.start_ns, self.end_ns)
        return _record(Opcode.STATISTICS, head + _counts(self.messages))


def header(profile: str, library: str) -> bytes:
    """Return the record at the head of a file."""
    return _record(Opcode.HEADER, _text(profile) + _text(library))


def channel(number: int, topic: str, encoding: str, entries: Mapping[str, str]) -> bytes:
    """Return the record that declares a channel, which has no schema."""
    head = struct.pack("<HH", number, 0)
    return _record(Opcode.CHANNEL, head + _text(topic) + _text(encoding) + _texts(entries))


def metadata(name: str, entries: Mapping[str, str]) -> bytes:
    """Return a metadata record."""
    return _record(Opcode.METADATA, _text(name) + _texts(entries))


def chunk_head(head: ChunkHead) -> bytes:
    """Return a chunk record up to its data."""
    content = _CHUNK.pack(
        *(head.start_ns, head.end_ns, head.size, head.crc),
        *(len(COMPRESSION), COMPRESSION, head.compressed_size),
    )
    return RECORD_HEAD.pack(Opcode.CHUNK, len(content) + head.compressed_size) + content


def chunk_counts(messages: Mapping[int, int]) -> bytes:
    """Return the record that follows a chunk: its number of messages by channel."""
    return _record(CHUNK_COUNTS, _counts(messages))


def parse_counts(content: bytes) -> dict[int, int]:
    """Return the number of messages by channel, from the content of such a record."""
    return dict(struct.iter_unpack("<HQ", content[4:]))


def parse_channel(content: bytes) -> tuple[int, str]:
    """Return number and topic, from the content of a channel record."""
    number, _, size = struct.unpack_from("<HHI", content)
    return number, content[8 : 8 + size].decode()


def parse_metadata(content: bytes) -> tuple[str, dict[str, str]]:
    """Return name and entries, from the content of a metadata record."""
    name, at = _parse_text(content, 0)
    end = at + 4 + struct.unpack_from("<I", content, at)[0]
    at += 4
    entries = {}
    while at < end:
        key, at = _parse_text(content, at)
        entries[key], at = _parse_text(content, at)
    return name, entries


def data_end(crc: int) -> bytes:
    """Return the record behind the data; *crc* is of the file so far."""
    return _record(Opcode.DATA_END, struct.pack("<I", crc))


def summary(offset: int, groups: Mapping[int, bytes]) -> bytes:
    """Return the end of a file that is *offset* bytes long: summary, footer, magic.

    *groups* are the encoded records of the summary, by their opcode.
    """
    body, offsets, at = bytearray(), bytearray(), offset
    for opcode, records in groups.items():
        if records:
            place = struct.pack("<BQQ", opcode, at, len(records))
            offsets += _record(Opcode.SUMMARY_OFFSET, place)
        body += records
        at += len(records)
    return bytes(body + offsets) + footer(bytes(body + offsets), offset, at)


def footer(section: bytes, start: int, offsets_start: int) -> bytes:
    """Return the footer of a file whose summary *section* begins at *start*, and the magic."""
    head = RECORD_HEAD.pack(Opcode.FOOTER, _FOOTER.size) + struct.pack("<QQ", start, offsets_start)
    crc = zlib.crc32(head, zlib.crc32(section))
    return head + struct.pack("<I", crc) + MAGIC


def _record(opcode: int, content: bytes) -> bytes:
    return RECORD_HEAD.pack(opcode, len(content)) + content


def _text(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<I", len(data)) + data


def _texts(entries: Mapping[str, str]) -> bytes:
    content = b"".join(_text(key) + _text(value) for key, value in entries.items())
    return struct.pack("<I", len(content)) + content


def _counts(messages: Mapping[int, int]) -> bytes:
    content = b"".join(struct.pack("<HQ", *pair) for pair in messages.items())
    return struct.pack("<I", len(content)) + content


def _parse_text(content: bytes, at: int) -> tuple[str, int]:
    (size,) = struct.unpack_from("<I", content, at)
    return content[at + 4 : at + 4 + size].decode(), at + 4 + size
