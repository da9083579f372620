"""The thread and its queue, without an event loop."""

import errno
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import pytest

from fastopts.capture import file as file_module
from fastopts.capture import worker as worker_module
from fastopts.capture.folder import CaptureFolder, FreeSpace
from fastopts.capture.locks import LockState, lock
from fastopts.capture.recovery import recover
from fastopts.capture.summary import ChannelEntry
from fastopts.capture.worker import QUEUE_MAX, CaptureWorker, FileStart, SealedChunk
from fastopts.core import CaptureChannel
from tests.capture.judge import files, read, read_by_index
from tests.capture.writing import OPENING, START_NS, write_capture
from tests.support.disks import without_locks
from tests.support.waiting import PATIENCE_S


def new_start() -> FileStart:
    return FileStart(START_NS, 5, "tests", OPENING, [ChannelEntry(1, "in/1", "json")])


def submit(worker: CaptureWorker, start: FileStart, payload: bytes) -> bool:
    buffer = worker.empty_buffer()
    buffer.append(CaptureChannel(1), payload, START_NS, START_NS, True)
    return worker.submit(SealedChunk(start, buffer, START_NS, START_NS, 1, 0, time.monotonic()))


def new_worker(root: Path, may_write: threading.Event | None = None) -> CaptureWorker:
    def wait(_: Path) -> None:
        assert may_write is None or may_write.wait(PATIENCE_S)

    return CaptureWorker(CaptureFolder(root, "sim", 1 << 40, FreeSpace(0.0, 0)), wait)


def finish(worker: CaptureWorker) -> None:
    worker.finish()
    assert worker.join(PATIENCE_S)


def test_chunks_are_written_in_order_into_their_files(tmp_path: Path) -> None:
    worker = new_worker(tmp_path)
    worker.start()
    first, second = new_start(), new_start()
    for start, payload in ((first, b"1"), (first, b"2"), (second, b"3")):
        assert submit(worker, start, payload)
    finish(worker)
    captures = [read(path) for path in files(tmp_path)]
    assert [[m.data for _, m in capture.messages] for capture in captures] == [[b"1", b"2"], [b"3"]]
    for path in files(tmp_path):
        read_by_index(path)
    state = worker.state()
    assert (state.recorded, state.lost, state.waiting, state.files_closed) == (3, 0, 0, 2)
    assert state.bytes_written < sum(path.stat().st_size for path in files(tmp_path))


def test_the_queue_has_a_bound(tmp_path: Path) -> None:
    may_write = threading.Event()
    worker, start = new_worker(tmp_path, may_write), new_start()
    worker.start()
    submitted = sum(submit(worker, start, b"x") for _ in range(100))
    assert QUEUE_MAX <= submitted <= QUEUE_MAX + 1  # one may be in the thread's hands
    state = worker.state()
    assert (state.waiting, state.recorded) == (submitted, 0)
    assert state.behind_s > 0
    may_write.set()
    finish(worker)
    assert worker.state().recorded == submitted
    assert worker.state().behind_s == 0


def test_buffers_are_used_again(tmp_path: Path) -> None:
    worker, start = new_worker(tmp_path), new_start()
    buffer = worker.empty_buffer()
    buffer.append(CaptureChannel(1), b"x", START_NS, START_NS, True)
    worker.submit(SealedChunk(start, buffer, START_NS, START_NS, 1, 0, 0.0))
    worker.start()
    finish(worker)
    assert worker.empty_buffer() is buffer
    assert len(buffer) == 0


def test_a_worker_without_chunks_writes_no_file(tmp_path: Path) -> None:
    worker = new_worker(tmp_path)
    worker.start()
    finish(worker)
    assert files(tmp_path) == []


def test_a_bug_stops_the_recording_and_nothing_else(tmp_path: Path) -> None:
    def fail(_: Path) -> None:
        raise RuntimeError("a bug")

    worker = CaptureWorker(CaptureFolder(tmp_path, "sim", 1 << 40, FreeSpace(0.0, 0)), fail)
    worker.start()
    start = new_start()
    submit(worker, start, b"x")
    submit(worker, start, b"y")
    finish(worker)
    state = worker.state()
    assert (state.lost, state.recorded, state.failed) == (2, 0, start)
    assert state.reason == "internal error: RuntimeError('a bug')"


def dead_part(root: Path) -> Path:
    part = root / "sim" / "2025-11-30" / "000000-1.mcap.part"
    part.parent.mkdir(parents=True)
    write_capture(part, chunks=1)
    return part


@pytest.mark.parametrize("error", [MemoryError(), OverflowError("too large")])
def test_a_file_that_breaks_recovery_is_left_and_recording_begins(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: Exception,
) -> None:
    def fail(_: Path) -> None:
        raise error

    part = dead_part(tmp_path)
    monkeypatch.setattr(worker_module, "recover", fail)
    worker = new_worker(tmp_path)
    worker.start()
    submit(worker, new_start(), b"x")
    finish(worker)
    assert worker.state().recorded == 1
    assert part.exists()
    [warning] = [r.message for r in caplog.records if r.levelno == logging.WARNING]
    assert warning == f"{part}: {error!r}; it is not recovered"


def test_a_name_that_another_collector_takes_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It finds a new file before that is locked, and deletes it; or has only locked it so far."""
    descriptors: list[int] = []

    def lock_after_other(descriptor: int) -> LockState:
        [part] = set(tmp_path.rglob("*.part")) - taken
        if not descriptors:
            assert recover(part) is None
            assert not part.exists()
        elif len(descriptors) == 1:
            taken.add(part)
            files_of_other.append(part.open("rb"))
            assert lock(files_of_other[0].fileno()) is LockState.OURS
        descriptors.append(descriptor)
        return lock(descriptor)

    taken, files_of_other = set[Path](), list[BinaryIO]()
    monkeypatch.setattr(file_module, "lock", lock_after_other)
    worker = new_worker(tmp_path)
    worker.start()
    submit(worker, new_start(), b"x")
    finish(worker)
    files_of_other[0].close()
    assert len(descriptors) == 3
    state = worker.state()
    assert (state.recorded, state.lost) == (1, 0)
    [path] = tmp_path.rglob("*.mcap")
    assert [m.data for _, m in read(path).messages] == [b"x"]


def test_a_disk_without_locks_is_recorded_to_after_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    part = dead_part(tmp_path)
    worker = new_worker(tmp_path)
    with without_locks(errno.ENOLCK):
        worker.start()
        submit(worker, new_start(), b"1")
        submit(worker, new_start(), b"2")
        finish(worker)
    state = worker.state()
    assert (state.recorded, state.lost, state.files_closed) == (2, 0, 2)
    assert part.exists()
    [warning] = [r.message for r in caplog.records if r.levelno == logging.WARNING]
    assert warning.startswith(f"{tmp_path / 'sim'}: the file system has no locks; ")


def test_a_damaged_file_is_warned_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    part = dead_part(tmp_path)
    part.write_bytes(b"damaged")
    worker = new_worker(tmp_path)
    for _ in range(3):
        worker._recover_files()
    [warning] = caplog.records
    assert warning.message == f"{part}: not an MCAP file; it is not recovered"


def test_a_thread_that_dies_counts_everything_as_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, start = new_worker(tmp_path), new_start()
    monkeypatch.setattr(worker._folder, "parts", lambda: 1 / 0)
    assert submit(worker, start, b"1")
    assert submit(worker, start, b"2")
    worker.start()
    assert worker.join(PATIENCE_S)
    state = worker.state()
    assert (state.has_died, state.lost, state.waiting, state.behind_s) == (True, 2, 0, 0)
    assert state.reason == "internal error: ZeroDivisionError('division by zero')"
    assert not submit(worker, start, b"3")


def full_disk(path: str | None) -> Callable[[Path], None]:
    def fail(_: Path) -> None:
        raise OSError(28, "No space left on device", path)

    return fail


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such names")
def test_a_reason_names_the_file_and_is_text(tmp_path: Path) -> None:
    for name, place in ((None, tmp_path / "sim"), ("disk\udce9", "disk\\udce9")):
        folder = CaptureFolder(tmp_path, "sim", 1 << 40, FreeSpace(0.0, 0))
        worker = CaptureWorker(folder, full_disk(name))
        worker.start()
        submit(worker, new_start(), b"x")
        finish(worker)
        assert worker.state().reason == f"{place}: No space left on device"


def test_a_file_that_can_not_be_closed_does_not_cost_the_next_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker, first, second = new_worker(tmp_path), new_start(), new_start()
    original = worker._close

    def close() -> None:
        if worker._open is not None and worker._open.start is first:
            raise OSError(5, "Input/output error")
        original()

    monkeypatch.setattr(worker, "_close", close)
    worker.start()
    submit(worker, first, b"1")
    submit(worker, second, b"2")
    finish(worker)
    state = worker.state()
    assert (state.recorded, state.lost, state.failed) == (2, 0, first)
    assert [m.data for path in files(tmp_path) for _, m in read(path).messages] == [b"1", b"2"]
