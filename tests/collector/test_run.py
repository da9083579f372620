"""The whole collector between the simulated venue and a real Valkey."""

import asyncio
import logging
from pathlib import Path

import orjson
import pytest
import redis

from fastopts.collector.run import Collector, fetch
from fastopts.config import Settings
from fastopts.embedded import EmbeddedValkey
from fastopts.errors import ConnectionLost, StaleData, VenueError
from fastopts.net.redis.address import Address
from fastopts.reader import OptionReader
from fastopts.sim import SimSettings, SimVenue
from fastopts.venues.bybit.hosts import Endpoints
from fastopts.venues.bybit.session import Timing
from tests.support.collector_harness import COINS, running_collector, until
from tests.support.loops import LOOPS, UVLOOP
from tests.support.raw import RawServer
from tests.support.waiting import PATIENCE_S


@pytest.mark.parametrize("anyio_backend", LOOPS)
@pytest.mark.parametrize("tls", [False, True])
@pytest.mark.parametrize("latency_ms", [0, 10])
async def test_what_the_venue_sent_last_stands_in_redis(
    tmp_path: Path, tls: bool, latency_ms: float
) -> None:
    sim = SimSettings(seed=5, symbols=120, rate=1500, key_order="mixed", tls=tls)
    async with running_collector(tmp_path, sim, latency_ms=latency_ms) as harness:
        await harness.covered()
        await until(lambda: harness.collector.table.received > 3000)
        await harness.equal()
        table = harness.collector.table
        assert table.received == harness.venue.sent
        assert table.received == table.applied + table.older
        assert table.applied == table.written + table.conflated + table.pending


@pytest.mark.parametrize("anyio_backend", [UVLOOP])
async def test_several_connections_share_a_large_universe(tmp_path: Path) -> None:
    async with running_collector(tmp_path, SimSettings(seed=5, symbols=1200, rate=4000)) as harness:
        await harness.covered()
        assert harness.venue.connections == 3
        await until(lambda: harness.collector.table.received > 6000)
        await harness.equal()
        assert harness.client.scard("options:BTC") == sum(
            symbol.startswith("BTC-") for symbol in harness.venue.symbols
        )


async def test_quiet_symbols_are_there_from_the_start(tmp_path: Path) -> None:
    sim = SimSettings(seed=5, symbols=60, rate=500)
    async with running_collector(tmp_path, sim) as harness:
        harness.venue.faults.mute = True
        await until(lambda: len(harness.client.keys("option:*")) == len(harness.venue.symbols))
        with OptionReader(harness.valkey.url, venue="sim") as reader:
            symbol = harness.venue.symbols[0]
            option = reader.get(symbol, require_live=False)
            assert option.source == "rest"
            assert option.mark_price == float(harness.venue.last_frame(symbol)["data"]["markPrice"])
            assert not option.live
        harness.venue.faults.mute = False


async def test_dropped_connections_come_back_and_miss_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_collector(tmp_path, timing=Timing(stable_after=0.0)) as harness:
        await harness.covered()
        for _ in range(5):
            await harness.venue.drop()
            await until(lambda: harness.status_covered() < len(harness.venue.symbols))
            await harness.covered()
        await harness.equal()
        assert harness.collector.connections[0].reconnects == 5


async def test_a_reader_refuses_what_a_dropped_connection_delivered_until_it_comes_again(
    tmp_path: Path,
) -> None:
    async with running_collector(tmp_path) as harness:
        await harness.covered()
        await until(lambda: harness.collector.table.pending == 0)
        symbol = harness.venue.symbols[0]
        with OptionReader(harness.valkey.url, venue="sim") as reader:

            def is_live() -> bool:
                return reader.get(symbol, require_live=False).live

            await until(is_live)
            assert reader.get(symbol).symbol == symbol
            harness.venue.faults.refuse_status = 502
            await harness.venue.drop()
            await until(lambda: not is_live())
            with pytest.raises(StaleData, match=symbol):
                reader.get(symbol)
            harness.venue.faults.refuse_status = None
            await until(is_live)


async def test_refused_and_silent_topics_delay_no_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_collector(tmp_path) as harness:
        refused, silent = harness.venue.symbols[3], harness.venue.symbols[9]
        harness.venue.faults.fail_topics.add(f"tickers.{refused}")
        harness.venue.faults.silent_topics.add(f"tickers.{silent}")
        await until(lambda: harness.status_covered() == len(harness.venue.symbols) - 2)
        await until(lambda: f"refused {refused}" in caplog.text)


async def test_a_mute_connection_is_replaced(tmp_path: Path) -> None:
    sim = SimSettings(seed=5, symbols=60, rate=800)
    with_mute = running_collector(tmp_path, sim)
    async with with_mute as harness:
        harness.venue.faults.mute_next = 1
        await harness.covered()
        assert harness.collector.connections[0].reconnects >= 1
        await harness.equal()


async def test_listings_and_expiries_are_followed(tmp_path: Path) -> None:
    async with running_collector(tmp_path, refresh_s=1.0) as harness:
        await harness.covered()
        hidden = "XRP"
        harness.venue.faults.empty_coins.add(hidden)
        await asyncio.sleep(2.5)
        # an empty answer is not believed
        assert harness.status_covered() == len(harness.venue.symbols)
        harness.venue.faults.empty_coins.clear()
        await harness.equal()


async def test_the_cache_stands_in_when_rest_fails(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "fastopts")
    async with SimVenue(SimSettings(seed=5, symbols=60, rate=500)) as venue:
        settings = Settings(
            venue="sim",
            coins=COINS,
            cache_file=str(tmp_path / "c.json"),
            rest_url=venue.rest_url,
            ws_url=venue.ws_url,
            venue_wait_s=0,
        )
        listed = await fetch(settings, "t")
        content = orjson.loads((tmp_path / "c.json").read_bytes())
        assert content["count"] == len(listed) == len(content["symbols"])
        assert set(content["symbols"]) == set(venue.symbols)
        assert sum(content["by_asset"].values()) == len(listed)
        assert content.keys() >= {"updated_at", "expires_at"}
        venue.faults.rest["/v5/market/instruments-info"] = (403, "no")
        with EmbeddedValkey() as valkey:
            endpoints = Endpoints("sim", venue.rest_url, venue.ws_url)
            address = Address("127.0.0.1", valkey.port)
            with pytest.raises(VenueError, match="403"):
                await Collector(settings, endpoints, address, "t").run(may_use_cache=False)
            collector = Collector(settings, endpoints, address, "t")
            running = asyncio.create_task(collector.run(may_use_cache=True))
            await until(lambda: sum(line.live for line in collector.connections) == len(listed))
            collector.stop.set()
            await running
    assert "of the cache file" in caplog.text


async def test_an_unreachable_venue_ends_the_start(tmp_path: Path) -> None:
    with EmbeddedValkey() as valkey:
        settings = Settings(
            venue="sim", coins=("BTC",), cache_file=str(tmp_path / "c.json"), venue_wait_s=0
        )
        endpoints = Endpoints("sim", "http://127.0.0.1:1", "ws://127.0.0.1:1/x")
        collector = Collector(settings, endpoints, Address("127.0.0.1", valkey.port), "t")
        with pytest.raises(ConnectionLost, match="refused"):
            await collector.run(may_use_cache=True)


async def test_coins_without_options_are_an_error(tmp_path: Path) -> None:
    async with SimVenue(SimSettings(seed=5, symbols=20)) as venue:
        settings = Settings(
            *("sim", False, ("NOPE",), venue.rest_url, venue.ws_url),
            cache_file=str(tmp_path / "c.json"),
        )
        with pytest.raises(VenueError, match="no options on NOPE"):
            await fetch(settings, "t")


async def test_it_stops_while_it_still_starts_and_has_touched_nothing(tmp_path: Path) -> None:
    """The venue's REST takes the request, and never answers."""

    with (
        EmbeddedValkey() as valkey,
        redis.Redis.from_url(valkey.url, protocol=2, decode_responses=True) as client,
    ):
        asked = asyncio.Event()
        let_go = asyncio.Event()

        async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.set()
            await let_go.wait()

        async with RawServer(mute) as server:
            url = f"127.0.0.1:{server.port}"
            collector = Collector(
                Settings(venue="sim", coins=COINS, cache_file=str(tmp_path / "cache.json")),
                Endpoints("sim", f"http://{url}", f"ws://{url}"),
                Address("127.0.0.1", valkey.port),
                "fastopts-tests",
            )
            running = asyncio.create_task(collector.run(may_use_cache=False))
            async with asyncio.timeout(PATIENCE_S):
                await asked.wait()
                collector.stop.set()
                await running
                let_go.set()
            assert client.keys("*") == []


@pytest.mark.parametrize("anyio_backend", LOOPS)
async def test_a_callback_that_fails_ends_the_collector_instead_of_muting_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> int:
        raise ZeroDivisionError("a bug")

    with pytest.raises(ZeroDivisionError, match="a bug"):  # noqa: PT012 - raised at the block's end
        async with running_collector(tmp_path) as harness:
            await harness.covered()
            monkeypatch.setattr(harness.collector.writer.flusher, "_now_ms", broken)
            await until(harness.running.done)
