"""Locks on open files, which end with the process that holds them."""

from typing import Any

__all__ = ("lock",)

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None


def lock(descriptor: int) -> bool:
    """Lock the open file; return False if another process has locked it.

    Always True on Windows, which refuses to rename or delete a file that another process has open.
    """
    if fcntl is None:
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
