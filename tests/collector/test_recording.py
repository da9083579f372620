"""A recording collector, between the simulated venue and a real Valkey."""

import json
import logging
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from fastopts import keys
from fastopts.capture.worker import CaptureWorker
from fastopts.collector.operation.recording import build_recorder, settings_digest
from fastopts.config import Secret, Settings
from fastopts.errors import ConfigError
from fastopts.venues.bybit.ticker_table import new_table
from tests.capture.judge import Capture, files, read, read_by_index
from tests.capture.venue import LoggingVenue
from tests.support import collector_harness, processes
from tests.support.collector_harness import CollectorHarness, until
from tests.support.waiting import PATIENCE_S

MakeHarness = Callable[..., AbstractAsyncContextManager[CollectorHarness]]


@pytest.fixture
def logging_harness(monkeypatch: pytest.MonkeyPatch) -> MakeHarness:
    """A world whose venue logs what it sends."""
    monkeypatch.setattr(collector_harness, "SimVenue", LoggingVenue)
    return collector_harness.running_collector


def stats(harness: CollectorHarness) -> dict[str, str]:
    fields: dict[str, str] = harness.client.hgetall(keys.STATS)  # type: ignore[assignment]
    return fields


def balance(fields: dict[str, str]) -> tuple[int, int]:
    """Both sides of the equation of a recording."""
    parts = ("frames_recorded", "frames_not_recorded", "frames_unwritten")
    return int(fields["frames_received"]), sum(int(fields[name]) for name in parts)


def read_all(root: Path) -> Capture:
    """All files as one: that of the time before the lease, and the others. Each is complete."""
    total = Capture(is_whole=True)
    for path in files(root):
        capture = read(path)
        assert capture.is_whole
        assert read_by_index(path) == capture.messages
        frames = str(sum(1 for _ in capture.frames()))
        closed = capture.metadata["closed"]
        assert (closed["frames_received"], closed["frames_recorded"]) == (frames, frames)
        assert closed["frames_not_recorded"] == "0"
        opening = capture.metadata["capture"]
        assert (opening["venue"], opening["level"]) == ("sim", "raw")
        assert path.stem.endswith(f"-{opening['epoch']}")
        total.messages += capture.messages
    return total


def compare(capture: Capture, venue: Any) -> None:
    """Each connection's frames are those that the venue sent, up to where it ended."""
    for conn, log in enumerate(venue.log, 1):
        recorded = [message.data for message in capture.of(f"in/{conn}")]
        assert recorded
        assert recorded == [payload for _, payload in log[: len(recorded)]]


async def test_what_the_venue_sent_is_in_the_file(
    tmp_path: Path, logging_harness: MakeHarness
) -> None:
    root = tmp_path / "captures"

    async with logging_harness(tmp_path, record=str(root)) as harness:
        await harness.covered()
        await harness.venue.drop()
        await until(lambda: harness.collector.connections.reconnects == 1)
        await harness.covered()
        await until(lambda: int(stats(harness).get("frames_recorded", "0")) > 1000)
        fields = stats(harness)
        assert fields["recording"] == "recording"
        assert balance(fields)[0] == balance(fields)[1] > 1000
        status = harness.collector.monitor.status()
        assert f"recorded {status.frames_recorded:,}" in str(status)
        epoch = harness.collector.table.epoch
        feed_in_redis = harness.client.hgetall(keys.FEED)
        harness.venue.pause()
        await until(lambda: harness.collector.table.pending == 0)
    assert {path.parent.parent for path in files(root)} == {root / "sim"}
    assert files(root)[-1].stem.endswith(f"-{epoch}")
    capture = read_all(root)
    compare(capture, harness.venue)
    assert {"event": "lease", "epoch": epoch} in capture.events()
    names = [event["event"] for event in capture.events() if event.get("connection")]
    assert names == ["dialled", "opened", "closed"] * 2
    assert capture.events("closed")[0]["reason"]
    feeds = [json.loads(message.data) for message in capture.of("feed")]
    assert feed_in_redis in feeds
    assert (feeds[-1]["heartbeat_ms"], "conn:2" in feeds[-1]) == ("0", False)  # ended in order
    rest = [json.loads(message.data) for message in capture.of("rest")]
    paths = {exchange["path"] for exchange in rest}
    assert paths >= {"/v5/market/instruments-info", "/v5/market/tickers"}
    assert all(json.loads(exchange["body"])["retCode"] == 0 for exchange in rest)
    requests = {json.loads(message.data)["op"] for message in capture.of("out/1")}
    assert requests == {"ping", "subscribe"}
    listed = {
        row["symbol"]
        for message in capture.of("instruments")
        for row in json.loads(message.data).get("listed", ())
    }
    assert listed == set(harness.venue.symbols)


async def test_a_stuck_disk_is_reported_within_two_seconds_and_ticks_continue(
    tmp_path: Path, logging_harness: MakeHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The thread hangs, as it does in a write to a disk that does not answer."""
    may_write = threading.Event()
    original = CaptureWorker._write
    monkeypatch.setattr(
        CaptureWorker,
        "_write",
        lambda worker, chunk: may_write.wait(PATIENCE_S) and original(worker, chunk),
    )

    async with logging_harness(tmp_path, record=str(tmp_path / "captures")) as harness:
        await harness.covered()
        await until(lambda: stats(harness).get("recording") == "slow")
        assert "slow" in str(harness.collector.monitor.status()).lower()
        await until(lambda: int(stats(harness)["frames_not_recorded"]) > 0)
        await harness.equal()
        harness.check_books()
        assert balance(stats(harness))[0] == balance(stats(harness))[1]
        may_write.set()
        await until(lambda: stats(harness)["recording"] == "recording")
    captures = [read(path) for path in files(tmp_path / "captures")]
    lost = {  # a gap that grows is noted again
        (number, gap["number"]): gap["frames"]
        for number, capture in enumerate(captures)
        for gap in capture.events("gap")
    }
    closed = [int(capture.metadata["closed"]["frames_not_recorded"]) for capture in captures]
    assert sum(lost.values()) == sum(closed) > 0


async def test_a_folder_that_can_not_be_used_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    root = tmp_path / "file"
    root.write_bytes(b"in the way")

    with caplog.at_level(logging.ERROR):
        async with collector_harness.running_collector(tmp_path, record=str(root)) as harness:
            await harness.covered()
            await until(lambda: stats(harness).get("recording") == "stopped")
            assert str(root) in stats(harness)["recording_reason"]
            await until(lambda: int(stats(harness)["frames_not_recorded"]) > 0)
            await harness.equal()
            assert "STOPPED" in str(harness.collector.monitor.status())
    [line] = [record.message for record in caplog.records if record.levelno == logging.ERROR]
    assert line.startswith(f"recording stopped: {root}")


CAN_MOUNT = ("unshare", "--user", "--map-root-user", "--mount")
SMALL_DISK = """
mount -t tmpfs -o size={size} tmpfs "$0" || exit 77
exec "$@"
"""


def has_small_disks(path: Path) -> bool:
    """Whether an unprivileged process may mount a file system of its own."""
    if shutil.which("unshare") is None:
        return False
    words = [*CAN_MOUNT, "sh", "-c", SMALL_DISK.format(size="1m"), str(path), "true"]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


@pytest.mark.timeout(600)
def test_a_full_disk_stops_the_recording_and_nothing_else(tmp_path: Path) -> None:
    root = tmp_path / "disk"
    root.mkdir()
    if not has_small_disks(root):
        pytest.skip("no rights to mount a small file system in a namespace")
    with processes.sim_venue(symbols=120, rate=2000) as words:
        small = [*CAN_MOUNT, "sh", "-c", SMALL_DISK.format(size="1m"), str(root)]
        track = [sys.executable, "-m", "fastopts.track", *words, "--record", str(root)]
        more = ["--redis-url", "redis://127.0.0.1:1", "--no-embedded", "--status-s", "0.5"]
        with subprocess.Popen(
            [*small, *track, *more, "--log-format", "json"],
            stderr=subprocess.PIPE,
            text=True,
            cwd=tmp_path,
            env=processes.environ(),
        ) as process:
            try:
                line = json.loads(processes.wait_for_line(process.stderr, "recording stopped"))
                assert "disk full: no older capture is left to delete" in line["message"]
                while True:
                    status = json.loads(processes.wait_for_line(process.stderr, '"status"'))
                    if status["status"]["frames_not_recorded"] > 500:
                        break
                assert status["status"]["recording"] == "stopped"
                assert status["status"]["covered"] >= 0
            finally:
                process.terminate()


async def test_without_the_option_nothing_is_recorded(tmp_path: Path) -> None:
    async with collector_harness.running_collector(tmp_path) as harness:
        assert harness.collector.recorder is None
        await until(lambda: "recording" in stats(harness))
        assert stats(harness)["recording"] == "off"
        assert "frames_received" not in stats(harness)
        assert "recorded" not in str(harness.collector.monitor.status())


def test_the_digest_changes_with_settings_and_not_with_secrets() -> None:
    plain = settings_digest(Settings())
    assert settings_digest(Settings(flush_ms=6.0)) != plain
    assert settings_digest(Settings(venue_wait_s=6.0)) != settings_digest(Settings(flush_ms=6.0))
    for secret in (Secret("one"), Secret("other")):
        settings = Settings(redis_password=secret, redis_url=secret)
        assert settings_digest(settings) == plain
    assert settings_digest(Settings(remarks=("a variable is ignored",))) == plain


def test_on_windows_the_option_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    settings = Settings(record=str(tmp_path / "captures"))
    with monkeypatch.context() as patch:
        patch.setattr(sys, "platform", "win32")
        with pytest.raises(ConfigError, match="--record is not supported on Windows") as refusal:
            build_recorder(settings, "sim", "fastopts/1", new_table(), {})
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "captures").exists()


WITHOUT_ZSTD = """
import sys
sys.modules["backports.zstd"] = sys.modules["compression.zstd"] = None
from fastopts.track import main
sys.exit(main(["--venue", "sim", "--redis-url", "redis://127.0.0.1:1", *sys.argv[1:]]))
"""


def test_without_its_library_the_option_is_refused(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_ZSTD, "--record", str(tmp_path / "captures")],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=processes.environ(),
        check=False,
    )
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert "--record: " in line
    assert "backports.zstd is not installed: pip install" in line
    assert not (tmp_path / "captures").exists()
