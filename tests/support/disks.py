"""Disks that are full, and file systems that lack something."""

import os
import resource
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from fastopts.capture import locks

__all__ = ("full_after", "without_folder_sync", "without_locks")


@contextmanager
def full_after(size: int) -> Iterator[None]:
    """No file of this process grows beyond *size* bytes: the write that would do it fails."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def without_locks(number: int) -> Iterator[None]:
    """Locking a file fails with the error *number*, as on NFS without its lock service."""
    error = OSError(number, os.strerror(number))
    with mock.patch.object(locks.fcntl, "flock", side_effect=error):
        yield


@contextmanager
def without_folder_sync(number: int) -> Iterator[None]:
    """Syncing a folder fails with the error *number*, as in some file systems in user space."""
    sync = os.fsync

    def fsync(descriptor: int) -> None:
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        sync(descriptor)

    with mock.patch.object(os, "fsync", fsync):
        yield
