"""A table and its batch over a Redis in a dict."""

from typing import Any

from fastopts.venues.bybit.fields import TICKER_FIELDS, TOPIC_PREFIX
from tests.core.modelredis import ModelRedis
from tests.support.payloads import SYMBOL, T0, dump
from tests.support.store import CHANNEL

EXPIRY = T0 + 3 * 24 * 3600 * 1000


class BatchHarness:
    """A table, its batch, and a Redis that receives what the batch encodes."""

    def __init__(self, core: Any) -> None:
        self.table = core.Table(core.Grammar(TOPIC_PREFIX, TICKER_FIELDS))
        self.table.epoch = 5
        self.batch = core.Batch(self.table)
        self.batch.channel = CHANNEL
        self.redis = ModelRedis()
        self.table.add(SYMBOL, EXPIRY, 90_000.0, "C", "USDT")

    def send(self, frame: dict[str, Any], conn: int = 1, rt: int = T0) -> None:
        self.table.inlet(conn).message(dump(frame), rt)

    def flush(self, now_ms: int = T0, step: int = 1 << 20) -> list[list[str | bytes]]:
        """Write everything dirty; return the commands that did it."""
        self.redis.commands = []
        while payload := self.batch.encode(now_ms):
            replies = self.redis.feed(payload)
            buffer, start, end = bytearray(replies), 0, 0
            while end < len(replies):
                end = min(end + step, len(replies))
                start = self.batch.acknowledge(memoryview(buffer), start, end)
            assert start == len(replies)
            assert self.batch.done
            if self.batch.errors:
                break  # they are for the test to see: `encode` forgets them
        return self.redis.commands

    def check_books(self) -> None:
        table = self.table
        assert table.received == table.applied + table.older + sum(table.rejected.values())
        assert table.applied == table.written + table.conflated + table.pending
