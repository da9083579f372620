"""The thread that compresses, writes and syncs chunks, from a bounded queue.

When the queue is full, chunks are dropped before it, and counted: a slow disk never delays the
event loop. When a write fails, the file is abandoned, and the chunks of that file are counted as
lost.
"""

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

from fastopts.capture.contents import printable
from fastopts.capture.file import CaptureFile
from fastopts.capture.folder import CaptureFolder
from fastopts.capture.recovery import recover
from fastopts.capture.summary import ChannelEntry
from fastopts.core import CaptureBuffer
from fastopts.errors import CaptureError

__all__ = ("CaptureWorker", "FileStart", "SealedChunk", "WorkerState")

log = logging.getLogger(__name__)

QUEUE_MAX: Final = 8
# What a chunk may add to a file beyond its compressed data: heads, declarations, and the summary.
_MARGIN: Final = 1 << 20
# Only collectors that start at the same moment take names from each other, and each does so once.
_RENAMES_MAX: Final = 10


@dataclass(frozen=True, slots=True, eq=False)
class FileStart:
    """A new file; its chunks refer to it. *opening* is the metadata at its head.

    The recorder appends to *channels*; their order is that of their numbers.
    """

    start_ns: int
    epoch: int
    library: str
    opening: Mapping[str, str]
    channels: list[ChannelEntry] = field(default_factory=list)


@dataclass(frozen=True, slots=True, eq=False)
class SealedChunk:
    """A chunk to be written; *received* and *dropped* count frames since the chunk before it."""

    file: FileStart
    buffer: CaptureBuffer
    start_ns: int
    end_ns: int
    received: int
    dropped: int
    sealed_at: float
    """Monotonic time."""


@dataclass(frozen=True, slots=True)
class WorkerState:
    """Counters of a worker at one moment; frames count when they are synced."""

    recorded: int = 0
    lost: int = 0
    waiting: int = 0
    """Frames of chunks that are neither written nor lost."""
    bytes_written: int = 0
    files_closed: int = 0
    large: FileStart | None = None
    """The open file, if it should be followed by another one."""
    behind_s: float = 0.0
    """How long the oldest chunk has been waiting."""
    failed: FileStart | None = None
    """The last file that was abandoned, for *reason*."""
    reason: str = ""
    has_died: bool = False
    """Whether the thread ended by an internal error: nothing is written any more."""


@dataclass(slots=True)
class _OpenFile:
    """The file that is being written, and the frames that are accounted for in it."""

    start: FileStart
    file: CaptureFile
    channels: int = 0
    received: int = 0
    recorded: int = 0
    dropped: int = 0

    def closing(self) -> dict[str, str]:
        """The metadata at the end: the frames of the time that the file covers."""
        return {
            "frames_received": str(self.received),
            "frames_recorded": str(self.recorded),
            "frames_not_recorded": str(self.dropped),
        }


class CaptureWorker:
    """Writes chunks into files of *folder*: `start` it, `submit` chunks, `finish`, `join`.

    *write_hook* is called with the path before each write; tests make it slow, or let it fail.
    """

    def __init__(
        self,
        folder: CaptureFolder,
        write_hook: Callable[[Path], None] = lambda _: None,
        queue_max: int = QUEUE_MAX,
    ) -> None:
        self._folder = folder
        self._write_hook = write_hook
        self._queue_max = queue_max
        self._changed = threading.Condition()
        self._queue = deque[SealedChunk]()
        self._current: SealedChunk | None = None
        self._is_finishing = False
        self._state = WorkerState()
        self._buffers = deque[CaptureBuffer]()
        self._lost = deque[SealedChunk]()
        self._open: _OpenFile | None = None
        self._warned_of: set[Path] = set()  # files that can't be recovered
        self._warned_of_locks = False
        # A daemon: a disk that hangs must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="fastopts-capture", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def submit(self, chunk: SealedChunk) -> bool:
        """Queue *chunk*, whose buffer becomes the worker's; return False if it can't be queued."""
        with self._changed:
            if len(self._queue) >= self._queue_max or self._state.has_died:
                return False
            self._queue.append(chunk)
            self._state = replace(self._state, waiting=self._state.waiting + chunk.buffer.frames)
            self._changed.notify()
        return True

    def empty_buffer(self) -> CaptureBuffer:
        """Return a buffer, one that has been written if possible."""
        try:
            return self._buffers.pop()
        except IndexError:
            return CaptureBuffer()

    def state(self) -> WorkerState:
        """Return the counters."""
        with self._changed:
            oldest = self._current or (self._queue[0] if self._queue else None)
            behind_s = 0.0 if oldest is None else time.monotonic() - oldest.sealed_at
            return replace(self._state, behind_s=behind_s)

    def take_lost(self) -> Iterator[SealedChunk]:
        """Yield each chunk that was lost, once; their buffers are empty."""
        while True:
            try:
                yield self._lost.popleft()
            except IndexError:
                return

    def finish(self) -> None:
        """Write what is queued, close the file, and end the thread."""
        with self._changed:
            self._is_finishing = True
            self._changed.notify()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end of the thread; return whether it has ended."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._write_chunks()
        except Exception as error:  # a bug: whatever it is, the recorder must learn of it
            log.exception("recording ended")
            self._die(f"internal error: {error!r}")

    def _write_chunks(self) -> None:
        # Before the first chunk, which waits in the queue: recovery reads heads of records only.
        self._recover_files()
        while (chunk := self._next_chunk()) is not None:
            is_written = chunk.file is not self._state.failed and self._attempt(
                chunk.file, partial(self._write, chunk)
            )
            self._account(chunk, is_written)
            if len(self._buffers) < 2:  # after a backlog, the memory of the others is freed
                self._buffers.append(chunk.buffer)
            if is_written and chunk.dropped:
                log.info("recording goes on; %d frames were not recorded", chunk.dropped)
        if self._open is not None:
            self._attempt(self._open.start, self._close)

    def _die(self, reason: str) -> None:
        """Count everything that waits as lost: nothing will write it."""
        with self._changed:
            self._state = replace(self._state, has_died=True, reason=printable(reason))
            chunks = [self._current, *self._queue]
            self._queue.clear()
        for chunk in chunks:
            if chunk is not None:
                self._account(chunk, is_written=False)
        if self._open is not None:
            self._open.file.abandon()
            self._open = None

    def _next_chunk(self) -> SealedChunk | None:
        """Return the next chunk; None at the end."""
        with self._changed:
            while not self._queue and not self._is_finishing:
                self._changed.wait()
            self._current = self._queue.popleft() if self._queue else None
            return self._current

    def _account(self, chunk: SealedChunk, is_written: bool) -> None:
        """Count the frames of *chunk*, and empty its buffer."""
        frames = chunk.buffer.frames
        chunk.buffer.clear()
        with self._changed:
            state = self._state
            self._current = None
            if not is_written:
                self._lost.append(chunk)
            self._state = replace(
                state,
                recorded=state.recorded + frames * is_written,
                lost=state.lost + frames * (not is_written),
                waiting=state.waiting - frames,
            )

    def _attempt(self, start: FileStart, work: Callable[[], None]) -> bool:
        """Do *work* on the file *start*; return whether it succeeded, else abandon the file."""
        try:
            work()
        except OSError as error:
            # Errors of `os.write` name no file.
            path = self._folder.path if self._open is None else self._open.file.path
            self._abandon(start, f"{error.filename or path}: {error.strerror or error}")
        except Exception as error:
            log.exception("recording failed")
            self._abandon(start, f"internal error: {error!r}")
        else:
            return True
        return False

    def _abandon(self, start: FileStart, reason: str) -> None:
        if self._open is not None:
            self._open.file.abandon()
            self._open = None
        with self._changed:
            self._state = replace(self._state, failed=start, reason=printable(reason), large=None)

    def _write(self, chunk: SealedChunk) -> None:
        if self._open is not None and self._open.start is not chunk.file:
            self._attempt(self._open.start, self._close)
        if self._open is None:
            self._open = self._create(chunk.file)
        opened, buffer = self._open, chunk.buffer
        self._write_hook(opened.file.path)
        # Frames compress to less than they are, others may not.
        self._folder.make_room(len(buffer) + _MARGIN, opened.file.path)
        channels = chunk.file.channels[opened.channels :]
        size = opened.file.size
        with buffer.contents() as data:
            opened.file.write_chunk(data, chunk.start_ns, chunk.end_ns, buffer.counts, channels)
        opened.channels += len(channels)
        opened.received += chunk.received
        opened.recorded += buffer.frames
        opened.dropped += chunk.dropped
        is_large = self._folder.is_large(opened.file.path, opened.file.size)
        with self._changed:
            written = self._state.bytes_written + opened.file.size - size
            large = opened.start if is_large else None
            self._state = replace(self._state, bytes_written=written, large=large)

    def _create(self, start: FileStart) -> _OpenFile:
        path = self._folder.new_path(start.start_ns, start.epoch)
        self._write_hook(path)
        if self._state.failed is not None:
            # The one that was abandoned: completed, it is the first to go if there is no room.
            self._recover_files()
        self._folder.make_room(_MARGIN, None)
        file = self._create_file(path, start)
        if not file.is_locked and not self._warned_of_locks:
            self._warned_of_locks = True
            log.warning(
                "%s: the file system has no locks; files that a dead process leaves there are "
                "not completed",
                self._folder.path,
            )
        log.info("recording into %s", file.path)
        return _OpenFile(start, file)

    def _create_file(self, path: Path, start: FileStart) -> CaptureFile:
        """Create *path*, or a file of another name if another collector uses that one."""
        for _ in range(_RENAMES_MAX):
            with contextlib.suppress(FileExistsError):
                return CaptureFile(path, start.library, start.opening)
            path = self._folder.new_path(start.start_ns, start.epoch)
        return CaptureFile(path, start.library, start.opening)

    def _close(self) -> None:
        assert self._open is not None
        # Forgotten first: a file whose end can't be written is recovered like any other.
        opened, self._open = self._open, None
        try:
            self._write_hook(opened.file.path)
            path = opened.file.close(opened.closing())
            self._folder.files_changed()
        except OSError:
            opened.file.abandon()
            raise
        with self._changed:
            self._state = replace(self._state, files_closed=self._state.files_closed + 1)
        log.info("recorded %s (%.1f MB)", path, opened.file.size / 1e6)

    def _recover_files(self) -> None:
        """Complete the files that dead processes left; warn once of those that can't be."""
        try:
            parts = self._folder.parts()
        except OSError:  # an unusable folder: creating a file there has the reason
            return
        for part in parts:
            try:
                recover(part)
                self._folder.files_changed()
            except CaptureError as error:
                self._warn_of(part, str(error))
            except OSError as error:
                self._warn_of(part, f"{part}: {error.strerror or error}")
            # A damaged file can hold anything: what it makes a reader raise must not keep this
            # collector, and every later one, from recording.
            except Exception as error:  # noqa: BLE001
                self._warn_of(part, f"{part}: {error!r}")

    def _warn_of(self, part: Path, reason: str) -> None:
        if part not in self._warned_of:
            self._warned_of.add(part)
            log.warning("%s; it is not recovered", reason)
