"""One capture file while it is written: header, chunks with their counts, summary.

    magic, header, metadata `capture`
    for each chunk: channels that it is the first to use, chunk, counts of its messages
    metadata `closed`, data end, summary (channels, statistics, indexes), footer, magic

Channels are declared outside of the chunks: a chunk that is dropped or damaged takes no declaration
along. Every chunk is synced: after a crash only the last one can be incomplete.
"""

import contextlib
import errno
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from fastopts import mcap_format
from fastopts.capture.locks import LockState, has_path, lock
from fastopts.capture.summary import CLOSING, OPENING, PROFILE, ChannelEntry, Contents
from fastopts.capture.zstd import Compressor
from fastopts.mcap_format import ChunkHead, ChunkIndex, MetadataIndex

__all__ = ("CaptureFile", "sync_folder")

MODE: Final = 0o640
# fdatasync leaves out times of the file: one write to the disk less for each chunk.
_sync = getattr(os, "fdatasync", os.fsync)
# File systems that can't sync folders, on a network or in user space (FUSE), say it in these ways.
_NO_FOLDER_SYNC: Final = {errno.EINVAL, errno.ENOTSUP, errno.EBADF}


class CaptureFile:
    """An open file *path*, whose name ends with `.part` until `close`. All methods may block.

    Every method raises OSError when the disk does; the file then ends with the last whole chunk,
    and can only be abandoned. `is_locked` is False where the file system has no locks.

    Raises FileExistsError if *path* exists, or if another collector, which took the new file for
    that of a dead process, has locked or deleted it: try another name.
    """

    def __init__(self, path: Path, library: str, opening: Mapping[str, str]) -> None:
        self.path = path
        self.size = 0
        self._contents = Contents()
        self._compressor = Compressor()
        self._crc = 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(path, flags, MODE)
        try:
            # A file without a lock belongs to a dead process, and others complete it.
            self.is_locked = self._lock()
            self._write(mcap_format.MAGIC + mcap_format.header(PROFILE, library))
            self._write_metadata(OPENING, opening)
            sync_folder(path.parent)
        except OSError:
            self.abandon()
            raise

    def write_chunk(
        self,
        data: memoryview,
        start_ns: int,
        end_ns: int,
        messages: Mapping[int, int],
        channels: list[ChannelEntry],
    ) -> None:
        """Write one chunk and sync it; *channels* are those that no chunk before it has used."""
        declarations = {entry.number: entry.encode() for entry in channels}
        compressed = self._compressor.compress(data)
        head = ChunkHead(start_ns, end_ns, len(data), zlib.crc32(data), len(compressed))
        declared = b"".join(declarations.values())
        offset = self.size + len(declared)
        counts = mcap_format.chunk_counts(messages)
        # In one write: whatever interrupts it, a chunk is rarely without its counts.
        self._write(b"".join((declared, mcap_format.chunk_head(head), compressed, counts)))
        _sync(self._descriptor)
        self._contents.channels |= declarations
        self._contents.chunks.append(ChunkIndex(offset, head))
        self._contents.count(messages)

    def close(self, closing: Mapping[str, str]) -> Path:
        """Write the summary, rename the file to its final name, and return that."""
        self._write_metadata(CLOSING, closing)
        self._write(self._contents.end(self.size, self._crc))
        # The content before the name: after a power failure a final name means a whole file.
        os.fsync(self._descriptor)
        final = self.path.with_suffix("")  # without .part
        self.path.rename(final)
        self._close_descriptor()
        sync_folder(final.parent)
        return final

    def abandon(self) -> None:
        """Close the descriptor, and leave the file for recovery."""
        with contextlib.suppress(OSError):
            self._close_descriptor()

    def _lock(self) -> bool:
        state = lock(self._descriptor)
        if state is LockState.UNSUPPORTED:
            return False
        # A collector that finds the file before it is locked deletes it, as it is empty.
        if state is LockState.TAKEN or not has_path(self._descriptor, self.path):
            raise FileExistsError(errno.EEXIST, "used by another collector", str(self.path))
        return True

    def _close_descriptor(self) -> None:
        # Never twice: the number may belong to another file or socket by then.
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def _write_metadata(self, name: str, entries: Mapping[str, str]) -> None:
        data = mcap_format.metadata(name, entries)
        offset = self.size
        self._write(data)
        self._contents.metadata.append(MetadataIndex(offset, len(data), name))

    def _write(self, data: bytes) -> None:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:
            # A part of a record would make the records behind it unreadable.
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, self.size)
            raise
        self._crc = zlib.crc32(data, self._crc)
        self.size += len(data)


def sync_folder(path: Path) -> None:
    """Write the names in the folder *path* to the disk; no-op on systems that can't."""
    if os.name == "nt":
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_FOLDER_SYNC:
            raise
    finally:
        os.close(descriptor)
