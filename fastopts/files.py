"""Atomic replacement of files: readers see the old file or the new one, never a part of it."""

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from fastopts.errors import FileError

__all__ = ("replacing",)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file that replaces *path* when the block ends, and is removed if it fails.

    It gets the permissions of the file that it replaces, else those of the umask. The target of a
    symbolic link is replaced, not the link. Raises FileError if the file can't be written, or if
    *path* is not a regular file. Call fsync in the block if the file must survive a power failure.
    """
    try:
        target = Path(os.path.realpath(path))
        mode = _permissions(target)
        with _temporary(target) as file:
            if mode is not None:
                Path(file.name).chmod(mode)
            yield file
    except OSError as error:
        raise FileError(f"{path} can't be written: {error.strerror or error}") from error


@contextmanager
def _temporary(target: Path) -> Iterator[BinaryIO]:
    # Not the module tempfile: its files are readable by their owner only, whatever the umask. And
    # not the target's name with a suffix: that can be too long for the file system.
    temporary = target.with_name(f".fastopts-{secrets.token_hex(8)}")
    try:
        with temporary.open("xb") as file:
            yield file
        temporary.replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def _permissions(path: Path) -> int | None:
    """Return the mode of the regular file *path*; None if there is no such file."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        raise FileError(f"{path} can't be written: not a regular file")
    return stat.S_IMODE(mode)
