"""A recording from frames to files, which the official library reads."""

import asyncio
import errno
import json
import logging
import os
import re
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from mcap.records import Message

from fastopts import model
from fastopts.capture import contents
from fastopts.capture import recorder as recorder_module
from fastopts.capture.worker import QUEUE_MAX, CaptureWorker
from tests.capture.judge import Capture, files, read, read_by_index
from tests.capture.recorder_harness import LISTED, QUICK, RecorderHarness, ticker_payload
from tests.support.payloads import SYMBOL, T0
from tests.support.waiting import PATIENCE_S


def frames_of(captures: list[Capture]) -> list[bytes]:
    return [message.data for capture in captures for _, message in capture.frames()]


def read_all(root: Path) -> list[Capture]:
    """Every file, closed and in order."""
    captures = []
    for path in files(root):
        capture = read(path)
        assert capture.is_whole, path
        assert read_by_index(path) == capture.messages
        captures.append(capture)
    return captures


def sequences(messages: list[Message]) -> list[int]:
    return [message.sequence for message in messages]


async def test_everything_that_was_received_and_sent_is_in_the_file(tmp_path: Path) -> None:
    payloads = [ticker_payload(number) for number in range(60)]

    before_ns = time.time_ns()
    async with RecorderHarness(tmp_path) as world:
        for start in range(0, 60, 20):
            world.receive(*payloads[start : start + 20], rt_ms=T0 + start)
            await world.until(lambda status: status.recorded == status.received)
        world.recorder.message(2, b"fragmented", T0)
        world.sent.append(b"fragmented")
        world.recorder.sent(1, b'{"op":"ping"}')
        world.recorder.rest("/v5/market/time", {"a": "b"}, status=200, body=b'{"time": 1}')
        world.recorder.rest("/v5/market/time", {}, status=502, body=b"\xff")
        world.recorder.rest("/v5/market/time", {}, error="timed out")
        world.recorder.event("opened", connection=1)
        world.recorder.universe_changed((), [LISTED])
    status = world.recorder.status()
    assert (status.received, status.recorded, status.not_recorded) == (61, 61, 0)
    assert status.unwritten == 0
    world.check_balance()
    [capture] = read_all(tmp_path)
    inbound = capture.of("in/1")
    assert [message.data for message in inbound] == payloads
    assert sequences(inbound) == list(range(60))
    # one time for all frames of a read of the socket, and the receive time that the table stores
    assert len({message.log_time for message in inbound}) == 3
    assert [message.publish_time for message in inbound[::20]] == [
        (T0 + start) * 1_000_000 for start in (0, 20, 40)
    ]
    times = [message.log_time for _, message in capture.messages]
    assert times == sorted(times)
    assert before_ns - 1_000_000 <= times[0] <= times[-1] <= time.time_ns() + 1_000_000
    assert [message.data for message in capture.of("in/2")] == [b"fragmented"]
    assert [message.data for message in capture.of("out/1")] == [b'{"op":"ping"}']
    assert [json.loads(message.data) for message in capture.of("rest")] == [
        {"path": "/v5/market/time", "params": {"a": "b"}, "status": 200, "body": '{"time": 1}'},
        {"path": "/v5/market/time", "params": {}, "status": 502, "body_base64": "/w=="},
        {"path": "/v5/market/time", "params": {}, "status": None, "error": "timed out"},
    ]
    place = {"run": capture.metadata["capture"]["run"], "file": "1"}
    assert len(place["run"]) == 16
    assert capture.events() == [
        {"event": "started", "venue": "sim", **place, "epoch": "5", "skew_ms": 0},
        {"event": "opened", "connection": 1},
        {"event": "stopped"},
    ]
    listed, delisted = [json.loads(message.data) for message in capture.of("instruments")]
    assert listed == {"listed": [{"symbol": SYMBOL, **LISTED.terms()}]}
    assert delisted == {"delisted": [SYMBOL]}
    clocks = [json.loads(message.data) for message in capture.of("clock")]
    assert all(abs(clock["utc_ns"] - before_ns) < PATIENCE_S * 1e9 for clock in clocks)
    assert capture.metadata == {
        "capture": {"venue": "sim", **place, "epoch": "5"},
        "closed": {
            "frames_received": "61",
            "frames_recorded": "61",
            "frames_not_recorded": "0",
        },
    }


async def test_a_file_begins_with_the_records_of_the_table(tmp_path: Path) -> None:
    world = RecorderHarness(tmp_path)
    world.table.inlet(1).message(ticker_payload(3), T0)
    async with world:
        world.receive(ticker_payload(4))
    [capture] = read_all(tmp_path)
    [state] = capture.of("state")
    size = state.data[0]
    assert state.data[1 : 1 + size].decode() == SYMBOL
    record = dict(zip(model.RECORD_HEAD, model.RECORD.unpack(state.data[1 + size :]), strict=False))
    assert (record["sequence"], record["epoch"], record["rt_ms"]) == (3, 5, T0)


async def test_a_file_begins_with_the_newest_feed(tmp_path: Path) -> None:
    async with RecorderHarness(tmp_path) as world:
        world.recorder.feed({"heartbeat_ms": "1", "conn:1": "0"})
        world.recorder.feed({"heartbeat_ms": "2"})
        world.table.epoch = 6  # begins a file
        await world.until(lambda status: status.files_closed == 1)
    former, latter = read_all(tmp_path)
    feeds = [json.loads(message.data) for message in former.of("feed")]
    assert feeds == [{"heartbeat_ms": "1", "conn:1": "0"}, {"heartbeat_ms": "2"}]
    assert [json.loads(message.data) for message in latter.of("feed")] == feeds[-1:]


async def test_a_new_hour_begins_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # an hour of a tenth of a second
    monkeypatch.setattr(recorder_module, "HOUR_NS", 100_000_000)

    async with RecorderHarness(tmp_path) as world:
        for number in range(100):
            world.receive(ticker_payload(number))
            await asyncio.sleep(0.002)
        await world.until(lambda status: status.files_closed >= 3)
    captures = read_all(tmp_path)
    assert len(captures) >= 4
    assert frames_of(captures) == [ticker_payload(number) for number in range(100)]
    for capture in captures:
        assert capture.events()[0]["event"] == "started"
        assert capture.of("instruments")
        inbound = capture.of("in/1")
        assert sequences(inbound) == list(range(len(inbound)))
        assert capture.metadata["closed"]["frames_received"] == str(len(inbound))


async def test_a_file_that_is_large_enough_is_followed_by_another(tmp_path: Path) -> None:
    world_sent: list[bytes] = []

    # an eighth of it, and more than a chunk needs
    async with RecorderHarness(tmp_path, keep_bytes=2_500_000) as world:
        for _ in range(70):
            world.receive(os.urandom(30_000).hex().encode())
            await world.until(lambda status: status.recorded == status.received)
        world_sent.extend(world.sent)
    captures = read_all(tmp_path)
    assert len(captures) > 2
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 2_500_000
    recorded = frames_of(captures)
    assert len(recorded) < 70
    assert recorded == world_sent[-len(recorded) :]  # the oldest are gone


async def test_a_clock_that_is_set_begins_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_ns, ahead_ns = time.time_ns, 0

    monkeypatch.setattr(time, "time_ns", lambda: real_ns() + ahead_ns)
    async with RecorderHarness(tmp_path) as world:
        world.receive(b"before")
        await world.until(lambda status: status.recorded == 1)
        ahead_ns = -3_000_000_000
        await world.until(lambda status: status.files_closed == 1)
        world.receive(b"after")
    second, first = read_all(tmp_path)  # by name: the second began three seconds earlier
    assert frames_of([first, second]) == [b"before", b"after"]
    [before], [after] = first.of("in/1"), second.of("in/1")
    assert -3_000_000_000 < after.log_time - before.log_time < -2_000_000_000 + PATIENCE_S * 1e9
    for capture in (first, second):
        times = [message.log_time for _, message in capture.messages]
        assert times == sorted(times)


async def test_a_new_epoch_begins_a_file(tmp_path: Path) -> None:
    async with RecorderHarness(tmp_path) as world:
        world.receive(b"1")
        await world.until(lambda status: status.recorded == 1)
        world.table.epoch = 6
        world.receive(b"2")
        await world.until(lambda status: status.recorded == 2)
    before, after = read_all(tmp_path)
    assert before.events("lease") == [{"event": "lease", "epoch": 6}]
    assert (before.metadata["capture"]["epoch"], after.metadata["capture"]["epoch"]) == ("5", "6")
    assert [path.stem.split("-")[1] for path in files(tmp_path)] == ["5", "6"]
    assert frames_of([before, after]) == [b"1", b"2"]


async def test_a_slow_disk_drops_chunks_and_notes_the_gap(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    may_write = threading.Event()
    may_write.set()

    with caplog.at_level(logging.INFO):
        world = RecorderHarness(tmp_path, QUICK, lambda _: assert_written(may_write), QUEUE_MAX)
        async with world:
            world.receive(b"before")
            await world.until(lambda status: status.recorded == 1)
            may_write.clear()
            for number in range(10_000):
                world.receive(b"during %d" % number)
                if world.recorder.status().not_recorded > 50:
                    break
                await asyncio.sleep(0.003)
            status = await world.until(lambda status: status.state == "slow")
            assert status.reason.startswith("the disk is ")
            may_write.set()
            await world.until(lambda status: status.unwritten == 0)
            world.receive(b"after")
            status = await world.until(lambda status: status.state == "recording")
        world.check_balance()
    [capture] = read_all(tmp_path)
    lost = [int(count) for count in re.findall(r"goes on; (\d+) frames were", caplog.text)]
    assert len([r for r in caplog.records if "chunks are dropped" in r.message]) == 1
    gaps = capture.events("gap")
    final = {gap["number"]: gap for gap in gaps}  # a gap that grows is noted again
    closed = capture.metadata["closed"]
    found = [data.decode() for data in frames_of([capture])]
    missing = int(closed["frames_received"]) - len(found)
    assert missing == int(closed["frames_not_recorded"]) == sum(lost) > 50
    assert sum(gap["frames"] for gap in final.values()) == missing
    # sequence numbers show where, without the events
    jumps = [
        (before, after)
        for before, after in zip(capture.of("in/1"), capture.of("in/1")[1:], strict=False)
        if after.sequence != before.sequence + 1
    ]
    assert sum(after.sequence - before.sequence - 1 for before, after in jumps) == missing
    for before, after in jumps:
        assert any(
            before.log_time <= gap["start_ns"] <= gap["end_ns"] <= after.log_time
            for gap in final.values()
        )
    assert (found[0], found[-1]) == ("before", "after")


def assert_written(may_write: threading.Event) -> None:
    assert may_write.wait(PATIENCE_S)


# With the small one, the state of the market at the head of a file takes several chunks.
@pytest.mark.parametrize("chunk_bytes", [QUICK.chunk_bytes, 150])
async def test_a_failure_stops_the_recording_until_the_disk_works_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, chunk_bytes: int
) -> None:
    is_full = False

    def write(path: Path) -> None:
        if is_full:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    with caplog.at_level(logging.INFO):
        async with RecorderHarness(
            tmp_path, replace(QUICK, retry_s=0.5, chunk_bytes=chunk_bytes), write_hook=write
        ) as world:
            world.receive(b"before")
            await world.until(lambda status: status.recorded == 1)
            is_full = True
            world.receive(b"lost with the chunk that failed")
            status = await world.until(lambda status: status.state == "stopped")
            assert status.reason.endswith(": No space left on device")
            world.receive(b"not even submitted")
            await world.until(lambda status: status.not_recorded == 2)
            is_full = False
            await world.until(lambda status: status.state == "recording")
            world.receive(b"after")
            status = await world.until(lambda status: status.recorded == 2)
        world.check_balance()
        assert world.recorder.status().not_recorded == 2
    recovered, after = read_all(tmp_path)
    assert frames_of([recovered, after]) == [b"before", b"after"]
    assert "recovered" in recovered.metadata
    [gap] = after.events("gap")
    assert gap["frames"] == 2
    assert gap["reason"].endswith(": No space left on device")
    assert recovered.of("in/1")[0].log_time < gap["start_ns"] <= gap["end_ns"]
    assert gap["end_ns"] <= after.of("in/1")[0].log_time
    assert after.metadata["closed"] == {
        "frames_received": "3",
        "frames_recorded": "1",
        "frames_not_recorded": "2",
    }
    [error] = [r.message for r in caplog.records if r.levelno == logging.ERROR]
    assert error.startswith("recording stopped: ")
    assert "No space left on device; collecting goes on" in error


async def test_a_folder_that_can_not_be_created_is_said_once_and_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = tmp_path / "file"
    root.write_bytes(b"in the way")

    with caplog.at_level(logging.INFO):
        async with RecorderHarness(root) as world:
            world.receive(b"1")
            status = await world.until(lambda status: status.state == "stopped")
            assert str(root) in status.reason
            # files that are tried, and fail
            await world.until(lambda _: caplog.text.count("recording stopped: ") > 2)
            assert "recording goes on" not in caplog.text
            root.unlink()
            await world.until(lambda status: status.state == "recording")
            world.receive(b"2")
            await world.until(lambda status: status.recorded >= 1)
    assert frames_of(read_all(root))[-1] == b"2"
    assert "recording goes on; 1 frames were not recorded" in caplog.text


async def test_a_failure_of_the_former_file_is_accounted_for_in_the_next(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    may_write = threading.Event()

    def write(path: Path) -> None:
        assert_written(may_write)
        if "-5" in path.name:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    async with RecorderHarness(tmp_path, write_hook=write) as world:
        world.receive(b"lost")
        world.receive(b"lost, too")
        world.table.epoch = 6
        await world.until(lambda _: world.recorder._file.epoch == 6)
        may_write.set()
        await world.until(lambda status: status.not_recorded == 2)
        await world.until(lambda _: "could not be finished" in caplog.text)
        world.receive(b"after")
        status = await world.until(lambda status: status.recorded == 1)
        assert status.state == "recording"
    [capture] = read_all(tmp_path)
    assert frames_of([capture]) == [b"after"]
    gaps = capture.events("gap")
    assert sum(gap["frames"] for gap in gaps) == 2
    assert all(gap["reason"].endswith(": Input/output error") for gap in gaps)
    assert capture.metadata["closed"] == {
        "frames_received": "3",
        "frames_recorded": "1",
        "frames_not_recorded": "2",
    }


async def test_a_gap_that_grows_by_an_earlier_chunk_is_the_same_gap(tmp_path: Path) -> None:
    may_write = threading.Event()

    def write(path: Path) -> None:
        assert_written(may_write)
        if "-5" in path.name:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))

    by_hand = replace(QUICK, chunk_s=1000.0)
    async with RecorderHarness(tmp_path, by_hand, write, queue_max=1) as world:
        world.receive(b"lost by the worker")
        world.recorder._seal()
        await world.until(lambda _: not world.recorder._worker._queue)  # it is being written
        world.table.epoch = 6
        world.recorder._begin_file()
        world.receive(b"kept")
        world.recorder._seal()
        world.receive(b"dropped, as the queue is full")
        world.recorder._seal()
        may_write.set()
        await world.until(lambda status: (status.recorded, status.not_recorded) == (1, 2))
        world.recorder._turn()
    [capture] = read_all(tmp_path)
    gaps = [(gap["number"], gap["frames"]) for gap in capture.events("gap")]
    assert gaps == [(1, 1), (1, 2)]
    [before, after] = [gap["start_ns"] for gap in capture.events("gap")]
    assert after < capture.of("in/1")[0].log_time < before


async def test_a_large_file_is_followed_by_one_other_while_the_disk_is_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    may_write, turns, paths = threading.Event(), 0, set[Path]()
    original = contents.clock

    def clock(utc_ns: int, monotonic_ns: int) -> bytes:
        nonlocal turns
        turns += 1
        return original(utc_ns, monotonic_ns)

    def write(path: Path) -> None:
        paths.add(path)
        if len(paths) > 1:
            assert_written(may_write)

    monkeypatch.setattr(contents, "clock", clock)
    async with RecorderHarness(tmp_path, write_hook=write, keep_bytes=2_500_000) as world:
        world.receive(*(os.urandom(30_000).hex().encode() for _ in range(20)))
        await world.until(lambda _: len(paths) > 1)
        seen = turns
        await world.until(lambda _: turns > seen + 10)
        may_write.set()
    assert len(read_all(tmp_path)) == 2


async def test_a_bug_of_the_recorder_stops_only_the_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: int) -> bytes:
        raise TypeError("a bug")

    failures: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
    async with RecorderHarness(tmp_path) as world:
        with monkeypatch.context() as patch:
            patch.setattr(contents, "clock", fail)
            world.receive(b"1")
            status = await world.until(lambda status: status.state == "stopped")
            assert status.reason == "internal error: TypeError('a bug')"
        await world.until(lambda status: status.state == "recording")
        world.receive(b"2")
        await world.until(lambda status: status.unwritten == 0)
    assert frames_of(read_all(tmp_path))[-1] == b"2"
    assert "recording stopped: internal error" in caplog.text
    assert failures == []


async def test_a_thread_that_dies_stops_the_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(CaptureWorker, "_recover_files", lambda _: 1 / 0)
    async with RecorderHarness(tmp_path) as world:
        world.receive(b"1")
        status = await world.until(lambda status: status.state == "stopped")
        assert status.reason.startswith("internal error: ZeroDivisionError")
        await world.until(lambda status: status.not_recorded == 1)
        world.check_balance()
    assert caplog.text.count("recording stopped: ") == 1


async def test_a_disk_that_hangs_does_not_keep_the_recorder_from_ending(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    may_write = threading.Event()

    with caplog.at_level(logging.WARNING):
        limits = replace(QUICK, finish_within_s=0.05)
        async with RecorderHarness(tmp_path, limits, lambda _: assert_written(may_write)) as world:
            world.receive(b"1")
        may_write.set()
    assert "the capture could not be closed in 0.05 s" in caplog.text


async def test_files_of_dead_processes_are_recovered_at_the_start(tmp_path: Path) -> None:
    async with RecorderHarness(tmp_path) as world:
        world.receive(b"first")
    [path] = files(tmp_path)
    data = path.read_bytes()
    path.unlink()
    path.with_suffix(".mcap.part").write_bytes(data[:-20])  # within its summary
    async with RecorderHarness(tmp_path) as world:
        world.receive(b"second")
    assert frames_of(read_all(tmp_path)) == [b"first", b"second"]


async def test_channels_beyond_those_that_a_file_can_have_begin_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "CHANNELS_MAX", 10)

    async with RecorderHarness(tmp_path) as world:
        for conn in range(1, 31):
            world.receive(b"%d" % conn, conn=conn)
            world.recorder.sent(conn, b"ping")
    captures = read_all(tmp_path)
    assert len(captures) > 3
    for capture in captures:
        assert all(int(message.data) == conn for conn, message in capture.frames())
        assert len(capture.topics()) <= 10
    assert frames_of(captures) == [b"%d" % conn for conn in range(1, 31)]
