"""Chunks of captures that are whole, cut off or damaged."""

import random
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from fastopts import mcap_format
from fastopts.capture.file import CaptureFile
from fastopts.capture.summary import ChannelEntry
from fastopts.core import CaptureBuffer, CaptureChannel
from fastopts.errors import BadInput, CaptureError
from fastopts.mcap_format import MESSAGE_HEAD
from fastopts.replay.chunks import CaptureReader, Chunk, Damage, capture_files

CHUNKS = 6
OPENING = {"venue": "sim", "epoch": "7"}
ENTRY = ChannelEntry(1, "in/1", "json")


def payload(number: int) -> bytes:
    return b"message %d " % number + random.Random(number).randbytes(300)


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    """A closed file of a few chunks, of one message each."""
    file, channel = CaptureFile(tmp_path / "a.mcap.part", "tests", OPENING), CaptureChannel(1)
    for number in range(CHUNKS):
        buffer = CaptureBuffer()
        buffer.append(channel, payload(number), number, number)
        with buffer.contents() as data:
            file.write_chunk(data, number, number, buffer.counts, [ENTRY] if not number else [])
    return file.close({"frames_received": "6"})


def read(path: Path) -> tuple[list[bytes], list[Damage], CaptureReader]:
    reader, payloads, damages = CaptureReader(path), [], []
    for part in reader:
        if isinstance(part, Damage):
            damages.append(part)
        else:
            payloads.append(part.data[MESSAGE_HEAD.size :])
            assert part.topics == {1: "in/1"}
    return payloads, damages, reader


def chunk_offsets(path: Path) -> Iterator[int]:
    """Where the chunks are, by the summary of the file."""
    from mcap.reader import make_reader

    with path.open("rb") as file:
        summary = make_reader(file).get_summary()
        assert summary is not None
        yield from (index.chunk_start_offset for index in summary.chunk_indexes)


def test_a_whole_file(capture: Path) -> None:
    payloads, damages, reader = read(capture)
    assert payloads == [payload(number) for number in range(CHUNKS)]
    assert damages == []
    assert (reader.opening, reader.closing) == (OPENING, {"frames_received": "6"})


def test_every_whole_chunk_of_a_file_that_is_cut_off(capture: Path) -> None:
    data, offsets = capture.read_bytes(), [*chunk_offsets(capture)]
    cut = capture.with_name("cut.mcap.part")
    for number, offset in enumerate(offsets):
        for size in (offset + 1, offset + 60, offset + 200):
            cut.write_bytes(data[:size])
            payloads, [damage], _ = read(cut)
            assert payloads == [payload(i) for i in range(number)]
            assert (damage.offset, damage.offset + damage.size) == (offset, size)
            assert "incomplete end" in str(damage)


def test_a_file_that_is_cut_off_between_two_records(capture: Path) -> None:
    data, offsets = capture.read_bytes(), [*chunk_offsets(capture)]
    capture.write_bytes(data[: offsets[3]])
    payloads, [damage], _ = read(capture)
    assert payloads == [payload(number) for number in range(3)]
    assert (damage.offset, damage.size, damage.reason) == (offsets[3], 0, "an incomplete end")
    # A recorder has not closed it yet: nothing is missing.
    part = capture.rename(capture.with_name("a.mcap.part"))
    assert read(part)[:2] == (payloads, [])


def test_a_damaged_declaration_of_a_channel(capture: Path) -> None:
    """The end of the file repeats it."""
    data, offsets = bytearray(capture.read_bytes()), [*chunk_offsets(capture)]
    at = data.rindex(b"in/1", 0, offsets[0])
    for place in (at - 17, at - 9):  # of the opcode, of its length
        damaged = data.copy()
        damaged[place] ^= 0x40
        capture.write_bytes(damaged)
        payloads, damages, _ = read(capture)
        assert payloads == [payload(number) for number in range(CHUNKS)]
        assert [damage.offset for damage in damages] == [at - 17]


@pytest.mark.parametrize("where", ["opcode", "length", "times", "checksum", "data", "mark"])
def test_all_other_chunks_of_a_file_with_a_flipped_bit(capture: Path, where: str) -> None:
    data, offsets = bytearray(capture.read_bytes()), [*chunk_offsets(capture)]
    place = {"opcode": 0, "length": 7, "times": 9, "checksum": 33, "data": 80, "mark": 42}[where]
    data[offsets[2] + place] ^= 0x40
    capture.write_bytes(data)
    payloads, damages, reader = read(capture)
    expected = [payload(number) for number in range(CHUNKS) if number != 2]
    if where == "times":  # not covered by the checksum: nothing but a time is wrong
        expected, is_damaged = [payload(number) for number in range(CHUNKS)], False
    else:
        is_damaged = True
    assert payloads == expected
    assert bool(damages) is is_damaged
    assert reader.closing == {"frames_received": "6"}


def test_any_flipped_bit_loses_one_chunk_at_most(capture: Path) -> None:
    data = capture.read_bytes()
    rng, damaged = random.Random(4711), capture.with_name("damaged.mcap")
    end = [*chunk_offsets(capture)][-1]
    for _ in range(300):
        bad = bytearray(data)
        bad[rng.randrange(300, end)] ^= 1 << rng.randrange(8)
        damaged.write_bytes(bad)
        reader = CaptureReader(damaged)
        payloads = [part.data[MESSAGE_HEAD.size :] for part in reader if isinstance(part, Chunk)]
        lost = [number for number in range(CHUNKS) if payload(number) not in payloads]
        assert len(lost) <= 1
        assert len(payloads) == CHUNKS - len(lost)


def test_the_mark_of_a_chunk_within_data_is_no_chunk(capture: Path) -> None:
    data, offsets = capture.read_bytes(), [*chunk_offsets(capture)]
    mark = data[offsets[0] + 37 : offsets[0] + 45]
    assert mark == b"\4\0\0\0zstd"
    bad = data[: offsets[1]] + mark * 20 + data[offsets[1] :]
    capture.write_bytes(bad)
    payloads, [damage], _ = read(capture)
    assert payloads == [payload(number) for number in range(CHUNKS)]
    assert (damage.offset, damage.size) == (offsets[1], 160)


def test_a_chunk_beyond_the_block_that_is_searched_at_once(capture: Path) -> None:
    data, offsets = capture.read_bytes(), [*chunk_offsets(capture)]
    capture.write_bytes(data[: offsets[3]] + bytes((1 << 20) + 7) + data[offsets[3] :])
    payloads, [damage], _ = read(capture)
    assert payloads == [payload(number) for number in range(CHUNKS)]
    assert damage.size == (1 << 20) + 7


def other_mcap() -> bytes:
    return mcap_format.MAGIC + mcap_format.header("ros2", "other")


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", "not an MCAP file"),
        (b"PAR1" * 10, "not an MCAP file"),
        (other_mcap(), "an MCAP file, but not a capture of fastopts"),
    ],
)
def test_other_files_are_refused(tmp_path: Path, content: bytes, error: str) -> None:
    path = tmp_path / "x.mcap"
    path.write_bytes(content)
    with pytest.raises(CaptureError, match=rf"x\.mcap: {error}"):
        read(path)


def test_other_files_below_a_folder_keep_no_capture_from_being_read(capture: Path) -> None:
    folder = capture.parent
    others = [folder / "0.mcap", folder / "b.mcap"]
    for other, content in zip(others, (b"", other_mcap()), strict=True):
        other.write_bytes(content)
    assert capture_files([folder]) == [*others, capture]
    with pytest.raises(CaptureError, match=r"0\.mcap: not an MCAP file"):
        capture_files([folder, others[0]])  # asked for by name


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match=r"none\.mcap: No such file"):
        read(tmp_path / "none.mcap")


def test_a_chunk_of_a_wrong_checksum_is_damage(tmp_path: Path, capture: Path) -> None:
    data, offsets = bytearray(capture.read_bytes()), [*chunk_offsets(capture)]
    data[offsets[1] + 33 : offsets[1] + 37] = zlib.crc32(b"other").to_bytes(4, "little")
    capture.write_bytes(data)
    _, [damage], _ = read(capture)
    assert "checksum" in damage.reason


def write(path: Path, run: str, start_ns: int) -> Path:
    """A file of one chunk."""
    path.parent.mkdir(parents=True, exist_ok=True)
    file = CaptureFile(path.with_name(f"{path.name}.part"), "tests", {"run": run})
    buffer = CaptureBuffer()
    buffer.append(CaptureChannel(1), b"x", start_ns, start_ns)
    with buffer.contents() as data:
        file.write_chunk(data, start_ns, start_ns, buffer.counts, [ENTRY])
    return file.close({})


def test_files_are_in_order_of_recordings_and_times(tmp_path: Path) -> None:
    sim = tmp_path / "sim"
    paths = [
        write(sim / "2026-12-31" / "235959-8.mcap", "b", 1_000),
        # The second recording began in the second in which the first one began its last file.
        write(sim / "2027-01-01" / "000000-8.mcap", "b", 2_000),
        write(sim / "2027-01-01" / "000000-0.mcap", "a", 2_001),
        write(sim / "2027-01-01" / "000001-9.mcap", "a", 3_000),
    ]
    (sim / "2027-01-01" / "notes.txt").touch()
    assert capture_files([tmp_path]) == paths
    assert capture_files([paths[1], sim, paths[0]]) == paths
    (tmp_path / "empty").mkdir()
    with pytest.raises(BadInput, match="no recorded files"):
        capture_files([tmp_path / "empty"])
