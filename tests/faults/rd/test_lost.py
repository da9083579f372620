"""A Redis that loses data: flushed, evicted, rolled back, failed over; and what must never grow."""

import asyncio
import random
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from fastopts import keys
from fastopts.core import Batch
from fastopts.embedded import EmbeddedValkey
from fastopts.errors import ConfigError, NotYetLive
from fastopts.model import Instrument
from fastopts.reader import Mirror, OptionReader
from fastopts.venues.bybit.ticker_table import new_table
from tests.faults.rd.logs import told
from tests.support import payloads
from tests.support.broken_valkey import BrokenValkey, plain_client
from tests.support.collector_harness import running_collector, until
from tests.support.collector_limits import quicken
from tests.support.fault_proxy import FaultProxy
from tests.support.oracle import FIELDS, expected_hash
from tests.support.payloads import T0
from tests.support.store import clustered
from tests.support.writer_harness import INSTRUMENTS, SYMBOLS, RunningWriter, WriterHarness
from tests.support.writer_harness import until as at_last

EVERY_KEY = [
    *map(keys.option, SYMBOLS),
    *map(keys.record, SYMBOLS),
    *map(keys.instrument, SYMBOLS),
    *("options:BTC", "options:BTC:USDT:961002"),
]


@pytest.fixture
def _quick_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is due once a minute is due within a second or two."""
    quicken(monkeypatch, heartbeat_s=0.1, rewrite_every_s=10, listing_count_every_s=0.3)


async def test_RD_07_a_policy_that_may_evict_is_warned_of_at_the_start(
    server: BrokenValkey, caplog: pytest.LogCaptureFixture
) -> None:
    server.client.config_set("maxmemory", "100mb")
    server.client.config_set("maxmemory-policy", "allkeys-random")

    async with RunningWriter(WriterHarness(server.port)):
        pass
    assert told(caplog, "maxmemory-policy allkeys-random may evict quotes: set noeviction") == 1


@pytest.mark.usefixtures("_quick_minute")
@pytest.mark.parametrize("seed", range(2))
async def test_RD_07_evicted_keys_are_written_again_though_nothing_ticks(
    server: BrokenValkey, seed: int
) -> None:
    chance = random.Random(seed)
    client = server.client

    async with RunningWriter(WriterHarness(server.port)) as harness:
        harness.tick()
        await at_last(lambda: harness.table.pending == 0 and client.exists(*EVERY_KEY) == 62)
        for _ in range(3):
            client.delete(*chance.sample(EVERY_KEY, chance.randint(1, 20)))
            await at_last(lambda: client.exists(*EVERY_KEY) == len(EVERY_KEY))
        await at_last(lambda: harness.stands_in(client) and client.scard("options:BTC") == 20)
        # none of them came back for good
        await at_last(lambda: all(client.ttl(key) > 0 for key in EVERY_KEY))
        assert harness.table.written == 20


@pytest.mark.usefixtures("_quick_minute")
async def test_RD_07_mirrors_receive_a_record_that_was_written_again(server: BrokenValkey) -> None:
    """A mirror that began while the record was away must not lack it until the next tick."""
    client = server.client

    async with RunningWriter(WriterHarness(server.port)) as harness:
        harness.tick()
        await at_last(lambda: harness.table.pending == 0 and client.exists(*EVERY_KEY) == 62)
        with OptionReader(server.url) as reader:
            mirror = await asyncio.to_thread(begun_without, client, reader, SYMBOLS[7])
            with mirror:
                await at_last(lambda: holds(mirror, SYMBOLS[7]))


def begun_without(client: redis.Redis, reader: OptionReader, symbol: str) -> Mirror:
    """A mirror whose snapshot found no record of *symbol*."""
    while True:
        client.delete(keys.record(symbol))
        mirror = reader.mirror(SYMBOLS)
        if not holds(mirror, symbol):
            return mirror
        mirror.close()


def holds(mirror: Mirror, symbol: str) -> bool:
    try:
        mirror.get(symbol, require_live=False)
    except NotYetLive:
        return False
    return True


async def test_RD_21_what_a_failover_lost_is_written_again(tmp_path: Path) -> None:
    """The replica is promoted without what its master took last; the name leads to it now."""
    master, replica = BrokenValkey("--repl-diskless-sync-delay", "0"), BrokenValkey()
    with master, replica, FaultProxy(master.port) as proxy:
        replica.client.replicaof("127.0.0.1", str(master.port))
        async with RunningWriter(WriterHarness(proxy.port)) as harness:
            harness.tick()
            await at_last(lambda: harness.table.pending == 0 and harness.stands_in(replica.client))
            epoch = harness.writer.lease.epoch
            # the partition: the master takes more, the replica receives none of it
            replica.client.replicaof("NO", "ONE")
            harness.tick(markPrice="17")
            harness.tick(SYMBOLS[:5], markPrice="18", bidIv="")
            await at_last(lambda: harness.table.pending == 0 and harness.stands_in(master.client))
            assert not harness.stands_in(replica.client)
            proxy.target = replica.port
            proxy.drop()
            await at_last(lambda: harness.stands_in(replica.client))
            feed = replica.client.hgetall(keys.FEED)
            assert feed["epoch"] == str(epoch)
            info = replica.client.info("server")
            await at_last(
                lambda: str(replica.client.hget(keys.FEED, "writer")).startswith(info["run_id"])
            )


async def test_RD_21_a_server_that_is_rolled_back_is_written_whole(server: BrokenValkey) -> None:
    async with RunningWriter(WriterHarness(server.port)) as harness:
        harness.tick()
        await at_last(lambda: harness.table.pending == 0)
        server.client.save()
        harness.tick(markPrice="17", bidIv="")
        await at_last(lambda: harness.table.pending == 0)
        epoch = harness.writer.lease.epoch
        server.restart()
        await at_last(lambda: harness.stands_in(server.client))
        assert server.client.hget(keys.FEED, "epoch") == str(epoch)
        # what the old state had and the new has not
        await at_last(
            lambda: not any(server.client.hexists(keys.option(s), "biv") for s in SYMBOLS)
        )


async def test_RD_22_a_cluster_is_refused_in_one_line(tmp_path: Path) -> None:
    with BrokenValkey(*clustered(tmp_path)) as node:
        with pytest.raises(ConfigError, match="Redis Cluster, which fastopts does not support"):
            await WriterHarness(node.port).writer.preflight()
        with pytest.raises(ConfigError, match="Redis Cluster"):
            await WriterHarness(node.port).writer.run()


async def test_RD_22_a_server_that_comes_back_as_a_clusters_node_ends_it(
    tmp_path: Path, server: BrokenValkey
) -> None:
    harness = WriterHarness(server.port)
    running = asyncio.create_task(harness.writer.run())
    harness.tick()
    await at_last(lambda: harness.table.pending == 0)
    server.restart(*clustered(tmp_path))
    with pytest.raises(ConfigError, match="Redis Cluster"):
        await running


@pytest.mark.parametrize("seed", range(2))
async def test_RD_29_a_flush_at_any_time_is_noticed_and_everything_written_again(
    tmp_path: Path, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(seed)

    async with running_collector(tmp_path) as harness:
        await harness.covered()
        await asyncio.sleep(chance.random())
        harness.client.flushall()
        harness.client.set("another:program", "1")
        await until(lambda: told(caplog, "Redis was emptied") == 1)
        await harness.equal()
        harness.check_books()
        await until(lambda: len(harness.client.keys("instrument:*")) == len(harness.venue.symbols))
        await until(lambda: harness.client.ttl(keys.record(harness.venue.symbols[0])) > 0)
        assert harness.client.get("another:program") == "1"
        ours = ("option:", "optrec:", "instrument:", "options:", "fastopts:", "stats")
        strangers = [key for key in harness.client.keys("*") if not str(key).startswith(ours)]
        assert strangers == ["another:program"]


async def test_RD_29_nothing_of_another_program_is_touched_from_start_to_end(
    server: BrokenValkey,
) -> None:
    client = server.client
    client.mset({f"option{number}:{number}": "theirs" for number in range(50)})
    client.hset("another", mapping={"a": "1"})
    before = {key: client.dump(str(key)) for key in client.keys("*")}

    async with RunningWriter(WriterHarness(server.port)) as harness:
        harness.tick()
        await at_last(lambda: harness.table.pending == 0)
    assert {key: client.dump(str(key)) for key in before} == before
    calls = client.info("commandstats")
    forbidden = {"flushall", "flushdb", "keys", "scan", "swapdb", "rename"}
    own = {name.removeprefix("cmdstat_") for name in calls} - {"keys"}  # that was the test's
    assert own.isdisjoint(forbidden)


async def test_RD_30_thirty_days_of_expiries_leave_nothing_behind_for_good(
    server: BrokenValkey,
) -> None:
    """Each virtual day lists twenty options that are delivered at its end."""
    day_ms = 86_400_000
    client = server.client

    async with RunningWriter(WriterHarness(server.port)) as harness:
        harness.tick()
        await at_last(lambda: harness.table.pending == 0)
        start_ms = harness.writer._loop._now_ms()
        for day in range(30):
            fresh = list(listed_on(day, start_ms + (day + 1) * day_ms))
            gone, harness.listed = harness.listed, fresh
            for one in fresh:
                harness.table.add(one.symbol, one.expiry_ms, one.strike, one.type, one.settle)
            harness.writer.universe_changed(fresh, gone)
            for one in gone:
                harness.table.retire(one.symbol)
            harness.frames.clear()
            harness.tick([one.symbol for one in fresh])
            names = {one.symbol for one in fresh}
            await at_last(lambda: harness.table.pending == 0 and harness.table.dirty == 0)
            await at_last(partial(is_set, client, names))
            await at_last(lambda: len(harness.table) == 20)
        lasting = [str(key) for key in client.keys("*") if client.ttl(str(key)) == -1]
        assert sorted(lasting) == [keys.FEED, keys.STATS]
        assert len(client.keys("options:*")) == 2
        # what was delivered ends four hours later at most, and nothing lives beyond a day
        assert max(client.ttl(str(key)) for key in client.keys("*")) <= 24 * 3600


def is_set(client: redis.Redis, names: set[str]) -> bool:
    return client.smembers("options:BTC") == names


def listed_on(day: int, expiry_ms: int) -> Iterator[Instrument]:
    for strike in range(20):
        symbol = f"BTC-27NOV26-{1000 + day * 100 + strike}-C-USDT"
        head = (symbol, "BTC", "USDT", "USDT", expiry_ms)
        yield Instrument(*head, str(strike), "C", "5", "0.01", "Trading", 7)


odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=40),
    st.lists(st.none(), max_size=2),
    st.dictionaries(st.just("x"), st.none(), max_size=1),
    st.sampled_from(["", "0", "1.5", "-0.25", "1e5", "NaN", "Infinity", "9" * 60]),
)


@settings(max_examples=60)
@given(st.dictionaries(st.sampled_from(sorted(FIELDS)), odd, max_size=24))
def test_RD_28_commands_are_well_formed_for_any_content_of_a_tick(
    shared_valkey: EmbeddedValkey, fields: dict[str, Any]
) -> None:
    """No None, no number of Python's and no empty list of fields ever reaches Redis."""
    client = plain_client(shared_valkey.port)
    client.flushall()
    table = new_table()
    table.add(SYMBOLS[0], INSTRUMENTS[0].expiry_ms, 0.0, "C", "USDT")
    frame = payloads.ticker(SYMBOLS[0], T0, **fields)
    table.inlet(1).message(payloads.dump(frame), T0)
    payload = Batch(table).encode(T0)
    if not payload:
        assert sum(table.rejected.values()) == 1
        return
    with socket.create_connection(("127.0.0.1", shared_valkey.port)) as connection:
        connection.sendall(payload + b"PING\r\n")
        with connection.makefile("rb") as stream:
            answers = list(iter(stream.readline, b"+PONG\r\n"))
    held = client.hgetall(keys.option(SYMBOLS[0]))
    assert not [line for line in answers if line.startswith(b"-")]
    assert all(text for text in held.values())
    assert held["tm"] == expected_hash(frame)["tm"]
    assert client.strlen(keys.record(SYMBOLS[0])) == 256
    client.close()
