"""The thread and its queue, without an event loop."""

import threading
import time
from pathlib import Path

from fastopts.capture.folder import CaptureFolder, FreeSpace
from fastopts.capture.summary import ChannelEntry
from fastopts.capture.worker import QUEUE_MAX, CaptureWorker, FileStart, SealedChunk
from fastopts.core import CaptureChannel
from tests.capture.judge import files, read, read_by_index
from tests.capture.writing import OPENING, START_NS
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
