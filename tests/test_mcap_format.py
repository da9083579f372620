"""Records as the official library writes and reads them."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from mcap import records
from mcap.data_stream import ReadDataStream, RecordBuilder

from fastopts import mcap_format
from fastopts.mcap_format import (
    CHUNK_COUNTS,
    RECORD_HEAD,
    ChunkHead,
    ChunkIndex,
    McapStatistics,
    MetadataIndex,
)

ENTRIES = {"venue": "sim", "café": "", "": "x" * 300}
HEAD = ChunkHead(start_ns=5, end_ns=1 << 60, size=4_000_000, crc=0xFFFFFFFF, compressed_size=3)
COUNTS = {1: 7, 65_535: 1 << 40}


def written(record: records.McapRecord) -> bytes:
    """The record as the official library writes it."""
    builder = RecordBuilder()
    record.write(builder)
    data: bytes = builder.end()  # type: ignore[no-untyped-call]
    return data


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        (mcap_format.header("fastopts", "é"), records.Header("fastopts", "é")),
        (
            mcap_format.channel(3, "in/3", "json", ENTRIES),
            records.Channel(3, "in/3", "json", ENTRIES, 0),
        ),
        (mcap_format.metadata("capture", ENTRIES), records.Metadata("capture", ENTRIES)),
        (mcap_format.data_end(0x89ABCDEF), records.DataEnd(0x89ABCDEF)),
        (
            MetadataIndex(12, 34, "capture").encode(),
            records.MetadataIndex(offset=12, length=34, name="capture"),
        ),
        (
            mcap_format.chunk_head(HEAD) + b"abc",
            records.Chunk("zstd", b"abc", HEAD.end_ns, HEAD.start_ns, HEAD.crc, HEAD.size),
        ),
        (
            ChunkIndex(99, HEAD).encode(),
            records.ChunkIndex(
                chunk_length=len(mcap_format.chunk_head(HEAD)) + 3,
                chunk_start_offset=99,
                compression="zstd",
                compressed_size=3,
                message_end_time=HEAD.end_ns,
                message_index_length=0,
                message_index_offsets={},
                message_start_time=HEAD.start_ns,
                uncompressed_size=HEAD.size,
            ),
        ),
        (
            McapStatistics(5, 9, channels=2, chunks=1, metadata=3, messages=COUNTS).encode(),
            records.Statistics(
                attachment_count=0,
                channel_count=2,
                channel_message_counts=COUNTS,
                chunk_count=1,
                message_count=sum(COUNTS.values()),
                message_end_time=9,
                message_start_time=5,
                metadata_count=3,
                schema_count=0,
            ),
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_records_are_those_of_the_official_library(
    encoded: bytes, expected: records.McapRecord
) -> None:
    assert encoded == written(expected)


def content(record: bytes) -> bytes:
    return record[RECORD_HEAD.size :]


@pytest.mark.parametrize(
    ("encode", "parse", "value"),
    [
        (mcap_format.chunk_counts, mcap_format.parse_counts, COUNTS),
        (mcap_format.chunk_counts, mcap_format.parse_counts, {}),
        (
            lambda value: mcap_format.metadata(*value),
            mcap_format.parse_metadata,
            ("closed", ENTRIES),
        ),
        (
            lambda value: mcap_format.channel(value[0], value[1], "json", ENTRIES),
            mcap_format.parse_channel,
            (7, "in/é"),
        ),
    ],
)
def test_what_was_encoded_is_parsed(
    encode: Callable[[Any], bytes], parse: Callable[[bytes], object], value: object
) -> None:
    assert parse(content(encode(value))) == value


def test_a_chunk_head_is_parsed_and_another_compression_refused() -> None:
    record = mcap_format.chunk_head(HEAD)
    assert len(record) == ChunkHead.SIZE
    assert ChunkHead.parse(record) == HEAD
    with pytest.raises(ValueError, match="not compressed by zstd"):
        ChunkHead.parse(record.replace(b"zstd", b"lz4x"))


def test_the_counts_of_a_chunk_have_an_opcode_of_applications() -> None:
    assert mcap_format.chunk_counts({1: 2})[0] == CHUNK_COUNTS >= 0x80


def test_the_end_of_a_file_is_that_of_the_official_library() -> None:
    groups = {mcap_format.Opcode.METADATA_INDEX: MetadataIndex(1, 2, "x").encode(), 0x04: b""}
    stream = ReadDataStream(BytesIO(mcap_format.summary(100, groups)))
    assert (stream.read1(), stream.read8()) == (0x0D, 8 + 8 + 4 + 1)
    assert records.MetadataIndex.read(stream) == records.MetadataIndex(1, 2, "x")
    assert (stream.read1(), stream.read8()) == (0x0E, 17)
    offset = records.SummaryOffset.read(stream)
    assert (offset.group_opcode, offset.group_start, offset.group_length) == (0x0D, 100, 30)
    assert (stream.read1(), stream.read8()) == (0x02, 20)
    footer = records.Footer.read(stream)
    assert (footer.summary_start, footer.summary_offset_start) == (100, 130)
    assert stream.read(8) == mcap_format.MAGIC
