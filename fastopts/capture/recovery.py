"""Completes files that a dead process left: whole chunks are kept, an incomplete end is cut off."""

import logging
import os
import zlib
from pathlib import Path
from typing import BinaryIO, Final

from fastopts import mcap_format
from fastopts.capture import zstd
from fastopts.capture.file import sync_folder
from fastopts.capture.inspect import CHUNK_LENGTH_MAX, Inspection, inspect_file
from fastopts.capture.locks import LockState, has_path, lock
from fastopts.capture.summary import RECOVERED
from fastopts.errors import CaptureError
from fastopts.mcap_format import ChunkIndex, MetadataIndex

__all__ = ("recover",)

log = logging.getLogger(__name__)

# A crash leaves one incomplete chunk. More than that behind the last sound record is damage of
# another kind, and perhaps readable with other tools: it is not cut off.
CUT_MAX: Final = 1 << 24


def recover(part: Path) -> Path | None:
    """Complete the file *part* and give it its final name, which is returned.

    None if another process is writing it, or might be where the file system has no locks; or has
    just completed it; or if it holds no whole chunk: then it is deleted. Raises CaptureError if it
    is not a capture, or is damaged far from its end, and OSError: it stays as it is.
    """
    with part.open("r+b") as file:
        if lock(file.fileno()) is not LockState.OURS:
            return None
        # Its process may have closed it since, or another collector recovered it. The path is then
        # free, or that of a new file.
        if not has_path(file.fileno(), part):
            return None
        if os.fstat(file.fileno()).st_size:  # else its process ended before the first write
            inspection = _sound_part(file, part)
            if inspection.contents.chunks:
                if not inspection.has_footer:
                    _complete(file, inspection)
                return _rename(part, len(inspection.contents.chunks))
        part.unlink()
    log.info("%s held no whole chunk: deleted", part)
    return None


def _sound_part(file: BinaryIO, part: Path) -> Inspection:
    """Return what *file* holds without damaged chunks at its end. Raises CaptureError.

    Each chunk was synced before the next was written: those before a sound one are sound, even
    after a power failure.
    """
    inspection = inspect_file(file, str(part))
    size = inspection.size
    while not inspection.has_footer:
        if size - inspection.valid_size > CUT_MAX:
            raise CaptureError(f"{part}: damaged at byte {inspection.valid_size} of {size}")
        chunks = inspection.contents.chunks
        if not chunks or _is_sound(file, chunks[-1]):
            break
        inspection = inspect_file(file, str(part), size=chunks[-1].offset)
    return inspection


def _is_sound(file: BinaryIO, chunk: ChunkIndex) -> bool:
    """Whether the data of *chunk* are what was written."""
    head = chunk.head
    if head.size > CHUNK_LENGTH_MAX:  # damaged: not worth the memory
        return False
    file.seek(chunk.offset + head.SIZE)
    try:
        data = zstd.decompress(file.read(head.compressed_size))
    except zstd.ZstdError:
        return False
    return len(data) == head.size and zlib.crc32(data) == head.crc


def _complete(file: BinaryIO, inspection: Inspection) -> None:
    """Cut the end off, and write a summary."""
    cut = os.fstat(file.fileno()).st_size - inspection.valid_size
    record = mcap_format.metadata(RECOVERED, {"bytes_cut": str(cut)})
    inspection.contents.metadata.append(
        MetadataIndex(inspection.valid_size, len(record), RECOVERED)
    )
    file.truncate(inspection.valid_size)
    file.seek(inspection.valid_size)
    # A CRC of 0 means that there is none: it would take reading the whole file.
    file.write(record + inspection.contents.end(inspection.valid_size + len(record), crc=0))
    file.flush()
    os.fsync(file.fileno())


def _rename(part: Path, chunks: int) -> Path:
    final = part.with_suffix("")
    part.rename(final)
    sync_folder(final.parent)
    log.info("%s recovered: %d chunks", final, chunks)
    return final
