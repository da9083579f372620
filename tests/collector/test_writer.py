"""The writer against a real Valkey that is wiped, restarted, full, taken, or somebody else's."""

import asyncio

import pytest
import redis

from fastopts import keys
from fastopts.collector.store.lease import Lease
from fastopts.embedded import EmbeddedValkey
from fastopts.errors import LeaseError, LeaseLost, StoreError, StoreUnavailable, WrongVenue
from fastopts.model import Instrument
from tests.support.collector_limits import quicken
from tests.support.waiting import PATIENCE_S
from tests.support.writer_harness import (
    EXPIRY,
    INSTRUMENTS,
    SYMBOLS,
    RunningWriter,
    WriterHarness,
    until,
)


async def test_ticks_sets_terms_feed_and_statistics_stand_as_the_contract_says(
    valkey: EmbeddedValkey, client: redis.Redis
) -> None:
    async with RunningWriter(WriterHarness(valkey.port)) as harness:
        harness.tick()
        # the second write of each brings its expiry
        await until(lambda: harness.table.pending == 0 and not harness.table.dirty)
        assert harness.stands_in(client)
        held = client.hgetall(keys.option(SYMBOLS[0]))
        assert held["cn"] == f"{harness.writer.lease.epoch}:1"
        assert client.ttl(keys.option(SYMBOLS[0])) in (86399, 86400)
        assert client.ttl(keys.record(SYMBOLS[0])) in (86399, 86400)
        assert client.smembers("options:BTC") == set(SYMBOLS)
        assert client.smembers("options:BTC:USDT:961002") == set(SYMBOLS)
        assert client.ttl("options:BTC") in (86399, 86400)
        assert client.hgetall(keys.instrument(SYMBOLS[3])) == {
            "base": "BTC",
            "quote": "USDT",
            "settle": "USDT",
            "expiry_ms": str(EXPIRY),
            "strike": "3",
            "type": "C",
            "tick_size": "5",
            "lot_size": "0.01",
            "status": "Trading",
            "launch_ms": "7",
        }
        feed = client.hgetall(keys.FEED)
        server_ms = client.time()[0] * 1000
        assert (feed["schema"], feed["venue"]) == ("1", "bybit")
        assert feed["epoch"] == str(harness.writer.lease.epoch)
        assert abs(int(feed["heartbeat_ms"]) - server_ms) < 5000
        assert abs(int(feed["conn:1"]) - server_ms) < 5000
        harness.tick()
        await until(lambda: client.hget(keys.STATS, "received") == "40")
        stats = client.hgetall(keys.STATS)
        assert stats["messages"] == "40"
        assert int(stats["applied"]) == int(stats["written"]) + int(stats["conflated"]) + int(
            stats["pending"]
        )
    stats = client.hgetall(keys.STATS)
    assert stats["total_messages"] == "40"
    assert {"shutdown_time", "avg_msg_rate"} <= stats.keys()
    feed = client.hgetall(keys.FEED)
    assert feed["heartbeat_ms"] == "0"
    assert "conn:1" not in feed
    assert not client.exists(keys.LEASE)


async def test_a_conn_stands_in_the_feed_before_its_first_record_does(
    valkey: EmbeddedValkey, client: redis.Redis
) -> None:
    async with RunningWriter(WriterHarness(valkey.port)) as harness:
        with client.monitor() as monitor:  # type: ignore[no-untyped-call]
            harness.tick()
            await until(lambda: harness.table.pending == 0)
            for command in monitor.listen():
                words = command["command"]
                if words.startswith(f"HSET {keys.FEED}") and "conn:1 0" not in words:
                    break
                assert "optrec:" not in words


@pytest.mark.parametrize("kind", ["string", "hash"])
async def test_stats_of_another_program_are_reported_and_left_alone(
    valkey: EmbeddedValkey, client: redis.Redis, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    if kind == "string":
        client.set(keys.STATS, "mine")
    else:
        client.hset(keys.STATS, mapping={"messages": "5", "players": "2"})
    before = client.dump(keys.STATS)

    async with RunningWriter(WriterHarness(valkey.port)) as harness:
        harness.tick()
        await until(lambda: harness.table.pending == 0)
    assert client.dump(keys.STATS) == before
    assert "`stats` belongs to another program" in caplog.text


async def test_an_older_trackers_stats_are_taken_over(
    valkey: EmbeddedValkey, client: redis.Redis
) -> None:
    client.hset(keys.STATS, mapping={"messages": "5", "batches": "2", "last_update": "1"})

    async with RunningWriter(WriterHarness(valkey.port)) as harness:
        harness.tick()
        await until(lambda: client.hget(keys.STATS, "messages") == "20")


async def test_the_first_beat_deletes_what_a_former_run_counted(
    valkey: EmbeddedValkey, client: redis.Redis
) -> None:
    """That of a recording, for instance; the fields of the last run that ended stay."""
    former = "venue bybit recording stopped frames_received 9 received 5 total_messages 5"
    client.execute_command("HSET", keys.STATS, *former.split())  # type: ignore[no-untyped-call]

    async with RunningWriter(WriterHarness(valkey.port)):
        await until(lambda: client.hget(keys.STATS, "received") == "0")
        stats = client.hgetall(keys.STATS)
        assert not stats.keys() & {"recording", "frames_received"}
        assert stats["total_messages"] == "5"


async def test_another_venues_server_is_refused_with_a_way_out(
    valkey: EmbeddedValkey, client: redis.Redis
) -> None:
    client.hset(keys.FEED, mapping={"venue": "sim", "epoch": "3"})

    with pytest.raises(WrongVenue, match=r"holds the data of sim, not of bybit.*--redis-url"):
        await WriterHarness(valkey.port).writer.open()
    assert client.hgetall(keys.FEED) == {"venue": "sim", "epoch": "3"}
    assert client.dbsize() == 1


async def test_a_second_collector_is_refused_while_the_first_lives(
    valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    quicken(monkeypatch, lease_margin_s=-2.3)

    async with RunningWriter(WriterHarness(valkey.port)) as harness:
        with pytest.raises(LeaseError, match="another collector is writing"):
            await WriterHarness(valkey.port).writer.open()
        harness.tick()
        await until(lambda: harness.table.pending == 0)


async def test_a_standby_takes_only_what_stays_free(
    valkey: EmbeddedValkey, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lease that ran out while the server stood still is its holder's to renew."""
    looks = iter([False, True, True, False, True, True, True])
    quicken(monkeypatch, lease_again_s=0.001)

    async def is_free(lease: Lease, channel: object) -> bool:
        assert lease.epoch == 0
        return next(looks)

    monkeypatch.setattr(Lease, "is_free", is_free)

    harness = WriterHarness(valkey.port, is_standby=True)
    async with RunningWriter(harness):
        assert list(looks) == []
        harness.tick()
        await until(lambda: harness.table.pending == 0)


async def test_a_collector_that_lost_its_lease_stops_writing(
    valkey: EmbeddedValkey, client: redis.Redis
) -> None:
    harness = WriterHarness(valkey.port)
    await harness.writer.open()
    task = asyncio.create_task(harness.writer.run())
    harness.tick()
    await until(lambda: harness.table.pending == 0)
    client.set(keys.LEASE, "9999999999:7:other")
    client.hset(keys.FEED, "epoch", "9999999999")
    with pytest.raises(LeaseLost):
        await task
    assert client.get(keys.LEASE) == "9999999999:7:other"


async def test_a_missing_server_and_a_wrong_password_are_reported_at_once(
    valkey: EmbeddedValkey,
) -> None:
    with pytest.raises(StoreUnavailable):
        await WriterHarness(1).writer.open()
    with EmbeddedValkey(password="s3cret") as closed, pytest.raises(StoreError, match="NOAUTH"):
        await WriterHarness(closed.port).writer.open()


async def test_the_universe_follows_its_changes(
    valkey: EmbeddedValkey, client: redis.Redis
) -> None:
    fresh = Instrument(
        *("ETH-27NOV26-1-P", "ETH", "USD", "USDC", EXPIRY, "1", "P", "1", "1", "Trading", 0)
    )

    async with RunningWriter(WriterHarness(valkey.port)) as harness:
        # counted once it is all there: what a reader finds at one count, it keeps
        await until(lambda: client.hget(keys.FEED, "universe") == "1")
        assert client.scard("options:BTC") == client.scard("options:BTC:USDT:961002") == 20
        assert all(map(client.exists, map(keys.instrument, SYMBOLS)))
        harness.writer.universe_changed([fresh], INSTRUMENTS[:5])
        await until(lambda: client.hget(keys.FEED, "universe") == "2")
        assert client.scard("options:BTC") == 15
        assert client.smembers("options:ETH:USDC:961002") == {"ETH-27NOV26-1-P"}


async def test_the_feed_names_the_assets_that_have_listed_symbols(
    valkey: EmbeddedValkey, client: redis.Redis
) -> None:
    fresh = Instrument(
        *("APT-27NOV26-1-P", "APT", "USD", "USDC", EXPIRY, "1", "P", "1", "1", "Trading", 0)
    )

    harness = WriterHarness(valkey.port)
    await harness.writer.open()
    assert client.hget(keys.FEED, "assets") == "BTC"
    async with RunningWriter(harness):
        harness.listed.append(fresh)
        harness.writer.universe_changed([fresh], ())
        await until(lambda: client.hget(keys.FEED, "assets") == "APT,BTC")
        # their sets stand before the feed names them
        assert client.smembers("options:APT") == {fresh.symbol}
        harness.listed[:] = [fresh]
        harness.writer.universe_changed((), INSTRUMENTS)
        await until(lambda: client.hget(keys.FEED, "assets") == "APT")
        client.flushall()
        await until(lambda: client.hget(keys.FEED, "assets") == "APT")


async def test_a_restart_leaves_no_dead_members_in_the_sets(
    valkey: EmbeddedValkey, client: redis.Redis
) -> None:
    client.sadd("options:BTC", "BTC-1JAN20-1-C", *SYMBOLS[:3])

    async with RunningWriter(WriterHarness(valkey.port)):
        await until(lambda: client.smembers("options:BTC") == set(SYMBOLS))


async def test_a_conn_that_ends_while_redis_is_away_stands_in_the_feed_no_more(
    valkey: EmbeddedValkey, client: redis.Redis
) -> None:
    async with RunningWriter(WriterHarness(valkey.port)) as harness:
        harness.tick()
        await until(lambda: int(client.hget(keys.FEED, "conn:1") or 0) > 0)
        number = str(client.hget(keys.FEED, "writer")).partition(":")[2]
        assert client.client_kill_filter(_id=number) == 1
        harness.writer.conn_closed(1)
        harness.writer.conn_opened(2)
        # conn:2 goes out in the same beat
        await until(lambda: client.hmget(keys.FEED, "conn:1", "conn:2") == [None, "0"])
        assert str(client.hget(keys.FEED, "writer")).partition(":")[2] != number


async def test_the_first_beat_takes_a_killed_collectors_conns_out_of_the_feed(
    valkey: EmbeddedValkey, client: redis.Redis
) -> None:
    client.hset(keys.FEED, mapping={"venue": "bybit", "epoch": "5", "conn:7": "1", "conn:1": "1"})

    harness = WriterHarness(valkey.port)
    await harness.writer.open()
    feed = client.hgetall(keys.FEED)
    assert feed["epoch"] == str(harness.writer.lease.epoch)
    assert [name for name in map(str, feed) if name.startswith("conn:")] == []
    async with RunningWriter(harness):
        pass


async def test_a_listing_that_a_full_server_refuses_stands_once_there_is_room(
    valkey: EmbeddedValkey, client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    fresh = [
        Instrument(
            *(f"ETH-27NOV26-{strike}-P", "ETH", "USD", "USDC", EXPIRY, str(strike), "P"),
            *("1", "1", "Trading", 0),
        )
        for strike in range(1, 31)
    ]

    def stands() -> bool:
        names = {instrument.symbol for instrument in fresh}
        return (
            client.smembers("options:ETH") == names
            and client.smembers("options:ETH:USDC:961002") == names
            and client.exists(*map(keys.instrument, names)) == len(names)
        )

    async with RunningWriter(WriterHarness(valkey.port)) as harness:
        await until(lambda: bool(client.exists(keys.instrument(SYMBOLS[-1]))))
        client.config_set("maxmemory", "1")
        harness.listed += fresh
        harness.writer.universe_changed(fresh, ())
        await until(lambda: not harness.writer.is_writing)
        client.config_set("maxmemory", "0")
        async with asyncio.timeout(PATIENCE_S):  # not with the next whole universe, hours later
            await until(stands)
        assert client.smembers("options:BTC") == set(SYMBOLS)
        # an expiry goes only once the server took what it is for
        await until(lambda: client.ttl(keys.instrument(fresh[-1].symbol)) > 0)
        await until(lambda: client.ttl("options:ETH") > 0)
        harness.tick()
        await until(lambda: harness.table.pending == 0)
    told = [record.message for record in caplog.records if "OOM" in record.message]
    assert len(told) == 1


async def test_keys_of_other_programs_in_the_universe_are_logged_once_and_get_no_expiry(
    valkey: EmbeddedValkey, client: redis.Redis, caplog: pytest.LogCaptureFixture
) -> None:
    theirs = ["options:BTC", keys.instrument(SYMBOLS[3])]
    for key in theirs:
        client.set(key, "mine")

    async with RunningWriter(WriterHarness(valkey.port)) as harness:
        await until(lambda: client.ttl(keys.instrument(SYMBOLS[-1])) > 0)
        assert client.smembers("options:BTC:USDT:961002") == set(SYMBOLS)
        # their refusal delays no other key, and a change is not reported twice
        harness.writer.universe_changed(INSTRUMENTS[:5], INSTRUMENTS[5:6])
        await until(lambda: client.scard("options:BTC:USDT:961002") == 19)
        harness.tick()
        await until(lambda: harness.table.pending == 0)
        assert harness.stands_in(client)
    for key in theirs:
        assert client.get(key) == "mine"
        assert client.ttl(key) == -1
        told = [
            record.message for record in caplog.records if f"{key} is not written" in record.message
        ]
        assert len(told) == 1


async def test_the_sets_lose_what_a_former_run_left(
    valkey: EmbeddedValkey, client: redis.Redis
) -> None:
    left = ["BTC-27NOV26-77-P-USDT", "BTC-28NOV26-1-C"]
    client.sadd("options:BTC", *left, SYMBOLS[0])
    client.sadd("options:BTC:USDT:261127", left[0])
    client.sadd("options:BTC:USDC:261128", left[1], "BTC-28NOV26-2-C")

    async with RunningWriter(WriterHarness(valkey.port)):
        await until(lambda: client.smembers("options:BTC") == set(SYMBOLS))
        await until(lambda: not client.exists("options:BTC:USDT:261127"))
        # what no set of its asset names is another's
        await until(lambda: client.smembers("options:BTC:USDC:261128") == {"BTC-28NOV26-2-C"})
