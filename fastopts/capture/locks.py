"""Locks on open files, which end with the process that holds them."""

import errno
import os
from enum import Enum, auto
from pathlib import Path
from typing import Any, Final

__all__ = ("LockState", "has_path", "lock")

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

# NFS without its lock service, and file systems in user space (FUSE), refuse locks in these ways.
_UNSUPPORTED: Final = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP, errno.ENOSYS}


class LockState(Enum):
    """The result of `lock`."""

    OURS = auto()
    TAKEN = auto()  # by another process
    UNSUPPORTED = auto()  # by the file system: nobody can say whether the file is in use


def lock(descriptor: int) -> LockState:
    """Lock the open file *descriptor*, without waiting. Raises OSError when the disk fails."""
    if fcntl is None:
        return LockState.UNSUPPORTED
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return LockState.TAKEN
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            return LockState.UNSUPPORTED
        raise
    return LockState.OURS


def has_path(descriptor: int, path: Path) -> bool:
    """Whether *path* is the open file *descriptor*.

    Between opening and locking a file, another process can rename or delete it. A file that is
    locked and has its path keeps it: all who rename or delete captures lock them before.
    """
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
