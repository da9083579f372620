"""A collector that is started in the wrong place: beside others, against others, or for nothing."""

import asyncio
import logging
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import redis

from fastopts import keys
from fastopts.collector.run import Collector, fetch
from fastopts.config import Settings
from fastopts.embedded import EmbeddedValkey
from fastopts.errors import (
    BadInput,
    ConfigError,
    NotYetLive,
    StoreError,
    StoreUnavailable,
    Unknown,
    VenueError,
    WrongVenue,
)
from fastopts.net.redis import address
from fastopts.reader import OptionReader
from fastopts.sim import SimSettings, SimVenue
from fastopts.venues.bybit import hosts
from fastopts.venues.bybit.hosts import Endpoints
from tests.cli.process import Done
from tests.cli.process import fastopts_process as fastopts
from tests.sim.conftest import until_async
from tests.support.store import CALL, Store
from tests.support.waiting import PATIENCE_S

BYBIT = "https://api.bybit.com", "wss://stream.bybit.com/v5/public/option"
TESTNET = "https://api-testnet.bybit.com", "wss://stream-testnet.bybit.com/v5/public/option"
OTHER = "https://venue.test", "wss://venue.test/v5/public/option"
SIM = SimSettings(seed=5, symbols=40, rate=400)


def collector(tmp_path: Path, venue: SimVenue, url: str, **settings: Any) -> Collector:
    told = {"venue": "sim", "coins": ("BTC",), "cache_file": str(tmp_path / "cache.json")}
    found = Endpoints("sim", venue.rest_url, venue.ws_url)
    return Collector(Settings(**told | settings), found, address.parse(url), "fastopts-tests")


async def start(made: Collector) -> None:
    """Run what can't go on."""
    async with asyncio.timeout(PATIENCE_S):
        await made.run(may_use_cache=False)


async def run_until_written(made: Collector) -> None:
    """Let it cover and write everything, then end it in order."""
    task = asyncio.create_task(made.run(may_use_cache=False))
    try:
        await until_async(lambda: made.table.written > 0 and not made.table.dirty)
        await until_async(lambda: sum(line.live for line in made.connections) == len(made.table))
        await until_async(lambda: made.writer.feed.universe > 0)
    finally:
        made.stop.set()
        async with asyncio.timeout(PATIENCE_S):
            await task


def dump(client: redis.Redis) -> dict[bytes, tuple[bytes, int]]:
    """Every key with its value and its time to live."""
    names: Any = client.keys("*")
    values: Any = [(client.dump(name), client.pttl(name)) for name in names]
    return dict(zip(names, values, strict=True))


async def test_CF_04_other_programs_keys_stay_as_they_are(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Those beside ours, and those under our names that hold something of another kind."""
    with EmbeddedValkey() as valkey, redis.Redis(port=valkey.port, protocol=2) as client:
        client.set("option", "1")
        client.set("options", "2")
        client.set("user:1:option:BTC", "3", ex=3600)
        client.hset(keys.STATS, mapping={"visitors": "4"})
        client.zadd("optrecs", {"a": 1})
        client.set("fastopts", "5")
        client.sadd("options-BTC", "a")
        async with SimVenue(SIM) as venue:
            taken = next(symbol for symbol in venue.symbols if symbol.startswith("BTC"))
            client.lpush(keys.option(taken), "a list of another program's")
            client.set(keys.instrument(taken), "a text")
            before = dump(client)
            await run_until_written(collector(tmp_path, venue, valkey.url))
        after = dump(client)
    assert {name: after[name][0] for name in before} == {n: v[0] for n, v in before.items()}
    assert after[b"user:1:option:BTC"][1] > 0
    assert {n for n, (_, ttl) in before.items() if ttl < 0} == {
        n for n, (_, ttl) in after.items() if n in before and ttl < 0
    }
    assert "the key `stats` belongs to another program: it is not written" in caplog.text
    assert "is not written: WRONGTYPE" in caplog.text
    assert "is not written: WRONGTYPE" in caplog.text


@pytest.mark.parametrize("held", ["bybit", "bybit-testnet", "custom:venue.test"])
async def test_CF_04_a_server_of_another_venue_is_refused_and_not_touched(
    tmp_path: Path, held: str
) -> None:
    with EmbeddedValkey() as valkey, redis.Redis(port=valkey.port, protocol=2) as client:
        client.hset(keys.FEED, mapping={"venue": held, "epoch": "7"})
        before = dump(client)
        async with SimVenue(SIM) as venue:
            with pytest.raises(WrongVenue, match=f"holds the data of {held}, not of sim: use"):
                await start(collector(tmp_path, venue, valkey.url))
        assert dump(client) == before


@pytest.mark.parametrize("key", [keys.FEED, keys.LEASE])
async def test_CF_04_a_key_of_another_type_under_our_name_ends_the_start(
    tmp_path: Path, key: str
) -> None:
    with EmbeddedValkey() as valkey, redis.Redis(port=valkey.port, protocol=2) as client:
        client.lpush(key, "another program's")
        before = dump(client)
        async with SimVenue(SIM) as venue:
            with pytest.raises((StoreError, ConfigError), match="WRONGTYPE"):
                await start(collector(tmp_path, venue, valkey.url))
        assert dump(client) == before


def one_line(done: Done) -> str:
    """The error message of a failed command: one line, behind those of its log."""
    assert done.out == ""
    assert "Traceback" not in done.err
    *log, last = done.err.splitlines()
    assert all(line[8:10] == "Z " for line in log), done.err
    assert last.startswith("fastopts: ")
    return last


@contextmanager
def occupied() -> Iterator[int]:
    """A port on which something listens that is no Redis: it closes at once."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_CF_05_a_port_that_is_taken_is_reported(tmp_path: Path) -> None:
    with occupied() as port:
        done = fastopts("sim", "--port", str(port), cwd=tmp_path)
    assert (done.code, one_line(done)) == (2, f"fastopts: port {port} is in use")


def test_CF_05_a_port_that_an_embedded_server_does_not_get_is_an_error() -> None:
    with (
        occupied() as port,
        pytest.raises(StoreUnavailable, match=r"did not start.*Failed listening on port"),
    ):
        EmbeddedValkey(port).start()


@pytest.fixture
def left_over(tmp_path: Path) -> Path:
    """A Unix socket whose server is gone."""
    path = tmp_path / "left.sock"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    return path


def test_CF_05_a_unix_socket_that_was_left_over_is_reported(
    tmp_path: Path, left_over: Path
) -> None:
    done = fastopts("status", "--redis-url", f"unix://{left_over}", cwd=tmp_path)
    assert done.code == 1
    assert str(left_over) in one_line(done)
    assert "Connection refused" in done.err


@pytest.mark.parametrize(
    ("name", "words"),
    [("none.sock", "No such file"), ("file", "refused"), ("left.sock", "refused")],
)
async def test_CF_05_a_collector_says_so_and_waits_for_its_server(
    tmp_path: Path, left_over: Path, caplog: pytest.LogCaptureFixture, name: str, words: str
) -> None:
    (tmp_path / "file").write_text("no socket")

    url = f"unix://{tmp_path / name}"
    with OptionReader(url) as reader, pytest.raises(StoreUnavailable, match=words):
        reader.feed()
    async with SimVenue(SIM) as venue:
        made = collector(tmp_path, venue, url)
        task = asyncio.create_task(made.run(may_use_cache=False))
        await until_async(lambda: words in caplog.text)
        made.stop.set()
        async with asyncio.timeout(PATIENCE_S):
            await task


def test_CF_05_a_path_that_no_socket_can_have_is_refused_at_once() -> None:
    assert address.parse("unix:///" + "x" * 102).path == "/" + "x" * 102
    with pytest.raises(ConfigError, match="103 bytes"):
        address.parse("unix:///" + "x" * 103)


async def test_CF_05_a_file_that_may_not_be_written_is_reported(
    tmp_path: Path, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    store.option(CALL)
    store.client.set("keep", "1")
    there = "/proc/market.csv"  # where not even root may write
    done = fastopts("export", there, "--redis-url", store.url, cwd=tmp_path)
    assert done.code == 2
    assert there in one_line(done)

    async with SimVenue(SIM) as venue:
        told = Settings(
            *("sim", False, ("BTC",), venue.rest_url, venue.ws_url),
            cache_file="/proc/cache.json",
        )
        assert await fetch(told, "fastopts-tests")
    assert "/proc/cache.json can't be written" in caplog.text


async def test_CF_06_coins_that_have_no_options_end_the_start(tmp_path: Path) -> None:
    with EmbeddedValkey() as valkey, redis.Redis(port=valkey.port, protocol=2) as client:
        async with SimVenue(SIM) as venue:
            with pytest.raises(VenueError, match="sim lists no options on BTCC, ETHH"):
                await start(collector(tmp_path, venue, valkey.url, coins=("BTCC", "ETHH")))
        assert client.dbsize() == 0


async def test_CF_06_one_such_coin_among_others_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with EmbeddedValkey() as valkey:
        async with SimVenue(SIM) as venue:
            await run_until_written(collector(tmp_path, venue, valkey.url, coins=("BTC", "ETHH")))
    told = [one.getMessage() for one in caplog.records if one.levelno == logging.WARNING]
    assert "ETHH: the venue lists no options on it" in told


def test_CF_06_reads_of_nothing_and_of_missing_options_are_errors(
    store: Store,
) -> None:
    store.option(CALL)
    with OptionReader(store.url) as reader:
        for ask in (
            lambda: reader.chain("BTCC"),
            lambda: reader.chain("BTC", settle="USDE"),
            lambda: reader.expiries("ETH"),
            lambda: reader.scan("ETH"),
        ):
            with pytest.raises(Unknown, match="there are: "):
                ask()
        for what, kind in (([], BadInput), ((), BadInput), ([""], Unknown), (["btc"], Unknown)):
            with pytest.raises(kind):
                reader.mirror(what)
            with pytest.raises(kind):
                reader.watch(what)


MIXES = [
    (first[0], second[1]) for first in (BYBIT, TESTNET, OTHER) for second in (BYBIT, TESTNET, OTHER)
    if first is not second
]  # fmt: skip


@pytest.mark.parametrize(("rest_url", "ws_url"), MIXES)
def test_CF_07_rest_and_websocket_of_two_venues_are_refused(rest_url: str, ws_url: str) -> None:
    with pytest.raises(ConfigError, match="same venue"):
        hosts.resolve("bybit", False, rest_url, ws_url)


@pytest.mark.parametrize(("testnet", "urls"), [(False, TESTNET), (True, BYBIT), (True, OTHER)])
def test_CF_07_one_url_decides_for_both_or_is_refused(testnet: bool, urls: tuple[str, str]) -> None:
    for rest_url, ws_url in ((urls[0], None), (None, urls[1])):
        if testnet:
            with pytest.raises(ConfigError, match="same venue"):
                hosts.resolve("bybit", testnet, rest_url, ws_url)
        else:
            found = hosts.resolve("bybit", testnet, rest_url, ws_url)
            assert (found.venue, found.rest_url, found.ws_url) == ("bybit-testnet", *TESTNET)


@pytest.mark.parametrize("urls", [BYBIT, TESTNET])
@pytest.mark.parametrize("kept", [(0,), (1,), (0, 1)])
def test_CF_07_real_hosts_are_not_called_simulated(
    urls: tuple[str, str], kept: tuple[int, ...]
) -> None:
    rest_url, ws_url = (url if place in kept else None for place, url in enumerate(urls))
    with pytest.raises(ConfigError, match="is a host of Bybit, not a simulator"):
        hosts.resolve("sim", False, rest_url, ws_url)


async def test_CF_07_the_venue_and_its_hosts_are_logged_at_the_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "fastopts")
    with EmbeddedValkey() as valkey:
        async with SimVenue(SIM) as venue:
            await run_until_written(collector(tmp_path, venue, valkey.url))
        first, *_ = (record.getMessage() for record in caplog.records)
        hosts_told = f"{venue.rest_url}, {venue.ws_url}"
        assert first == f"sim -> {valkey.url}, compiled core; {hosts_told}"
        with OptionReader(valkey.url) as reader, pytest.raises(WrongVenue, match="venue='sim'"):
            reader.feed()


async def test_CF_07_a_websocket_that_is_not_restss_makes_nothing_live(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """REST of one market, the WebSocket of another, which has none of its options."""
    with EmbeddedValkey() as valkey:
        other = SimSettings(seed=6, symbols=20, rate=400)
        async with SimVenue(SIM) as listed, SimVenue(other) as ticking:
            mine = [symbol for symbol in listed.symbols if symbol.startswith("BTC")]
            foreign = set(mine) - set(ticking.symbols)
            assert foreign
            found = Endpoints("sim", listed.rest_url, ticking.ws_url)
            told = Settings(venue="sim", coins=("BTC",), cache_file=str(tmp_path / "c.json"))
            made = Collector(told, found, address.parse(valkey.url), "fastopts-tests")
            task = asyncio.create_task(made.run(may_use_cache=False))
            await until_async(lambda: all(f"refused {one}" in caplog.text for one in foreign))
            await until_async(lambda: made.table.written >= len(mine) and not made.table.dirty)
            await asyncio.to_thread(nothing_is_live, valkey.url, sorted(foreign))
            made.stop.set()
            await task


def nothing_is_live(url: str, symbols: list[str]) -> None:
    with OptionReader(url, "sim") as reader:
        for symbol in symbols:
            with pytest.raises(NotYetLive):
                reader.get(symbol)
