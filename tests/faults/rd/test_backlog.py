"""What came while Redis stood still is written before anything counts as delivered again."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
import redis

from fastopts import keys
from fastopts.collector.store.feed_status import FeedStatus
from fastopts.collector.store.writer import WAITING
from fastopts.embedded import EmbeddedValkey
from fastopts.net.redis.address import Address
from tests.support.collector_harness import running_collector
from tests.support.collector_limits import quicken
from tests.support.fault_proxy import FaultProxy, Passage
from tests.support.writer_harness import SYMBOLS, RunningWriter, WriterHarness, until

STALL_S = 1.5  # more than what counts as slow, less than any timeout


class FeedStateLog:
    """Notes each state of the feed, and the time of a record that stood there then."""

    def __init__(self, port: int, symbol: str) -> None:
        self.seen: list[tuple[int, int, int]] = []  # heartbeat, conn:1, tm
        self._client = redis.Redis(port=port, decode_responses=True)
        self._symbol = symbol
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "FeedStateLog":
        self._thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._stop.set()
        self._thread.join()
        self._client.close()

    def _run(self) -> None:
        while not self._stop.wait(0.005):
            pipeline = self._client.pipeline(transaction=True)
            pipeline.hget(keys.option(self._symbol), "tm")
            pipeline.hmget(keys.FEED, "heartbeat_ms", "conn:1")
            tm, (beat, conn) = pipeline.execute()
            if tm and beat and conn is not None:
                self.seen.append((int(beat), int(conn), int(tm)))


async def test_RD_04_after_a_stall_no_conn_delivers_before_the_backlog_is_written(
    shared_valkey: EmbeddedValkey,
) -> None:
    with FaultProxy(shared_valkey.port) as proxy:
        harness = WriterHarness(shared_valkey.port)
        harness.writer._address = Address("127.0.0.1", proxy.port)
        async with RunningWriter(harness):
            harness.tick()
            await until(lambda: harness.table.pending == 0 and not harness.table.dirty)
            with FeedStateLog(shared_valkey.port, SYMBOLS[0]) as watch:
                await until(lambda: bool(watch.seen and watch.seen[-1][1]))
                harness.tick()  # a batch is on its way when the server stands still
                proxy.up.passage = Passage.HELD
                before = len(watch.seen)
                harness.tick([*SYMBOLS[1:]])
                await asyncio.sleep(STALL_S)
                harness.tick()
                last_ms = int(harness.table.fields(SYMBOLS[0])["tm"])
                stalled_ms = max(beat for beat, _, _ in watch.seen)
                proxy.up.latency_s = proxy.down.latency_s = 0.2
                proxy.up.passage = Passage.OPEN
                await until(lambda: watch.seen[-1][1] > stalled_ms and watch.seen[-1][2] == last_ms)
            after = [one for one in watch.seen[before:] if one[0] > stalled_ms]
            # A heartbeat of before the stall may still have been on its way.
            fresh = [one for one in after if one[0] > stalled_ms + STALL_S * 1000 / 2]
            assert fresh[0][1] == 0
            assert all(tm == last_ms for _, conn, tm in fresh if conn)
            proxy.up.latency_s = proxy.down.latency_s = 0.0


async def test_RD_04_nothing_is_covered_while_readers_refuse_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Redis away, then back with a backlog: status, metrics and the feed say what readers find."""
    quicken(monkeypatch, heartbeat_limit_ms=1500)

    with EmbeddedValkey() as server, FaultProxy(server.port) as proxy:
        async with running_collector(tmp_path, redis_port=proxy.port) as harness:
            wanted = len(harness.venue.symbols)

            def covered() -> int:
                return harness.collector.monitor.status().covered

            await until(lambda: covered() == wanted)
            proxy.up.passage = Passage.HELD
            await until(lambda: covered() == 0)  # it stands still: no heartbeat is taken
            assert harness.status_covered() == wanted
            proxy.is_refusing = True
            proxy.drop()
            await until(lambda: harness.collector.writer.state == WAITING)
            assert covered() == 0
            proxy.up.passage = Passage.OPEN
            proxy.is_refusing = False
            count = 0
            while count == 0:
                count = covered()
                assert count == 0 or not harness.collector.feed.is_behind
                await asyncio.sleep(0.005)
            await until(lambda: covered() == wanted)


def test_RD_04_a_feed_with_a_backlog_covers_nothing() -> None:
    feed = FeedStatus("bybit", 12_000, covered=17, wanted=20)
    feed.server.add(1_000_000, 0, 0)
    assert feed.fields(1, "1", 0.0)["coverage"] == "17/20"
    assert [feed.live(17, age_s) for age_s in (None, 0.0, 4.9, 5.1)] == [0, 17, 17, 0]
    feed.is_behind = True
    assert feed.fields(1, "1", 0.0)["coverage"] == "0/20"
    assert feed.live(17, 0.0) == 0
