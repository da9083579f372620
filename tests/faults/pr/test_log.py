"""A log that is full, stuck or gone holds up nothing."""

import asyncio
import contextlib
import logging
import os
import re
import selectors
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from fastopts import keys
from fastopts.embedded import EmbeddedValkey
from fastopts.logs import LINES_MAX, BackgroundLogHandler
from tests.support.broken_valkey import wait_for
from tests.support.collector_harness import SMALL, running_collector, until
from tests.support.fault_proxy import FaultProxy
from tests.support.processes import environ

PACE = 1200.0


@contextmanager
def nowhere() -> Iterator[int]:
    """A disk that is full."""
    fd = os.open("/dev/full", os.O_WRONLY)
    yield fd
    os.close(fd)


@contextmanager
def unread() -> Iterator[int]:
    """A pipe that is full and that nobody reads."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, bytes(4096))
    os.set_blocking(writer, True)
    yield writer
    os.close(reader)
    os.close(writer)


@contextmanager
def broken() -> Iterator[int]:
    """A pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.mark.parametrize("make", [nowhere, unread, broken])
def test_PR_12_collecting_continues_whatever_happens_to_the_log(
    tmp_path: Path,
    sim: list[str],
    valkey: EmbeddedValkey,
    client: redis.Redis,
    make: Callable[[], contextlib.AbstractContextManager[int]],
) -> None:
    words = [*sim, "--redis-url", valkey.url, "--status-s", "0.1"]
    with make() as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "fastopts.track", *words],
            stderr=stderr,
            cwd=tmp_path,
            env=environ(),
        )
        ticks_on(client)
        process.terminate()
        assert process.wait(30) == 0
    assert client.hget(keys.FEED, "heartbeat_ms") == "0"


def test_PR_12_without_any_stderr_it_runs_too(
    tmp_path: Path, sim: list[str], valkey: EmbeddedValkey, client: redis.Redis
) -> None:
    words = [sys.executable, "-m", "fastopts.track", *sim, "--redis-url", valkey.url]
    command = ["sh", "-c", 'exec "$@" 2>&-', "sh", *words]
    process = subprocess.Popen(command, cwd=tmp_path, env=environ())
    ticks_on(client)
    process.terminate()
    assert process.wait(30) == 0


def ticks_on(client: redis.Redis) -> None:
    """Wait until much has been written, over several statuses."""

    def written() -> int:
        return int(client.hget(keys.STATS, "written") or 0)

    wait_for(lambda: written() > 0)
    first = written()
    wait_for(lambda: written() > first + 100)


def test_PR_12_an_error_that_cannot_be_printed_keeps_its_exit_code(tmp_path: Path) -> None:
    with nowhere() as stderr:
        command = [sys.executable, "-m", "fastopts.track", "--flush-ms", "0"]
        done = subprocess.run(
            command, stderr=stderr, cwd=tmp_path, env=environ(), timeout=30, check=False
        )
    assert done.returncode == 2


def test_PR_12_lines_that_were_lost_are_counted_in_the_log(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x")
    os.set_blocking(writer, True)
    handler = BackgroundLogHandler(writer)
    log = logging.Logger("one of its own")
    log.addHandler(handler)
    began = threading.active_count()
    for number in range(LINES_MAX + 50):
        log.warning("line %d", number)
    said = b""
    while b"log lines were dropped" not in said or b"line 2\n" not in said:
        said += os.read(reader, 1 << 16)
        log.warning("another")
    # The count stands before the first line or behind it: whether that one was out already.
    lines = re.sub(rb"\(\d+ log lines were dropped\)\n", b"", said)
    assert b"line 0\nline 1\nline 2\n" in lines
    handler.close()
    assert threading.active_count() == began - 1
    os.close(reader)
    os.close(writer)


class Selector(selectors.DefaultSelector):
    """Waits *pace* times as short."""

    pace = 1.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(None if timeout is None else timeout / self.pace)


class FastLoop(asyncio.SelectorEventLoop):
    """A loop whose clock can be made to run fast; its sockets are real."""

    def __init__(self) -> None:
        self._waits = Selector()
        self._base = self._since = time.monotonic()
        super().__init__(self._waits)

    def time(self) -> float:
        return self._base + (time.monotonic() - self._since) * self._waits.pace

    def run_at(self, pace: float) -> None:
        self._base, self._since = self.time(), time.monotonic()
        self._waits.pace = pace


class LogLines(logging.Handler):
    """The lines as they would be written."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []
        self.setFormatter(logging.Formatter("%(asctime)s %(levelname)-7s %(message)s", "%H:%M:%SZ"))

    def emit(self, record: logging.LogRecord) -> None:
        self.said.append(self.format(record))


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[LogLines]:
    caplog.set_level(logging.INFO, "fastopts")
    handler = LogLines()
    logging.getLogger("fastopts").addHandler(handler)
    yield handler
    logging.getLogger("fastopts").removeHandler(handler)


@pytest.mark.virtual_time
@pytest.mark.parametrize(
    "anyio_backend", [pytest.param(("asyncio", {"loop_factory": FastLoop}), id="fast clock")]
)
async def test_PR_13_an_hour_without_venue_and_redis_logs_less_than_a_megabyte(
    tmp_path: Path, lines: LogLines
) -> None:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, FastLoop)
    with FaultProxy(0) as proxy:
        async with running_collector(
            tmp_path, SMALL, redis_port=proxy.port, status_s=5.0
        ) as harness:
            proxy.target = harness.valkey.port
            await until(lambda: " symbols live" in "".join(lines.said))
            harness.venue.pause()
            harness.venue.faults.refuse_status = 502
            harness.venue.faults.rest["/v5/market/instruments-info"] = (502, "")
            proxy.is_refusing = True
            proxy.drop()
            await harness.venue.drop()
            before, end = len(lines.said), loop.time() + 3600
            loop.run_at(PACE)
            await until(lambda: loop.time() > end, 4000)
            loop.run_at(1)
            hour = lines.said[before:]
            harness.venue.resume()
            harness.venue.faults.refuse_status = None
            proxy.is_refusing = False
            await until(lambda: harness.collector.writer.is_writing, 60)
    statuses = [len(line.encode()) for line in hour if " symbols live" in line]
    # The fast clock skips some of them.
    size = sum(len(line.encode()) + 1 for line in hour) + 3600 / 5 * max(statuses)
    assert size < 1_000_000
    troubles = [line for line in hour if " WARNING " in line]
    assert 60 <= len(troubles) < 1500
    assert [line for line in troubles if "refused" in line or "reset" in line]
