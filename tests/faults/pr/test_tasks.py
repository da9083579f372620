"""Nothing of a collector or a reader dies in silence, stalls for good, or is left behind."""

import asyncio
import gc
import logging
import os
import resource
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis

from fastopts import metrics
from fastopts.collector.run import Collector
from fastopts.collector.venue import universe_cache as cache
from fastopts.config import Settings
from fastopts.embedded import EmbeddedValkey
from fastopts.errors import CacheError, FastoptsError, StoreError
from fastopts.net.redis.address import Address
from fastopts.net.redis.resp import ReplyList
from fastopts.reader import OptionReader
from fastopts.reader.mirrors.mirror import Mirror
from fastopts.reader.mirrors.replica import Replica
from fastopts.sim import SimSettings, SimVenue
from fastopts.venues.bybit.hosts import Endpoints
from fastopts.venues.bybit.session import Timing
from fastopts.venues.bybit.ticker_table import new_table
from tests.support.broken_valkey import wait_for
from tests.support.collector_harness import COINS, CollectorHarness, running_collector, until
from tests.support.disks import full_after
from tests.support.loops import DEFAULT_LOOP, LOOPS, UVLOOP
from tests.support.payloads import SYMBOL, T0, dump, ticker
from tests.support.processes import environ, finish, started, wait_for_line
from tests.support.writer_harness import INSTRUMENTS
from tests.support.writer_thread import LoopThread
from tests.support.writer_thread import WriterThread as Writing

TASKS = [
    *("writer", "universe", "monitor", "resubscriber", "duties", "venue clock", "rest check"),
    "connection 0",
]
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.mark.parametrize("name", TASKS)
async def test_PR_05_a_task_that_is_cancelled_ends_the_collector_with_its_name(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(RuntimeError, match=f"the task '{name}' has ended: a bug"):  # noqa: PT012
        sim = SimSettings(seed=5, symbols=20, rate=200)
        async with running_collector(tmp_path, sim, reconcile_s=60.0) as harness:
            await harness.covered()
            [task] = [task for task in asyncio.all_tasks() if task.get_name() == name]
            task.cancel()
            await until(harness.running.done)


async def test_PR_05_every_task_of_the_collector_is_known_by_its_name(tmp_path: Path) -> None:
    async with running_collector(
        tmp_path, SimSettings(seed=5, symbols=20, rate=200), reconcile_s=60.0
    ) as harness:
        await harness.covered()
        group = harness.collector._tasks._group
        assert group is not None
        # the warm start ends by itself
        await until(lambda: {task.get_name() for task in group._tasks} == set(TASKS))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_PR_05_a_mirror_whose_thread_died_hands_over_nothing(
    valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    def receive(self: Replica, data: bytes, now: float) -> None:
        raise ZeroDivisionError("a bug")

    with LoopThread() as loop:
        collector = Writing(loop, valkey.port)
        collector.tick()
        with OptionReader(valkey.url) as reader, reader.mirror() as mirror:
            symbol = mirror.symbols[0]
            wait_for(lambda: mirror.get(symbol, require_live=False).live)
            monkeypatch.setattr(Replica, "receive", receive)
            wait_for(lambda: mirror.problem is not None)
            with pytest.raises(FastoptsError):
                mirror.get(symbol)
            assert reader.get(symbol).live
        collector.end()


def bad_time() -> bytes:
    frame = ticker()
    frame["ts"] = "yesterday"
    return dump(frame)


BROKEN = {
    "not JSON": dump(ticker())[:-9] + b"}",
    "no number": dump(ticker(markPrice="12x")),
    "time": bad_time(),
    "topic": dump(ticker() | {"topic": "tickers."}),
}


@pytest.mark.parametrize("name", BROKEN)
def test_PR_06_what_the_compiled_core_refuses_is_counted_or_handed_on(name: str) -> None:
    """Never swallowed: the counters include it, and the next message is taken."""
    table = new_table()
    table.add(SYMBOL, T0 + 10**9, 90_000.0, "C", "USDT")
    inlet = table.inlet(1)
    inlet.message(BROKEN[name], T0)
    told = (
        sum(table.rejected.values())
        + table.bad_fields
        + len(inlet.others)
        + len(inlet.unknown_tickers)
    )
    assert told == 1
    inlet.message(dump(ticker()), T0)
    assert table.applied >= 1
    assert table.record(SYMBOL)


def test_PR_06_an_error_in_a_callback_of_the_compiled_core_is_raised() -> None:
    table = new_table()
    with pytest.raises((KeyError, ValueError)):
        table.record("BTC-1JAN99-1-C")
    with pytest.raises(StoreError):
        ReplyList(1).acknowledge(memoryview(b"?what\r\n"), 0, 7)
    with pytest.raises(TypeError):
        table.inlet(1).scan("text", 0, 4, T0)  # type: ignore[arg-type]
    with pytest.raises(OverflowError):
        table.add(SYMBOL, 2**80, 1.0, "C", "USDT")


@pytest.mark.parametrize("anyio_backend", LOOPS)
async def test_PR_07_a_loop_that_was_blocked_keeps_its_connection(
    tmp_path: Path, valkey: EmbeddedValkey, caplog: pytest.LogCaptureFixture
) -> None:
    """The venue, in another thread, cuts off who sends no ping for six seconds."""
    stalled_s = 2.0

    caplog.set_level(logging.INFO, "fastopts")
    sim = SimSettings(seed=5, symbols=40, rate=800, ping_timeout_s=6)
    with LoopThread() as beside:
        venue = SimVenue(sim)
        beside.run(venue.__aenter__())
        try:
            settings = Settings(
                venue="sim", coins=COINS, cache_file=str(tmp_path / "c.json"), status_s=0.2
            )
            endpoints = Endpoints("sim", venue.rest_url, venue.ws_url)
            timing = Timing(ping_every=1.0)
            collector = Collector(
                settings, endpoints, Address("127.0.0.1", valkey.port), "t", timing
            )
            running = asyncio.create_task(collector.run(may_use_cache=False))
            await until(
                lambda: sum(line.live for line in collector.connections) == len(venue.symbols)
            )
            await until(lambda: "symbols live" in caplog.text)
            time.sleep(stalled_s)  # noqa: ASYNC251 - that is the fault
            received = collector.table.received
            await until(lambda: collector.table.received > received + 500)
            await until(lambda: "this process stood still for " in caplog.text)
            assert sum(line.reconnects for line in collector.connections) == 0
            collector.stop.set()
            await running
            assert collector.table.pending == 0
        finally:
            beside.run(venue.__aexit__(None, None, None))


MEMORY = """
import resource, sys
from fastopts.collector.venue import universe_cache as cache
from fastopts.venues.bybit.ticker_table import new_table
from fastopts.core import Batch
from tests.support.payloads import T0, dump, ticker
table = new_table()
symbols = [f"BTC-27NOV26-{strike}-C-USDT" for strike in range(2000)]
for number, symbol in enumerate(symbols):
    table.add(symbol, T0 + 10**10, float(number), "C", "USDT")
frames = [dump(ticker(symbol)) for symbol in symbols]
inlet = table.inlet(1)
for frame in frames:
    inlet.message(frame, T0)
now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + (8 << 20), resource.RLIM_INFINITY))
for round in range(150):
    for frame in frames:
        inlet.message(frame, T0)
assert table.received == table.applied == 2000 * 151, table.received
assert table.applied == table.written + table.conflated + table.pending
assert table.pending == 2000
"""


@linux
def test_PR_08_and_PR_15_an_outage_of_the_database_takes_no_memory() -> None:
    """300,000 ticks of 2,000 symbols that nobody writes, with 8 MB to spare."""
    subprocess.run([sys.executable, "-c", MEMORY], check=True, env=environ(), timeout=60)


def counts() -> dict[str, int]:
    gc.collect()
    return {
        "fds": len(os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
        "tasks": len(asyncio.all_tasks()),
        "loggers": len(logging.root.manager.loggerDict),
        "connections": sum("Connection" in type(one).__name__ for one in gc.get_objects()),
    }


async def reconnect(harness: CollectorHarness, times: int) -> None:
    [line] = harness.collector.connections
    for _ in range(times):
        count = line.reconnects
        await harness.venue.drop()
        await until(lambda count=count: line.reconnects > count and line.live > 0)  # type: ignore[misc]


@linux
@pytest.mark.parametrize(
    ("anyio_backend", "reconnects"),
    [
        pytest.param(DEFAULT_LOOP, 30, id="asyncio-30"),
        pytest.param(*UVLOOP.values, 100, id="uvloop-100", marks=UVLOOP.marks),
    ],
)
async def test_PR_09_and_PR_11_failed_connects_and_reconnects_leave_nothing_behind(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, reconnects: int
) -> None:
    sim = SimSettings(seed=5, symbols=20, rate=400)
    async with running_collector(tmp_path, sim, Timing(pace=0.01)) as harness:
        await harness.covered()
        [line] = harness.collector.connections
        line._backoff.base_s = line._backoff.cap_s = 0.002
        line._context.budget.burst = 10_000
        await reconnect(harness, 3)
        await harness.covered()
        metrics.rss_mb()  # opens its file once in a process
        before = counts()
        harness.venue.faults.refuse_status = 502
        await harness.venue.drop()
        await until(lambda: caplog.text.count("HTTP 502") >= 300)
        harness.venue.faults.refuse_status = None
        await until(lambda: line.live > 0)
        await reconnect(harness, reconnects)
        await harness.covered()
        try:
            await until(lambda: counts() == before, 5)
        except TimeoutError:
            assert counts() == before


@linux
async def test_PR_10_without_free_descriptors_it_warns_and_continues_when_there_are(
    tmp_path: Path, valkey: EmbeddedValkey, client: redis.Redis
) -> None:
    async with SimVenue(SimSettings(seed=5, symbols=40, rate=400)) as venue:
        words = [
            *("--venue", "sim", "--coins", "BTC,ETH,SOL,XRP", "--redis-url", valkey.url),
            *("--rest-url", venue.rest_url, "--ws-url", venue.ws_url, "--status-s", "0.1"),
            *("--reconcile-s", "1"),
        ]
        with started(*words, cwd=tmp_path) as process:

            async def says(line: str) -> None:
                await asyncio.to_thread(wait_for_line, process.stderr, line)

            await says("symbols live")
            soft, hard = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (3, hard))
            await venue.drop()
            await says("Too many open files")
            await says("no comparison with REST")
            await says(f"0 of {len(venue.symbols)} symbols live")
            resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (soft, hard))
            await until(lambda: venue.connections >= 1)
            await says(f": {len(venue.symbols)} of {len(venue.symbols)} symbols live")
            process.terminate()
            assert (await asyncio.to_thread(finish, process))[0] == 0


@pytest.mark.parametrize("size", [0, 1, 100, 1000, 5000])
def test_PR_14_a_cache_that_the_disk_can_not_hold_leaves_the_old_one_whole(
    tmp_path: Path, size: int
) -> None:
    path, now = tmp_path / "cache.json", datetime.now(UTC)
    cache.save(path, "bybit", INSTRUMENTS[:3], now)
    with full_after(size), pytest.raises(CacheError, match="can't be written"):
        cache.save(path, "bybit", INSTRUMENTS, now)
    held = cache.load(path, "bybit", now)
    assert held is not None
    assert list(held.instruments.values()) == INSTRUMENTS[:3]
    assert os.listdir(tmp_path) == ["cache.json"]


def test_PR_14_a_cache_with_any_byte_turned_over_is_refused_or_whole(tmp_path: Path) -> None:
    path, now = tmp_path / "cache.json", datetime.now(UTC)
    cache.save(path, "bybit", INSTRUMENTS[:2], now)
    whole = path.read_bytes()
    refused = 0
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 0x80]) + whole[at + 1 :])
        try:
            held = cache.load(path, "bybit", now)
        except CacheError:
            refused += 1
        else:
            assert held is None or set(held.instruments.values()) <= set(INSTRUMENTS[:2])
        path.write_bytes(whole[:at])  # and torn there
        with pytest.raises(CacheError, match="cannot read"):
            cache.load(path, "bybit", now)
    assert refused == len(whole)  # not one of them is UTF-8 any more


def test_PR_16_readers_in_threads_see_no_dictionary_change_under_them(
    valkey: EmbeddedValkey,
) -> None:
    wrong: list[BaseException] = []
    ended = threading.Event()

    def look(mirror: Mirror) -> None:
        try:
            while not ended.wait(0.001):
                for symbol in mirror.symbols:
                    assert symbol in mirror or not mirror.problem
                assert len(mirror.get_many(mirror.symbols, require_live=False)) >= 0
        except BaseException as error:  # noqa: BLE001 - it is the test's
            wrong.append(error)

    with LoopThread() as loop:
        collector = Writing(loop, valkey.port)
        collector.tick()
        with OptionReader(valkey.url) as reader, reader.mirror() as mirror:
            threads = [threading.Thread(target=look, args=(mirror,)) for _ in range(4)]
            for thread in threads:
                thread.start()
            fresh = [f"BTC-27NOV26-{1000 + number}-C-USDT" for number in range(12)]
            for symbol in fresh:
                collector.add(symbol)
                collector.tick([symbol])
            wait_for(lambda: set(fresh) <= set(mirror.symbols))
            for symbol in fresh:
                collector.remove(symbol)
            wait_for(lambda: not set(fresh) & set(mirror.symbols))
            ended.set()
            for thread in threads:
                thread.join()
        collector.end()
    assert not wrong


FORKS = 30  # whatever the loop has still to run at that moment, it must not reach the connections


@pytest.mark.parametrize("anyio_backend", LOOPS)
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
async def test_PR_17_a_forked_child_that_continues_the_collectors_loop_is_ended(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    async with running_collector(tmp_path, SimSettings(seed=5, symbols=20, rate=400)) as harness:
        await harness.covered()
        here = os.getpid()
        for _ in range(FORKS):
            child = os.fork()
            if child == 0:
                await asyncio.sleep(5)  # back into the loop, from which it does not return
                os._exit(77)
            assert os.getpid() == here
            _, status = await asyncio.to_thread(os.waitpid, child, 0)
            assert os.waitstatus_to_exitcode(status) == 1
        received = harness.collector.table.received
        await until(lambda: harness.collector.table.received > received + 100)
        assert sum(line.reconnects for line in harness.collector.connections) == 0
        await harness.equal()
    assert "a forked child of a collector can't go on as one" in capfd.readouterr().err


async def test_PR_19_collections_of_garbage_hold_up_a_collector_no_longer_than_its_budget(
    tmp_path: Path,
) -> None:
    """What is alive at the start is 300,000 objects of somebody else's; a tick makes none."""

    held = [[number] for number in range(300_000)]
    async with running_collector(tmp_path, SimSettings(seed=5, symbols=60, rate=2000)) as harness:
        await harness.covered()
        passes: list[int] = []
        gc.callbacks.append(lambda phase, info: passes.append(info["generation"]))
        try:
            received = harness.collector.table.received
            await until(lambda: harness.collector.table.received > received + 1000)
        finally:
            gc.callbacks.pop()
        assert passes.count(2) == 0
    assert len(held) == 300_000
