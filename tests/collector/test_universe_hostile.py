"""Invalid names reach no key, wherever a collector gets them from."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
import redis

from fastopts.collector.venue import universe_cache as cache
from fastopts.collector.venue.rest_driver import RestDriver
from fastopts.collector.venue.universe import InstrumentUniverse
from fastopts.embedded import EmbeddedValkey
from fastopts.errors import CacheError
from fastopts.net.http import HttpClient
from fastopts.session.ban import Ban
from fastopts.venues.bybit import symbols
from fastopts.venues.bybit.ticker_table import new_table
from tests.collector.universe_harness import UniverseHarness, instrument, name, told
from tests.support import payloads
from tests.support.hostile import NAMES
from tests.support.waiting import PATIENCE_S
from tests.support.writer_harness import WriterHarness as Written

GOOD = name(1)


def market(tmp_path: Path) -> InstrumentUniverse:
    http = HttpClient("http://127.0.0.1:1", "t")
    made = InstrumentUniverse(
        RestDriver(http, Ban()), "bybit", ("BTC",), tmp_path / "c.json", new_table()
    )
    http.close()
    return made


@pytest.mark.parametrize("text", NAMES)
def test_a_symbol_that_is_none_is_not_read(text: str) -> None:
    assert symbols.parse(text) is None


async def test_of_the_venues_list_only_symbols_are_taken(harness: UniverseHarness) -> None:
    names = [each for each in NAMES if each.isascii() or each.isprintable()]

    harness.venue.listed["BTC"] = [*names, GOOD]
    harness.venue.listed["ETH"] = []
    assert await harness.load() == [GOOD]
    harness.venue.tickers["BTC"] = [{"symbol": each, "markPrice": "1"} for each in names]
    assert await harness.universe.warm_up() == 0
    assert len(harness.table) == 1


def test_what_ticks_under_such_a_name_gets_no_slot(tmp_path: Path) -> None:
    found = market(tmp_path)
    assert not any(found.adopt(each) for each in NAMES)
    inlet = new_table().inlet(1)
    for each in NAMES:
        inlet.message(payloads.dump(payloads.ticker(each, payloads.T0)), payloads.T0)
    assert not any(symbols.parse(symbol) for symbol, _ in inlet.unknown_tickers)


def test_the_cache_file_brings_none_in(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path, now = tmp_path / "c.json", datetime.now(UTC)
    names = [each for each in NAMES if "\ud800" not in each]
    path.write_bytes(orjson.dumps({"symbols": [*names, GOOD]}))
    held = cache.load(path, "bybit", now)
    assert held is not None
    assert list(held.instruments) == [GOOD]
    cache.save(path, "bybit", [instrument(GOOD)], now)
    content = orjson.loads(path.read_bytes())
    for each in names:
        for field in ("symbol", "asset", "settle", "quote"):
            row = content["instruments"][0] | {field: each}
            path.write_bytes(orjson.dumps(content | {"instruments": [row]}))
            with pytest.raises(CacheError):
                cache.load(path, "bybit", now)
    assert told(caplog) == []


async def test_what_others_put_into_a_set_is_left_alone(valkey: EmbeddedValkey) -> None:
    hostile = {each.encode("utf-8", "surrogatepass") for each in NAMES}
    with redis.Redis(port=valkey.port, protocol=2) as client:
        client.sadd("options:BTC", *hostile, b"\xff")
        harness = Written(valkey.port)
        await harness.writer.open()
        running = asyncio.create_task(harness.writer.run())
        harness.tick()
        async with asyncio.timeout(PATIENCE_S):
            while not harness.feed.universe:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.005)
            harness.writer.end()
            await running
        assert hostile <= client.smembers("options:BTC")
        assert "cmdstat_srem" not in client.info("commandstats")
