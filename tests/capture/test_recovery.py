import errno
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from fastopts.capture import recovery
from fastopts.capture.inspect import inspect
from fastopts.capture.locks import LockState, lock
from fastopts.capture.recovery import CUT_MAX, recover
from fastopts.errors import CaptureError
from fastopts.mcap_format import RECORD_HEAD, ChunkHead
from tests.capture.judge import read, read_by_index
from tests.capture.writing import new_file, payload, write_capture, write_chunk
from tests.support.disks import without_locks


def test_whole_chunks_are_kept_and_the_rest_is_cut_off(tmp_path: Path) -> None:
    source = tmp_path / "source.mcap.part"
    ends = write_capture(source, chunks=4)
    data, chance = source.read_bytes(), random.Random(2)
    for size in [*ends, *(chance.randrange(ends[0], len(data)) for _ in range(40))]:
        part = tmp_path / f"{size}.mcap.part"
        part.write_bytes(data[:size])
        chunks = sum(end <= size for end in ends)
        path = recover(part)
        assert path == tmp_path / f"{size}.mcap"
        assert not part.exists()
        capture = read(path)
        assert capture.is_whole
        cut = size - ends[chunks - 1]
        assert capture.metadata["recovered"] == {"bytes_cut": str(cut)}
        assert [m.data for _, m in capture.messages] == list(map(payload, range(50 * chunks)))
        assert read_by_index(path) == capture.messages


def test_damaged_chunks_at_the_end_are_cut_off(tmp_path: Path) -> None:
    part = tmp_path / "a.mcap.part"
    ends = write_capture(part, chunks=4)
    data = bytearray(part.read_bytes())
    # A power failure: sizes were written, blocks of the last two chunks were not.
    data[ends[1] + 200 : ends[1] + 300] = bytes(100)
    data[ends[2] + 200 : ends[2] + 300] = bytes(100)
    part.write_bytes(data)
    path = recover(part)
    assert path is not None
    assert [m.data for _, m in read(path).messages] == list(map(payload, range(100)))
    assert read_by_index(path) == read(path).messages


@pytest.mark.parametrize("at", [ChunkHead.SIZE - 1, RECORD_HEAD.size + 16 + 7])
def test_a_chunk_with_an_impossible_size_is_cut_off(tmp_path: Path, at: int) -> None:
    """The high byte of the size of its data, compressed or not."""
    part = tmp_path / "a.mcap.part"
    ends = write_capture(part, chunks=3)
    data = bytearray(part.read_bytes())
    data[ends[1] + at] ^= 0x80
    part.write_bytes(data)
    path = recover(part)
    assert path is not None
    assert [m.data for _, m in read(path).messages] == list(map(payload, range(100)))


@pytest.mark.parametrize("size", [0, 300])
def test_a_file_without_a_whole_chunk_is_deleted(tmp_path: Path, size: int) -> None:
    part = tmp_path / "a.mcap.part"
    write_capture(part, chunks=1)
    part.write_bytes(part.read_bytes()[:size])
    assert recover(part) is None
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_complete_gets_its_name(tmp_path: Path) -> None:
    file = new_file(tmp_path / "a.mcap.part")
    write_chunk(file, range(50), is_first=True)
    path = file.close({"frames_received": "45"})
    path.rename(file.path)  # as if the process had ended right before that
    data = file.path.read_bytes()
    assert recover(file.path) == path
    assert path.read_bytes() == data


def test_a_file_in_use_is_left_alone(tmp_path: Path) -> None:
    file = new_file(tmp_path / "a.mcap.part")
    write_chunk(file, range(50), is_first=True)
    assert recover(file.path) is None
    write_chunk(file, range(50, 100), is_first=False)
    assert len(read(file.close({})).messages) == 100


def lock_after(event: Callable[[], object]) -> Callable[[int], LockState]:
    """A lock before which another process does something to the file."""

    def locked(descriptor: int) -> LockState:
        event()
        return lock(descriptor)

    return locked


def test_a_file_that_was_closed_meanwhile_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = new_file(tmp_path / "a.mcap.part")
    write_chunk(file, range(50), is_first=True)
    monkeypatch.setattr(recovery, "lock", lock_after(lambda: file.close({})))
    assert recover(file.path) is None
    assert [path.name for path in tmp_path.iterdir()] == ["a.mcap"]


def test_a_new_file_of_the_same_name_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    part = tmp_path / "a.mcap.part"
    part.write_bytes(b"")

    def replace() -> None:
        part.unlink()
        write_chunk(new_file(part), range(50), is_first=True)

    monkeypatch.setattr(recovery, "lock", lock_after(replace))
    assert recover(part) is None
    assert len(read(part).messages) == 50


def test_without_locks_every_file_may_be_in_use(tmp_path: Path) -> None:
    part = tmp_path / "a.mcap.part"
    write_capture(part, chunks=2)
    data = part.read_bytes()
    with without_locks(errno.EOPNOTSUPP):
        assert recover(part) is None
    assert part.read_bytes() == data
    assert recover(part) == tmp_path / "a.mcap"


@pytest.mark.parametrize("data", [b"not a capture", b"\x89MCAP0\r\n\x01" + bytes(8)])
def test_a_foreign_file_is_left_alone(tmp_path: Path, data: bytes) -> None:
    part = tmp_path / "a.mcap.part"
    part.write_bytes(data)
    with pytest.raises(CaptureError, match=r"not an MCAP file|not a capture"):
        recover(part)
    assert part.read_bytes() == data


def test_damage_far_from_the_end_is_not_cut_off(tmp_path: Path) -> None:
    part = tmp_path / "a.mcap.part"
    ends = write_capture(part, chunks=3)
    data = bytearray(part.read_bytes())
    data[ends[0]] ^= 0xFF
    data += bytes(CUT_MAX)
    part.write_bytes(data)
    with pytest.raises(CaptureError, match=f"damaged at byte {ends[0]} of {len(data)}"):
        recover(part)
    assert part.read_bytes() == data


def test_what_a_file_holds_is_known_without_its_summary(tmp_path: Path) -> None:
    part = tmp_path / "a.mcap.part"
    ends = write_capture(part, chunks=2)
    found = inspect(part)
    assert found.valid_size == ends[1]
    assert not found.has_footer
    assert {found.topics[number]: n for number, n in found.contents.messages.items()} == {
        "in/1": 90,
        "control": 10,
    }
