"""The whole collector between the simulated venue and a real Valkey, in this process."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import redis

from fastopts import keys
from fastopts.collector.run import Collector
from fastopts.config import Settings
from fastopts.embedded import EmbeddedValkey
from fastopts.net.redis.address import Address
from fastopts.sim import SimSettings, SimVenue
from fastopts.sim.clock import Clock
from fastopts.venues.bybit.hosts import Endpoints
from fastopts.venues.bybit.session import Timing
from tests.support import collector_limits
from tests.support.oracle import expected_hash
from tests.support.waiting import PATIENCE_S

COINS = ("BTC", "ETH", "SOL", "XRP")
SMALL = SimSettings(seed=5, symbols=120, rate=1500)


@dataclass
class CollectorHarness:
    venue: SimVenue
    collector: Collector
    client: redis.Redis
    valkey: EmbeddedValkey
    running: asyncio.Task[None]

    def differences(self) -> dict[str, str]:
        """Symbols whose hash is not the venue's last frame, each with a field that differs."""
        found = {}
        for symbol in self.venue.symbols:
            held: dict[str, str] = self.client.hgetall(keys.option(symbol))  # type: ignore[assignment]
            expected = expected_hash(self.venue.last_frame(symbol))
            extra = held.keys() - expected.keys() - {"rt", "cn"}
            wrong = {name for name in expected if held.get(name) != expected[name]} | extra
            if wrong:
                name = min(wrong)
                found[symbol] = f"{name}: {held.get(name)} is not {expected.get(name)}"
        return found

    async def covered(self) -> None:
        """Wait until every symbol has been delivered by an open connection."""
        await until(lambda: self.status_covered() == len(self.venue.symbols))

    def status_covered(self) -> int:
        return sum(line.live for line in self.collector.connections)

    async def equal(self) -> None:
        """Pause the feed; everything that was sent must reach Redis."""
        self.venue.pause()
        try:
            await until(lambda: self.collector.table.pending == 0 and not self.differences())
        except TimeoutError:
            raise AssertionError(self.differences()) from None
        finally:
            self.venue.resume()

    def check_books(self) -> None:
        """Both loss equations."""
        table = self.collector.table
        assert table.received == table.applied + table.older + sum(table.rejected.values())
        assert table.applied == table.written + table.conflated + table.pending


async def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for *condition*; raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for happens in other processes
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running_collector(
    tmp_path: Path,
    sim: SimSettings = SMALL,
    timing: Timing | None = None,
    redis_port: int | None = None,
    ws_port: int | None = None,
    clock: Clock | None = None,
    **settings: Any,
) -> AsyncIterator[CollectorHarness]:
    """A collector that runs; it ends in order, or the test fails.

    *redis_port* and *ws_port* are those of proxies in between; *clock* is the venue's.
    """
    with EmbeddedValkey() as valkey:
        async with SimVenue(sim, clock) as venue:
            ws_url = (
                venue.ws_url
                if ws_port is None
                else venue.ws_url.replace(f":{venue.port}/", f":{ws_port}/")
            )
            told = Settings(
                venue="sim",
                coins=COINS,
                cache_file=str(tmp_path / "cache.json"),
                insecure=venue.settings.tls,
            )
            collector = Collector(
                replace(told, **settings),
                Endpoints("sim", venue.rest_url, ws_url),
                Address("127.0.0.1", redis_port or valkey.port),
                "fastopts-tests",
                timing,
                collector_limits.current(),
            )
            running = asyncio.create_task(collector.run(may_use_cache=False))
            with redis.Redis.from_url(valkey.url, protocol=2, decode_responses=True) as client:
                try:
                    yield CollectorHarness(venue, collector, client, valkey, running)
                finally:
                    collector.stop.set()
                    async with asyncio.timeout(PATIENCE_S):
                        await running
