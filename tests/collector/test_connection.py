"""One shard's connection to the simulated venue."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from fastopts.collector.venue.connection import ConnectionContext, StreamEndpoint, VenueConnection
from fastopts.collector.venue.venue_time import VenueTime
from fastopts.core import Table
from fastopts.model import Instrument
from fastopts.session.shards import Shards
from fastopts.session.venue_clock import VenueClock
from fastopts.sim import SimSettings, SimVenue
from fastopts.venues.bybit import symbols
from fastopts.venues.bybit.session import Timing
from fastopts.venues.bybit.ticker_table import new_table
from tests.support.waiting import PATIENCE_S


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 - what is waited for happens on sockets
            await asyncio.sleep(0.01)


class Outlet:
    """Records the calls that a writer would receive."""

    def __init__(self) -> None:
        self.opened: list[int] = []
        self.delivered: set[int] = set()
        self.closed: list[int] = []

    def conn_opened(self, conn: int) -> None:
        self.opened.append(conn)

    def conn_delivered(self, conn: int, at: float) -> None:
        self.delivered.add(conn)

    def conn_lags(self, conn: int, lag_ms: int | None) -> None:
        pass

    def conn_closed(self, conn: int) -> None:
        self.closed.append(conn)


class ConnectionHarness:
    """A connection for all symbols of *venue*, and the universe that it follows."""

    def __init__(self, venue: SimVenue) -> None:
        self.listed = [found for symbol in venue.symbols if (found := symbols.parse(symbol))]
        self.table: Table = new_table()
        self.outlet = Outlet()
        self.shards = Shards()
        self._add(self.listed)
        [change] = self.shards.update(self.listed, ())
        context = ConnectionContext(
            endpoint=StreamEndpoint(venue.ws_url, None, {}),
            table=self.table,
            universe=cast("Any", self),
            writer=cast("Any", self.outlet),
            venue_time=VenueTime(VenueClock(), lambda: 0.0, lambda *_: None),
            arrived=lambda: None,
            timing=Timing(silence=0.5),
        )
        self.connection = VenueConnection(change.shard, context)

    def has_expired(self, symbol: str) -> bool:
        return False

    def adopt(self, symbol: str) -> bool:
        return False

    def delist(self, instruments: list[Instrument]) -> None:
        [change] = self.shards.update((), [instrument.symbol for instrument in instruments])
        for instrument in instruments:
            self.table.retire(instrument.symbol)
        self.connection.change(change.added, change.removed)

    def list_again(self, instruments: list[Instrument]) -> None:
        self._add(instruments)
        [change] = self.shards.update(instruments, ())
        self.connection.change(change.added, change.removed)

    def _add(self, instruments: list[Instrument]) -> None:
        for i in instruments:
            self.table.add(i.symbol, i.expiry_ms, i.strike, i.type, i.settle)


async def test_without_symbols_the_connection_ends_in_order_and_a_listing_brings_it_back() -> None:
    async with SimVenue(SimSettings(seed=5, symbols=20, rate=200)) as venue:
        harness = ConnectionHarness(venue)
        connection, outlet = harness.connection, harness.outlet
        running = asyncio.create_task(connection.run())
        await until(lambda: running.done() or connection.live == len(harness.listed))
        harness.delist(harness.listed)
        await until(lambda: running.done() or outlet.closed == [1])
        await until(lambda: running.done() or venue.connections == 0)
        assert not running.done()
        assert not connection.is_open
        assert harness.table.delivering == set()
        harness.list_again(harness.listed[:3])
        await until(lambda: running.done() or connection.live == 3)
        assert not running.done()
        assert outlet.opened == [1, 2]
        assert outlet.closed == [1]
        assert 2 in outlet.delivered
        running.cancel()
        await asyncio.wait((running,))
        assert outlet.closed == [1, 2]
