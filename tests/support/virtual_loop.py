"""Venue connections in virtual time, over sockets that a test makes."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, cast

import pytest

from fastopts.collector.venue.connection import ConnectionContext, StreamEndpoint, VenueConnection
from fastopts.collector.venue.venue_time import VenueTime
from fastopts.core import Table
from fastopts.net import websocket
from fastopts.session.shards import Shards
from fastopts.session.venue_clock import VenueClock
from fastopts.venues.bybit import symbols
from fastopts.venues.bybit.ticker_table import new_table
from tests.collector.test_connection import Outlet

SYMBOLS = [f"BTC-27NOV99-{strike}-C-USDT" for strike in range(1, 2001)]

Connect = Callable[..., Coroutine[Any, Any, Any]]


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its clock jumps to the next timer when there is nothing else to do."""

    def __init__(self) -> None:
        self._now = 1000.0
        super().__init__()
        self._selector: Any
        self._select = self._selector.select
        self._selector.select = self._skip

    def time(self) -> float:
        return self._now

    def _skip(self, timeout: float | None) -> Any:
        assert timeout is not None, "nobody waits for a time: this would be for ever"
        self._now += max(0.0, timeout)
        return self._select(0)


class VirtualConnections:
    """Four venue connections whose sockets *connect* makes; `attempts` has the times."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, connect: Connect) -> None:
        self.attempts: list[float] = []
        self.table: Table = new_table()
        self._connect = connect
        monkeypatch.setattr(websocket, "connect", self._noted)

    async def _noted(self, *args: Any, **kwargs: Any) -> Any:
        self.attempts.append(asyncio.get_running_loop().time())
        return await self._connect(*args, **kwargs)

    def adopt(self, symbol: str) -> bool:
        return False

    def has_expired(self, symbol: str) -> bool:
        return False

    def run(self, seconds: float) -> None:
        """Let so much time pass."""
        with asyncio.Runner(loop_factory=VirtualLoop) as runner:
            runner.run(self._run(seconds))

    async def _run(self, seconds: float) -> None:
        listed = [found for symbol in SYMBOLS if (found := symbols.parse(symbol))]
        for i in listed:
            self.table.add(i.symbol, i.expiry_ms, i.strike, i.type, i.settle)
        context = ConnectionContext(
            endpoint=StreamEndpoint("ws://venue.test/", None, {}),
            table=self.table,
            universe=cast("Any", self),
            writer=cast("Any", Outlet()),
            venue_time=VenueTime(VenueClock(), lambda: 0.0, lambda *_: None),
            arrived=lambda: None,
        )
        changes = Shards().update(listed, ())
        tasks = [
            asyncio.create_task(VenueConnection(change.shard, context).run()) for change in changes
        ]
        assert len(tasks) == 4
        done, _ = await asyncio.wait(tasks, timeout=seconds)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert not done
