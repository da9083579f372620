"""Files that the official library must read: whole ones and cut ones."""

import errno
import os
import random
import stat
from pathlib import Path

import pytest

from fastopts.capture import file as file_module
from fastopts.capture.file import CaptureFile, sync_folder
from fastopts.capture.locks import lock
from tests.capture.judge import read, read_by_index
from tests.capture.writing import OPENING, START_NS, new_file, payload, write_capture, write_chunk
from tests.support.disks import full_after, without_folder_sync, without_locks


def test_a_closed_file_has_everything_and_a_summary(tmp_path: Path) -> None:
    file = new_file(tmp_path / "000000-5.mcap.part")
    for chunk in range(3):
        write_chunk(file, range(chunk * 100, chunk * 100 + 100), is_first=chunk == 0)
    path = file.close({"frames_received": "270"})
    assert [path] == list(tmp_path.iterdir())
    assert path.name == "000000-5.mcap"
    capture = read(path)
    assert capture.is_whole
    assert capture.metadata == {"capture": OPENING, "closed": {"frames_received": "270"}}
    assert capture.topics() == {"in/1", "control"}
    assert [message.data for _, message in capture.messages] == list(map(payload, range(300)))
    assert capture.messages[7][1].log_time == START_NS + 7_000_000
    assert read_by_index(path) == capture.messages


def test_a_file_without_messages_can_be_read(tmp_path: Path) -> None:
    path = new_file(tmp_path / "a.mcap.part").close({})
    assert read(path).is_whole
    assert read_by_index(path) == []


def test_every_whole_chunk_of_a_cut_file_can_be_read(tmp_path: Path) -> None:
    part = tmp_path / "a.mcap.part"
    ends = write_capture(part, chunks=6)
    data, chance = part.read_bytes(), random.Random(1)
    for size in [*ends, *(chance.randrange(ends[0], len(data)) for _ in range(40))]:
        part.write_bytes(data[:size])
        chunks = sum(end <= size for end in ends)
        found = [message.data for _, message in read(part).messages]
        assert len(found) in (50 * chunks, 50 * chunks + 50), size  # a cut in the counts behind it
        assert found == list(map(payload, range(len(found))))


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such modes")
def test_others_can_not_read_a_capture(tmp_path: Path) -> None:
    file = new_file(tmp_path / "a.mcap.part")
    assert stat.S_IMODE(file.path.stat().st_mode) & ~0o640 == 0
    assert stat.S_IMODE(file.close({}).stat().st_mode) & ~0o640 == 0


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a.mcap.part").write_bytes(b"kept")
    with pytest.raises(FileExistsError):
        new_file(tmp_path / "a.mcap.part")
    assert (tmp_path / "a.mcap.part").read_bytes() == b"kept"


def test_a_failed_write_leaves_whole_chunks_only(tmp_path: Path) -> None:
    file = new_file(tmp_path / "a.mcap.part")
    write_chunk(file, range(100), is_first=True)
    size = file.size
    with full_after(size + 20), pytest.raises(OSError, match="File too large"):
        write_chunk(file, range(100, 200), is_first=False)
    file.abandon()
    assert file.path.stat().st_size == size
    assert [m.data for _, m in read(file.path).messages] == list(map(payload, range(100)))


def test_a_file_that_can_not_be_begun_is_closed(tmp_path: Path) -> None:
    with full_after(10), pytest.raises(OSError, match="File too large"):
        CaptureFile(tmp_path / "a.mcap.part", "tests", OPENING)


def test_a_new_file_that_another_collector_has_locked_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that recovers files and opened this one before it was locked."""
    path, others = tmp_path / "a.mcap.part", list[int]()

    def lock_after_other(descriptor: int) -> object:
        if not others:
            others.append(os.open(path, os.O_RDWR))
            lock(others[0])
        return lock(descriptor)

    monkeypatch.setattr(file_module, "lock", lock_after_other)
    with pytest.raises(FileExistsError, match=r"used by another collector: .*a\.mcap\.part"):
        new_file(path)
    os.close(others[0])


def test_a_new_file_that_another_collector_has_deleted_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.mcap.part"

    def lock_deleted(descriptor: int) -> object:
        path.unlink()
        return lock(descriptor)

    monkeypatch.setattr(file_module, "lock", lock_deleted)
    with pytest.raises(FileExistsError, match="used by another collector"):
        new_file(path)
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_without_locks_and_synced_folders_can_be_used(tmp_path: Path) -> None:
    with without_locks(errno.ENOLCK), without_folder_sync(errno.EINVAL):
        file = new_file(tmp_path / "a.mcap.part")
        assert not file.is_locked
        write_chunk(file, range(50), is_first=True)
        assert len(read(file.close({})).messages) == 50


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.EBADF])
def test_a_folder_that_can_not_be_synced_is_no_failure(tmp_path: Path, number: int) -> None:
    with without_folder_sync(number):
        sync_folder(tmp_path)
    with without_folder_sync(errno.EIO), pytest.raises(OSError, match="Input/output error"):
        sync_folder(tmp_path)


def test_a_descriptor_is_closed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Path) -> None:
        raise OSError(5, "Input/output error")

    file = new_file(tmp_path / "a.mcap.part")
    number = file._descriptor
    monkeypatch.setattr(file_module, "sync_folder", fail)
    with pytest.raises(OSError, match="Input/output error"):
        file.close({})
    other = os.open(tmp_path, os.O_RDONLY)
    assert other == number  # as the system reuses the lowest number
    file.abandon()
    os.fstat(other)
    os.close(other)
