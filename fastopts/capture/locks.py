"""Locks on open files, which end with the process that holds them."""

import sys

__all__ = ("lock",)

if sys.platform == "win32":

    def lock(descriptor: int) -> bool:
        """Return True: Windows refuses to rename or delete a file that another process has open."""
        return True

else:
    import fcntl

    def lock(descriptor: int) -> bool:
        """Lock the open file; return False if another process has locked it."""
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
