"""More than is comfortable: slow databases, bursts, doubles, and consumers that fail."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from fastopts import keys
from fastopts.metrics import rss_mb
from fastopts.reader import OptionReader
from fastopts.reader.objects.option import Option
from fastopts.sim import SimSettings
from fastopts.venues.bybit.session import StreamSession
from tests.faults.ws.proxied_collector import FEW, brisk, line_of
from tests.support.collector_harness import running_collector, until
from tests.support.loops import LOOPS

BIG = SimSettings(seed=5, symbols=1200, rate=8_000)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("anyio_backend", LOOPS)
@pytest.mark.parametrize("latency_ms", [0, 5])
async def test_WS_20_a_callback_that_raises_costs_a_connection_and_not_the_feed(
    tmp_path: Path,
    latency_ms: float,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Every seventh message that is no ticker."""
    receive, calls = StreamSession.receive, [0]

    def broken(session: StreamSession, payload: bytes, now: float) -> None:
        calls[0] += 1
        if calls[0] % 7 == 0:
            raise ZeroDivisionError("a bug")
        receive(session, payload, now)

    async with running_collector(
        tmp_path, FEW, brisk(ping_every=0.05), latency_ms=latency_ms
    ) as harness:
        monkeypatch.setattr(StreamSession, "receive", broken)
        line = await line_of(harness)
        await until(lambda: line.reconnects >= 3)
        monkeypatch.setattr(StreamSession, "receive", receive)
        await harness.covered()
        await harness.equal()
        assert not harness.running.done()
    assert caplog.text.count("a bug") >= 3


async def test_WS_20_a_consumer_that_raises_stops_neither_its_watch_nor_anybody_else(
    tmp_path: Path,
) -> None:
    seen: list[Option] = []
    failures = [0]

    def use(option: object) -> None:
        if isinstance(option, Option):
            seen.append(option)
            if len(seen) % 7 == 0:
                raise ZeroDivisionError("a user's bug")

    def consume(url: str) -> None:
        with OptionReader(url, venue="sim") as reader, reader.watch("BTC") as changes:
            while len(seen) < 70:
                try:
                    for change in changes:
                        use(change)
                        if len(seen) >= 70:
                            break
                except ZeroDivisionError:
                    failures[0] += 1

    async with running_collector(tmp_path, FEW) as harness:
        await harness.covered()
        thread = threading.Thread(target=consume, args=(harness.valkey.url,))
        thread.start()
        await until(lambda: not thread.is_alive())
        assert failures[0] == 10
        assert all(option.live for option in seen)
        assert harness.collector.monitor.status().reconnects == 0
        await harness.equal()


async def test_WS_22_while_redis_stands_still_the_socket_is_read_and_memory_stays(
    tmp_path: Path,
) -> None:
    async with running_collector(tmp_path, BIG) as harness:
        await harness.covered()
        table, before_mb = harness.collector.table, rss_mb()
        began, symbols = table.received, len(harness.venue.symbols)
        harness.client.client_pause(2500)
        await until(lambda: table.received > began + 12_000)
        assert table.pending <= 2 * symbols  # of each, one is under way and one waits
        assert len(table) <= symbols + 1
        assert rss_mb() - before_mb < 30
        assert harness.collector.monitor.status().reconnects == 0
        await harness.equal()
        harness.check_books()
        assert table.conflated > 0


@pytest.mark.usefixtures("eager")
async def test_WS_23_bursts_of_snapshots_after_reconnects_leave_no_memory_behind(
    tmp_path: Path,
) -> None:
    async with running_collector(tmp_path, BIG) as harness:

        async def burst() -> None:
            before = harness.collector.monitor.status().reconnects
            await harness.venue.drop()
            await until(lambda: harness.collector.monitor.status().reconnects == before + 3)
            await harness.covered()

        await harness.covered()
        await burst()
        after_one_mb = rss_mb()
        for _ in range(3):
            await burst()
        assert rss_mb() - after_one_mb < 30
        await harness.equal()
        harness.check_books()


async def test_WS_30_a_tick_that_comes_again_later_over_another_connection_changes_nothing(
    tmp_path: Path,
) -> None:
    async with running_collector(tmp_path, SimSettings(seed=5, symbols=600, rate=1500)) as harness:
        await harness.covered()
        await harness.equal()
        assert harness.collector.monitor.status().connections == 2
        harness.venue.faults.echo_after_s = 0.5
        table, times = harness.collector.table, dict.fromkeys(harness.venue.symbols[:20], 0)
        before = table.older
        while table.older < before + 100:
            for symbol, newest in times.items():
                told: Any = harness.client.hget(keys.option(symbol), "tm")
                times[symbol] = int(told)
                assert times[symbol] >= newest
            await asyncio.sleep(0.01)
        harness.venue.faults.echo_after_s = None
        await harness.equal()
        harness.check_books()
