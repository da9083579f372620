"""The capture files of one venue: their names, and the limits on their size and on free space."""

import contextlib
import errno
import logging
import os
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from fastopts.capture.summary import PART, SUFFIX
from fastopts.errors import BadInput

__all__ = ("CaptureFolder", "FreeSpace", "captures_below")

log = logging.getLogger(__name__)

SCAN_EVERY_S: Final = 10.0  # others write to the disk, too, and collectors may share a folder
# Of the smaller one of both limits, the disk's size and that of all files: deleting the oldest file
# must make room for the next one.
FILE_SHARE: Final = 8
_MODE: Final = 0o750
# Files that others put here are none of this package's: they are neither deleted nor completed.
_NAME: Final = re.compile(r"\d{4}-\d\d-\d\d/\d{6}-\d+(_\d\d)?\.mcap(\.part)?")


@dataclass(frozen=True, slots=True)
class FreeSpace:
    """The space that stays free: a share of the disk, or a number of bytes where that is less."""

    share: float = 0.05
    size: int = 2_000_000_000

    def is_short(self, path: Path, needed: int) -> bool:
        """Whether less would stay free in *path* after writing *needed* more bytes."""
        disk = shutil.disk_usage(path)
        return disk.free - needed < min(self.share * disk.total, self.size)


class CaptureFolder:
    """The files below *root* of *venue*; at most *keep_bytes* of them. All methods may block."""

    def __init__(
        self, root: Path, venue: str, keep_bytes: int, free_space: FreeSpace | None = None
    ) -> None:
        # `custom:HOST`, and a host may have a port: no file name on Windows
        self.path = root / venue.replace(":", "-")
        self._keep_bytes = keep_bytes
        self._free_space = free_space or FreeSpace()
        self._scanned_at = float("-inf")
        self._sizes: dict[Path, int] = {}  # of closed files, the oldest first

    def new_path(self, start_ns: int, epoch: int) -> Path:
        """Return the path of a new file that starts at *start_ns*; creates its folder."""
        start = datetime.fromtimestamp(start_ns // 1_000_000_000, UTC)
        folder = self.path / f"{start:%Y-%m-%d}"
        folder.mkdir(_MODE, parents=True, exist_ok=True)
        for number in range(1, 100):
            # Collectors that wait for the lease have no epoch yet, and may begin together. An
            # underscore sorts behind the dot: names stay in order of age.
            suffix = "" if number == 1 else f"_{number:02}"
            path = folder / f"{start:%H%M%S}-{epoch}{suffix}{SUFFIX}{PART}"
            if not path.exists() and not path.with_suffix("").exists():
                return path
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(folder))

    def parts(self) -> list[Path]:
        """Return the files that are not closed, of living and dead processes."""
        return self._captures(PART)

    def is_large(self, path: Path, size: int) -> bool:
        """Whether the file *path* of *size* bytes should be followed by another one."""
        return size > min(self._keep_bytes, shutil.disk_usage(path).total) / FILE_SHARE

    def files_changed(self) -> None:
        """Look at the files again before room is made: one was closed or completed."""
        self._scanned_at = float("-inf")

    def make_room(self, needed: int, open_file: Path | None) -> None:
        """Delete the oldest files until *needed* more bytes keep within both limits.

        *open_file*, which counts but is never deleted, is that of the caller. Raises OSError with
        ENOSPC when there is nothing left to delete.
        """
        now = time.monotonic()
        if now - self._scanned_at >= SCAN_EVERY_S or not self._sizes:
            self._scanned_at = now
            self._sizes = dict(self._scan())
        open_bytes = 0 if open_file is None else open_file.stat().st_size
        while self._is_over(needed + open_bytes) or self._free_space.is_short(self.path, needed):
            oldest = next(iter(self._sizes), None)
            if oldest is None:
                full = "disk full" if not self._is_over(needed + open_bytes) else "no room"
                text = f"{full}: no older capture is left to delete"
                raise OSError(errno.ENOSPC, text, str(self.path))
            self._delete(oldest)

    def _is_over(self, recorded: int) -> bool:
        return sum(self._sizes.values()) + recorded > self._keep_bytes

    def _scan(self) -> Iterator[tuple[Path, int]]:
        # Folders and files are named by date and time: sorted by name is sorted by age.
        for path in self._captures():
            with contextlib.suppress(FileNotFoundError):  # deleted meanwhile
                yield path, path.stat().st_size

    def _captures(self, ending: str = "") -> list[Path]:
        paths = sorted(self.path.glob(f"*/*{SUFFIX}{ending}"))
        return [path for path in paths if _NAME.fullmatch(path.relative_to(self.path).as_posix())]

    def _delete(self, path: Path) -> None:
        size = self._sizes.pop(path)
        path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # not empty
            path.parent.rmdir()
        log.info("%s deleted (%.0f MB): the oldest capture", path, size / 1e6)


def captures_below(folder: Path) -> list[Path]:
    """Return all captures below *folder*, sorted by name: closed ones, and those that are not.

    Raises BadInput if there is none.
    """
    paths = [*folder.rglob(f"*{SUFFIX}"), *folder.rglob(f"*{SUFFIX}{PART}")]
    if not paths:
        raise BadInput(f"{folder}: no recorded files (*{SUFFIX}) in this folder or below")
    return sorted(paths)
