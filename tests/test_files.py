"""Atomic replacement of a file, and the state after a failed one."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from fastopts.errors import FileError
from fastopts.files import replacing
from tests.support.disks import full_after


def put(path: Path, content: bytes) -> None:
    with replacing(path) as file:
        file.write(content)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def half(error: type[BaseException]) -> Iterator[bytes]:
    yield b"half"
    raise error


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file"


def test_what_was_written_is_there_and_nothing_else(path: Path) -> None:
    put(path, b"first")
    assert path.read_bytes() == b"first"
    put(path, b"2nd")
    assert path.read_bytes() == b"2nd"
    assert list(path.parent.iterdir()) == [path]


def test_until_the_end_the_old_content_is_read(path: Path) -> None:
    path.write_bytes(b"old")
    with replacing(path) as file:
        file.write(b"new")
        file.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_block_that_fails_changes_nothing(path: Path, error: type[BaseException]) -> None:
    path.write_bytes(b"old")
    with pytest.raises(error), replacing(path) as file:
        file.writelines(half(error))
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("size", [10, 1_000_000])  # fails when it is closed; when it is written
def test_a_full_disk_changes_nothing(path: Path, size: int) -> None:
    path.write_bytes(b"old")
    with full_after(5), pytest.raises(FileError, match="file can't be written: File too large"):
        put(path, b"." * size)
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_reported(path: Path) -> None:
    with pytest.raises(FileError, match="none/file can't be written: No such file"):
        put(path.parent / "none" / "file", b"")


def test_a_folder_that_may_not_be_written_is_reported(path: Path) -> None:
    # Not one of mode 0500: root, as whom tests may run, writes there.
    with pytest.raises(FileError, match="can't be written: "):
        put(Path("/proc/self/file"), b"")


def test_a_file_in_place_of_the_folder_is_reported(path: Path) -> None:
    path.write_bytes(b"old")
    with pytest.raises(FileError, match="can't be written: Not a directory"):
        put(path / "file", b"")


def test_a_link_stays_a_link(path: Path) -> None:
    target = path.parent / "elsewhere" / "target"
    target.parent.mkdir()
    path.symlink_to(target)
    for content in (b"first", b"second"):
        put(path, content)
        assert path.is_symlink()
        assert target.read_bytes() == content
    assert list(target.parent.iterdir()) == [target]


def test_a_link_to_itself_is_an_error_and_stays(path: Path) -> None:
    path.symlink_to(path)
    with pytest.raises(FileError, match="symbolic links"):
        put(path, b"")
    assert path.is_symlink()


def test_an_irregular_file_is_an_error_and_stays(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(FileError, match="not a regular file"):
        put(path, b"")
    assert path.is_fifo()
    with pytest.raises(FileError, match="not a regular file"):
        put(path.parent, b"")
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(("umask", "allowed"), [(0o022, 0o644), (0o027, 0o640), (0o077, 0o600)])
def test_the_mode_of_a_new_file_follows_the_umask(path: Path, umask: int, allowed: int) -> None:
    former = os.umask(umask)
    try:
        put(path, b"")
    finally:
        os.umask(former)
    assert mode(path) == allowed


def test_a_replaced_file_keeps_its_mode(path: Path) -> None:
    path.write_bytes(b"old")
    path.chmod(0o604)
    put(path, b"new")
    assert mode(path) == 0o604


def test_the_longest_name_is_not_too_long(path: Path) -> None:
    longest = path.with_name("n" * 255)
    put(longest, b"x")
    assert longest.read_bytes() == b"x"
