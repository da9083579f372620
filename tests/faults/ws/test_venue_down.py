"""The whole venue is away: at the start, for a while, or because its name is wrong."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import pytest
import redis

from fastopts.collector import run
from fastopts.collector.run import Collector
from fastopts.collector.venue import rest_driver as rest
from fastopts.config import Settings
from fastopts.embedded import EmbeddedValkey
from fastopts.errors import ConnectionLost, FeedDown, StaleData, UnknownHost
from fastopts.net.redis.address import Address
from fastopts.reader import OptionReader
from fastopts.session.backoff import Backoff
from fastopts.sim import SimVenue
from fastopts.venues.bybit.hosts import Endpoints
from tests.faults.ws.proxied_collector import FEW, brisk
from tests.support.collector_harness import until
from tests.support.ports import free_port
from tests.support.waiting import PATIENCE_S

SETTINGS = Settings(venue="sim", coins=("BTC", "ETH"))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (rest, run):
        monkeypatch.setattr(module, "Backoff", partial(Backoff, base_s=0.02, cap_s=0.05))


def collector(tmp_path: Path, port: int, valkey: EmbeddedValkey, **settings: Any) -> Collector:
    return Collector(
        replace(SETTINGS, cache_file=str(tmp_path / "c.json"), **settings),
        Endpoints("sim", f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}/v5/public/option"),
        Address("127.0.0.1", valkey.port),
        "t",
        brisk(silence=0.5, probe_within=0.5),
    )


@asynccontextmanager
async def running(made: Collector, may_use_cache: bool = False) -> AsyncIterator[Collector]:
    task = asyncio.create_task(made.run(may_use_cache))
    try:
        yield made
    finally:
        made.stop.set()
        async with asyncio.timeout(PATIENCE_S):
            await task


def is_live(reader: OptionReader, symbol: str) -> bool:
    return reader.get(symbol, require_live=False).live


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("may_use_cache", [False, True])
async def test_WS_31_a_start_without_the_venue_serves_what_is_there_until_the_venue_is_back(
    tmp_path: Path, may_use_cache: bool, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    sim = replace(FEW, port=port, coins=("BTC", "ETH"))

    caplog.set_level(logging.INFO, "fastopts")
    with EmbeddedValkey() as valkey, OptionReader(valkey.url, venue="sim") as reader:
        async with SimVenue(sim) as venue, running(collector(tmp_path, port, valkey)):
            symbol = venue.symbols[0]
            await until(lambda: valkey_has(valkey, symbol) and is_live(reader, symbol))
        async with running(collector(tmp_path, port, valkey), may_use_cache) as made:
            said = "of the cache file" if may_use_cache else "waiting for the venue"
            await until(lambda: said in caplog.text)
            option = reader.get(symbol, require_live=False)
            assert option.age_s > 0
            with pytest.raises(StaleData if may_use_cache else FeedDown, match=symbol):
                reader.get(symbol)
            async with SimVenue(sim) as venue:
                await until(lambda: is_live(reader, symbol))
                wanted = len(venue.symbols)
                await until(lambda: sum(line.live for line in made.connections) == wanted)


def valkey_has(valkey: EmbeddedValkey, symbol: str) -> bool:
    with redis.Redis.from_url(valkey.url) as client:
        return bool(client.exists(f"optrec:{symbol}"))


@pytest.mark.usefixtures("eager")
async def test_WS_31_a_venue_that_goes_and_comes_is_followed(tmp_path: Path) -> None:
    port = free_port()
    sim = replace(FEW, port=port, coins=("BTC", "ETH"))

    with EmbeddedValkey() as valkey, OptionReader(valkey.url, venue="sim") as reader:
        async with SimVenue(sim):
            made = collector(tmp_path, port, valkey, refresh_s=1.0)
            task = asyncio.create_task(made.run(may_use_cache=False))
            await until(lambda: bool(made.connections) and made.connections[0].live > 0)
            symbol = next(iter(made.connections[0].shard.symbols))
            await until(lambda: valkey_has(valkey, symbol) and is_live(reader, symbol))
        await until(lambda: not is_live(reader, symbol))
        with pytest.raises(StaleData, match=symbol):
            reader.get(symbol)
        async with SimVenue(sim):
            await until(lambda: is_live(reader, symbol))
            made.stop.set()
            await task


@pytest.mark.parametrize("wait_s", [0, 0.3])
async def test_WS_31_the_wait_has_an_end_and_then_an_error(tmp_path: Path, wait_s: float) -> None:
    with EmbeddedValkey() as valkey:
        made = collector(tmp_path, free_port(), valkey, venue_wait_s=wait_s)
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(ConnectionLost, match="refused"):
                await made.run(may_use_cache=True)


async def test_WS_31_a_name_that_does_not_exist_is_a_mistake_and_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve = socket.getaddrinfo

    def unknown(host: str, *rest: Any, **more: Any) -> Any:
        if host == "api.bybitt.test":
            fail()
        return resolve(host, *rest, **more)

    def fail() -> NoReturn:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    monkeypatch.setenv("NO_PROXY", "*")
    with EmbeddedValkey() as valkey:
        made = Collector(
            replace(SETTINGS, cache_file=str(tmp_path / "c.json")),
            Endpoints("sim", "http://api.bybitt.test", "ws://api.bybitt.test/x"),
            Address("127.0.0.1", valkey.port),
            "t",
        )
        async with asyncio.timeout(PATIENCE_S):
            with pytest.raises(UnknownHost, match=r"api\.bybitt\.test.*not known"):
                await made.run(may_use_cache=True)
