"""What a capture file consists of besides messages: names, channels, and the summary at its end."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from fastopts import mcap_format
from fastopts.mcap_format import ChunkIndex, McapStatistics, MetadataIndex, Opcode

__all__ = (
    "CLOSING",
    "OPENING",
    "PART",
    "PROFILE",
    "RECOVERED",
    "SUFFIX",
    "ChannelEntry",
    "Contents",
)

SUFFIX: Final = ".mcap"
PART: Final = ".part"  # behind the name of a file that is not closed
PROFILE: Final = "fastopts"
# Names of metadata records: at the head, at the end of a closed file, of a recovered one.
OPENING: Final = "capture"
CLOSING: Final = "closed"
RECOVERED: Final = "recovered"


@dataclass(frozen=True, slots=True)
class ChannelEntry:
    """A channel as a file declares it."""

    number: int
    topic: str
    encoding: str
    entries: Mapping[str, str] = field(default_factory=dict)

    def encode(self) -> bytes:
        """Return its record."""
        return mcap_format.channel(self.number, self.topic, self.encoding, self.entries)


@dataclass(slots=True)
class Contents:
    """What a file holds so far, of which the summary at its end consists."""

    channels: dict[int, bytes] = field(default_factory=dict)
    """The declaration of each channel, as it is in the file."""
    chunks: list[ChunkIndex] = field(default_factory=list)
    metadata: list[MetadataIndex] = field(default_factory=list)
    messages: dict[int, int] = field(default_factory=dict)
    """Number of messages by channel."""

    def count(self, messages: Mapping[int, int]) -> None:
        """Add the messages of a chunk."""
        for channel, count in messages.items():
            self.messages[channel] = self.messages.get(channel, 0) + count

    def end(self, offset: int, crc: int) -> bytes:
        """Return the rest of a file of *offset* bytes with this content; *crc* is theirs."""
        data_end = mcap_format.data_end(crc)
        statistics = McapStatistics(
            start_ns=min((chunk.head.start_ns for chunk in self.chunks), default=0),
            end_ns=max((chunk.head.end_ns for chunk in self.chunks), default=0),
            channels=len(self.channels),
            chunks=len(self.chunks),
            metadata=len(self.metadata),
            messages=self.messages,
        )
        groups = {
            Opcode.CHANNEL: b"".join(self.channels.values()),
            Opcode.STATISTICS: statistics.encode(),
            Opcode.CHUNK_INDEX: b"".join(chunk.encode() for chunk in self.chunks),
            Opcode.METADATA_INDEX: b"".join(index.encode() for index in self.metadata),
        }
        return data_end + mcap_format.summary(offset + len(data_end), groups)
