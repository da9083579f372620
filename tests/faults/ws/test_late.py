"""A stream that comes late, as over a link that is narrower than the feed or holds data back."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from fastopts.errors import ConnectionLate, StaleData
from fastopts.reader import AsyncOptionReader, Option, OptionReader
from tests.faults.ws.proxied_collector import proxied
from tests.support.collector_harness import CollectorHarness, until
from tests.support.fault_proxy import Passage

LIMIT_S, WINDOW_S = 2.0, 5.0
SLACK_S = 2.0  # a heartbeat, a look of a mirror, the turns of a busy machine
DEEP = 1 << 26

Get = Callable[[str], Awaitable[Option]]


@dataclass
class Judge:
    """Compares what readers say with the clock by which the venue stamps its ticks."""

    harness: CollectorHarness
    ways: dict[str, Get]
    understated_s: float = 0.0
    lag_live_s: float = 0.0
    """The largest lag of the stream at which something was live."""
    live: Counter[str] = field(default_factory=Counter)
    refused: dict[str, set[type[StaleData]]] = field(default_factory=dict)

    def lag_s(self) -> float:
        """How far the newest tick that the collector has is behind the venue's clock."""
        table = self.harness.collector.table
        newest_ms = max(table.origin_of(symbol)[1] for symbol in self.harness.venue.symbols)
        return (self.harness.venue.clock.now_ms() - newest_ms) / 1000

    async def read(self) -> None:
        """Read some symbols in every way."""
        for way, get in self.ways.items():
            for symbol in self.harness.venue.symbols[::20]:
                before_ms, lag_s = self.harness.venue.clock.now_ms(), self.lag_s()
                try:
                    option = await get(symbol)
                except StaleData as error:
                    self.refused.setdefault(way, set()).add(type(error))
                    continue
                self.live[way] += 1
                true_s = (before_ms - option.ts_ms) / 1000
                stated_s = option.age_s + option.moment.error_s
                self.understated_s = max(self.understated_s, true_s - stated_s)
                self.lag_live_s = max(self.lag_live_s, lag_s)

    async def read_until(self, condition: Callable[[], bool], seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, (self.live, self.refused, self.lag_s())
            await self.read()
            await asyncio.sleep(0.02)


@asynccontextmanager
async def judged(harness: CollectorHarness) -> AsyncIterator[Judge]:
    """A judge over a blocking reader, an asyncio one, and the mirrors of both."""
    url = harness.valkey.url
    async with AsyncOptionReader(url, venue="sim") as asynchronous:
        with OptionReader(url, venue="sim") as blocking:
            copy = await asyncio.to_thread(blocking.mirror)
            async_copy = await asynchronous.mirror()

            def threaded(read: Callable[[str], Option]) -> Get:
                return lambda symbol: asyncio.to_thread(read, symbol)

            async def at_once(symbol: str) -> Option:
                return async_copy.get(symbol)

            try:
                yield Judge(
                    harness,
                    {
                        "blocking": threaded(blocking.get),
                        "asyncio": asynchronous.get,
                        "mirror": threaded(copy.get),
                        "async mirror": at_once,
                    },
                )
            finally:
                await asyncio.to_thread(copy.close)
                await async_copy.close()


async def test_WS_33_over_a_link_narrower_than_the_feed_nothing_late_is_live(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with proxied(tmp_path, buffer_bytes=DEEP) as (harness, proxy):
        await harness.covered()
        async with judged(harness) as judge:
            await judge.read_until(lambda: len(judge.live) == len(judge.ways))
            judge.refused.clear()
            # a message is some 700 bytes: about half of the feed gets through
            proxy.down.slice_bytes, proxy.down.bytes_per_s = 4096, 200_000
            ways = set(judge.ways)
            await judge.read_until(
                lambda: (
                    {way for way, kinds in judge.refused.items() if ConnectionLate in kinds} == ways
                )
            )
            await judge.read_until(lambda: "behind the venue for 10 s" in caplog.text)
            assert judge.understated_s <= 0.002
            assert judge.lag_live_s <= LIMIT_S + WINDOW_S + SLACK_S
            proxy.down.slice_bytes = proxy.down.bytes_per_s = None
            judge.live.clear()
            await judge.read_until(lambda: len(judge.live) == len(judge.ways))
            assert judge.understated_s <= 0.002
    assert "s behind the venue: its options are not live until it catches up" in caplog.text
    assert "s behind the venue for 10 s" in caplog.text


async def test_WS_33_ticks_that_a_link_delayed_have_their_true_age(tmp_path: Path) -> None:
    async with proxied(tmp_path, buffer_bytes=DEEP) as (harness, proxy):
        await harness.covered()
        async with judged(harness) as judge:
            await judge.read_until(lambda: len(judge.live) == len(judge.ways))
            for held_s in (1.0, 4.0, 7.0):
                proxy.down.passage = Passage.HELD
                released_at = time.monotonic() + held_s
                await judge.read_until(lambda at=released_at: time.monotonic() > at)  # type: ignore[misc]
                proxy.down.passage = Passage.OPEN
                await judge.read_until(lambda: judge.lag_s() < 1)
                assert judge.understated_s <= 0.002
            judge.live.clear()
            await judge.read_until(lambda: len(judge.live) == len(judge.ways))


async def test_WS_33_a_stream_that_is_late_from_the_start_is_never_live(tmp_path: Path) -> None:
    async with proxied(tmp_path, buffer_bytes=DEEP) as (harness, proxy):
        await harness.covered()
        async with judged(harness) as judge:
            await judge.read_until(lambda: len(judge.live) == len(judge.ways))
            # All of it 8 s late: what is held is let go in small pieces, as fast as it comes.
            proxy.down.passage = Passage.HELD
            await asyncio.sleep(8)
            judge.live.clear()
            feed = harness.collector.feed
            proxy.down.slice_bytes, proxy.down.bytes_per_s = 4096, 300_000
            proxy.down.passage = Passage.OPEN
            await until(lambda: any(lag > 2000 for lag in feed.lags_ms.values()))
            assert harness.status_covered() == 0
            await judge.read_until(lambda: bool(judge.refused))
            assert judge.understated_s <= 0.002
