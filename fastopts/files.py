"""Files that are there whole or not at all."""

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from fastopts.errors import ConfigError

__all__ = ("replacing",)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes *path*'s place when the block ends, and is gone when it fails.

    Its permissions are those of the file it replaces, else what the umask leaves. A link's target
    is replaced, not the link. Raises ConfigError when it can't be written, or when what is there
    is no regular file. Sync it in the block if it must outlive a power cut.
    """
    try:
        target = Path(os.path.realpath(path))
        mode = _permissions(target)
        with _temporary(target) as file:
            if mode is not None:
                Path(file.name).chmod(mode)
            yield file
    except OSError as error:
        raise ConfigError(f"{path} can't be written: {error.strerror or error}") from error


@contextmanager
def _temporary(target: Path) -> Iterator[BinaryIO]:
    # Not the module tempfile: only the owner may read its files, whatever the umask. And not
    # the target's name with something added, which can be too long.
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
    """Those of the file *path*; None when it is not there."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(mode):
        raise ConfigError(f"{path} can't be written: it is no regular file")
    return stat.S_IMODE(mode)
