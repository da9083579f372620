"""A writer over a table that ticks."""

import asyncio
import itertools
import time
from collections.abc import Callable
from typing import Any

import redis

from fastopts import keys
from fastopts.collector.store.feed_status import FeedStatus
from fastopts.collector.store.statistics import Statistics
from fastopts.collector.store.writer import Content, Writer
from fastopts.model import Instrument
from fastopts.net.redis.address import Address
from fastopts.session.clocks import wall_ms
from fastopts.venues.bybit.ticker_table import new_table
from tests.support import collector_limits, payloads
from tests.support.oracle import expected_hash
from tests.support.payloads import T0, dump
from tests.support.waiting import PATIENCE_S

EXPIRY = 4_000_000_000_000
STRIKES = ["0.5", *map(str, range(1, 20))]
SYMBOLS = [f"BTC-27NOV26-{strike}-C-USDT" for strike in STRIKES]
INSTRUMENTS = [
    Instrument(symbol, "BTC", "USDT", "USDT", EXPIRY, strike, "C", "5", "0.01", "Trading", 7)
    for strike, symbol in zip(STRIKES, SYMBOLS, strict=True)
]


class WriterHarness:
    """A table that ticks, and the writer that writes it to *address*, or to *port*."""

    def __init__(self, port: int, address: Address | None = None, is_standby: bool = False) -> None:
        limits = collector_limits.current()
        self.table = new_table()
        self.feed = FeedStatus("bybit", 12_000, heartbeat_limit_ms=limits.heartbeat_limit_ms)
        monotonic_ms = time.monotonic() * 1000
        self.feed.exchange.add(wall_ms(), monotonic_ms, monotonic_ms)
        self.listed = list(INSTRUMENTS)
        for i in INSTRUMENTS:
            self.table.add(i.symbol, i.expiry_ms, i.strike, i.type, i.settle)
        to = address or Address("127.0.0.1", port)
        statistics = Statistics(self.table, "bybit")
        content = Content(self.table, self.feed, statistics, lambda: self.listed)
        self.writer = Writer(content, to, None, 0.002, is_standby=is_standby, limits=limits)
        self.conn = 1
        self.inlet = self.table.inlet(self.conn)
        self.frames: dict[str, dict[str, Any]] = {}
        self.now = asyncio.get_running_loop().time
        self.clock = itertools.count(T0)

    def tick(self, symbols: list[str] = SYMBOLS, **fields: Any) -> None:
        ts = next(self.clock)
        for symbol in symbols:
            self.frames[symbol] = payloads.ticker(symbol, ts, **fields)
            self.inlet.message(dump(self.frames[symbol]), ts)
        self.writer.conn_lags(self.conn, 40)
        self.writer.conn_delivered(self.conn, self.now())
        self.writer.flusher.wake()

    def stands_in(self, client: redis.Redis) -> bool:
        """Whether every hash and record is what was sent last."""
        for symbol, frame in self.frames.items():
            held = (
                client.hgetall(keys.option(symbol))
                if client.type(keys.option(symbol)) == "hash"
                else {}
            )
            if not expected_hash(frame).items() <= held.items():
                return False
        return True


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 - other processes can't set an Event
        await asyncio.sleep(0.005)


class RunningWriter:
    """Runs a writer for a while; its failure is the test's."""

    def __init__(self, harness: WriterHarness) -> None:
        self.harness = harness

    async def __aenter__(self) -> WriterHarness:
        await self.harness.writer.open()
        self.harness.writer.conn_opened(1)
        self.task = asyncio.create_task(self.harness.writer.run())
        return self.harness

    async def __aexit__(self, kind: Any, error: Any, trace: Any) -> None:
        self.harness.writer.end()
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self.task
        except TimeoutError:
            assert error is not None, "the writer did not end"
