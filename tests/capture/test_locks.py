import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from fastopts.capture import locks
from fastopts.capture.locks import LockState, has_path, lock
from tests.support.disks import without_locks

CHILD = """
import os, sys
from fastopts.capture.locks import lock
print(lock(os.open(sys.argv[1], os.O_RDONLY)).name)
"""


def can_lock(path: Path) -> bool:
    """Whether another process could lock *path*."""
    command = [sys.executable, "-c", CHILD, str(path)]
    name = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return LockState[name] is LockState.OURS


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such locks")
def test_a_lock_ends_with_its_descriptor(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"")
    descriptor = os.open(path, os.O_RDONLY)
    assert lock(descriptor) is LockState.OURS
    assert not can_lock(path)
    other = os.open(path, os.O_RDONLY)
    assert lock(other) is LockState.TAKEN
    os.close(other)
    os.close(descriptor)
    assert can_lock(path)


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP])
def test_a_file_system_may_have_no_locks(tmp_path: Path, number: int) -> None:
    with (tmp_path / "file").open("wb") as file, without_locks(number):
        assert lock(file.fileno()) is LockState.UNSUPPORTED


def test_a_disk_that_fails_is_no_file_system_without_locks(tmp_path: Path) -> None:
    refused = pytest.raises(OSError, match="Input/output error")
    with (tmp_path / "file").open("wb") as file, without_locks(errno.EIO), refused:
        lock(file.fileno())


def test_without_the_module_of_posix_there_are_no_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "fcntl", None)
    with (tmp_path / "file").open("wb") as file:
        assert lock(file.fileno()) is LockState.UNSUPPORTED


def test_an_open_file_loses_its_path(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with path.open("wb") as file:
        assert has_path(file.fileno(), path)
        path.rename(tmp_path / "other")
        assert not has_path(file.fileno(), path)
        path.write_bytes(b"of another process")
        assert not has_path(file.fileno(), path)
