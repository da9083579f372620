"""Reads captures with the official MCAP library alone, as any other program would."""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mcap.exceptions import EndOfFile
from mcap.reader import make_reader
from mcap.records import Channel, Message, Metadata
from mcap.stream_reader import StreamReader

__all__ = ("Capture", "files", "read", "read_by_index")


@dataclass
class Capture:
    """The content of a file; `is_whole` if it ends with footer and magic."""

    messages: list[tuple[str, Message]] = field(default_factory=list)
    metadata: dict[str, dict[str, str]] = field(default_factory=dict)
    is_whole: bool = False

    def of(self, topic: str) -> list[Message]:
        """The messages of one topic."""
        return [message for name, message in self.messages if name == topic]

    def topics(self) -> set[str]:
        return {topic for topic, _ in self.messages}

    def frames(self) -> Iterator[tuple[int, Message]]:
        """Connection and message of each received frame."""
        for topic, message in self.messages:
            if topic.startswith("in/"):
                yield int(topic.removeprefix("in/")), message

    def events(self, name: str | None = None) -> list[dict[str, Any]]:
        """What the channel `control` says, or its events *name*."""
        said = [json.loads(message.data) for message in self.of("control")]
        return [each for each in said if name in (None, each["event"])]


def read(path: Path) -> Capture:
    """Read from the start to the end, or to where the file was cut off; every CRC is checked."""
    capture, topics = Capture(), dict[int, str]()
    with path.open("rb") as file:
        try:
            for record in StreamReader(file, validate_crcs=True).records:
                if isinstance(record, Channel):
                    assert topics.setdefault(record.id, record.topic) == record.topic
                elif isinstance(record, Message):
                    capture.messages.append((topics[record.channel_id], record))
                elif isinstance(record, Metadata):
                    capture.metadata[record.name] = record.metadata
        except (EndOfFile, struct.error):  # the latter: within the eight bytes of a length
            return capture
    capture.is_whole = True
    return capture


def read_by_index(path: Path) -> list[tuple[str, Message]]:
    """Read through the summary, as viewers do; its counts must be those of the messages."""
    with path.open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        summary = reader.get_summary()
        assert summary is not None
        messages = [(c.topic, m) for _, c, m in reader.iter_messages(log_time_order=False)]
        statistics = summary.statistics
    assert statistics is not None
    assert statistics.message_count == len(messages)
    assert statistics.chunk_count == len(summary.chunk_indexes)
    assert statistics.channel_count == len(summary.channels)
    assert statistics.metadata_count == len(summary.metadata_indexes)
    for number, count in statistics.channel_message_counts.items():
        topic = summary.channels[number].topic
        assert count == sum(topic == name for name, _ in messages)
    if messages:
        times = [message.log_time for _, message in messages]
        assert (statistics.message_start_time, statistics.message_end_time) == (times[0], times[-1])
        assert times == sorted(times)
    return messages


def files(folder: Path) -> list[Path]:
    """All captures below *folder*, closed or not, the oldest first."""
    return sorted(path for path in folder.rglob("*") if ".mcap" in path.name)
