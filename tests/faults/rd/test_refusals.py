"""A Redis that refuses: everything for a while, one key, one command, or us."""

import asyncio
from pathlib import Path

import pytest

from fastopts import keys
from fastopts.errors import FeedDown, StoreError
from fastopts.net.redis.address import Address
from fastopts.reader import OptionReader
from tests.faults.rd.logs import told
from tests.support.broken_valkey import REFUSING, BrokenValkey
from tests.support.collector_harness import running_collector, until
from tests.support.collector_limits import quicken
from tests.support.payloads import T0
from tests.support.writer_harness import SYMBOLS, RunningWriter, WriterHarness
from tests.support.writer_harness import until as at_last


async def outlives(
    server: BrokenValkey, word: str, caplog: pytest.LogCaptureFixture, remedy: str
) -> None:
    """A writer at a server that refuses with *word* for a while keeps the newest of everything."""
    async with RunningWriter(WriterHarness(server.port)) as harness:
        harness.tick()
        await at_last(lambda: harness.table.pending == 0)
        epoch, written = harness.writer.lease.epoch, harness.table.written
        with REFUSING[word](server):
            for number in range(50):
                harness.tick(markPrice=str(number + 1))
                await asyncio.sleep(0.002)
            await at_last(lambda: not harness.writer.is_writing)
            assert (harness.table.written, harness.table.pending <= 40) == (written, True)
            assert harness.table.conflated >= 49 * len(SYMBOLS) - harness.table.pending
        await at_last(lambda: harness.table.pending == 0)
        assert harness.writer.is_writing
        assert harness.stands_in(server.client)
        assert server.client.hget(keys.FEED, "epoch") == str(epoch)
    lines = [r.message for r in caplog.records if "kept in memory" in r.message]
    assert len(lines) == 1
    assert word in lines[0]
    assert remedy in lines[0]
    assert told(caplog, "accepts data again") == 1


async def test_RD_06_a_full_server_is_waited_for(
    server: BrokenValkey, caplog: pytest.LogCaptureFixture
) -> None:
    await outlives(server, "OOM", caplog, "raise maxmemory")


async def test_RD_06_readers_of_a_full_server_see_that_the_feed_is_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quicken(monkeypatch, heartbeat_limit_ms=1500)

    async with running_collector(tmp_path) as harness:
        await harness.covered()
        await harness.equal()
        symbol = harness.venue.symbols[0]
        with OptionReader(harness.valkey.url, venue="sim") as reader:
            await until(lambda: reader.get(symbol, require_live=False).live)
            harness.client.config_set("maxmemory", "1")
            await until(lambda: harness.collector.monitor.status().writer == "waiting for Redis")
            # the heartbeat is refused with all else
            await until(lambda: not reader.get(symbol, require_live=False).live)
            with pytest.raises(FeedDown, match=symbol):
                reader.get(symbol)
            harness.client.config_set("maxmemory", "0")
            await until(lambda: reader.get(symbol, require_live=False).live)
        await harness.equal()


async def test_RD_08_a_server_that_can_not_save_is_waited_for(
    server: BrokenValkey, caplog: pytest.LogCaptureFixture
) -> None:
    await outlives(server, "MISCONF", caplog, "cannot save to disk")


async def test_RD_09_a_demoted_master_is_left_and_its_name_asked_anew(
    server: BrokenValkey, caplog: pytest.LogCaptureFixture
) -> None:
    """Every refusal ends the connection: the name leads to another server by now, perhaps."""
    before = server.client.info("stats")["total_connections_received"]
    await outlives(server, "READONLY", caplog, "use the master's address")
    assert server.client.info("stats")["total_connections_received"] >= before + 3


async def test_RD_11_a_script_that_blocks_the_server_is_waited_for_and_never_killed(
    server: BrokenValkey, caplog: pytest.LogCaptureFixture
) -> None:
    await outlives(server, "BUSY", caplog, "a script blocks the server")
    calls = server.client.info("commandstats")
    # the one is the test's own
    assert calls["cmdstat_script|kill"]["calls"] == 1


async def test_RD_12_a_key_of_another_type_is_logged_and_left_and_others_are_written(
    server: BrokenValkey, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    quicken(monkeypatch, refused_keys_again_s=0.3)
    client = server.client
    client.set(keys.option(SYMBOLS[4]), "mine")

    async with RunningWriter(WriterHarness(server.port)) as harness:
        for _ in range(5):
            harness.tick()
            await asyncio.sleep(0.01)
        await at_last(lambda: harness.table.pending == 1)
        assert client.get(keys.option(SYMBOLS[4])) == "mine"
        del harness.frames[SYMBOLS[4]]
        assert harness.stands_in(client)
        client.delete(keys.option(SYMBOLS[4]))
        await at_last(lambda: harness.table.pending == 0)
        assert client.hget(keys.option(SYMBOLS[4]), "tm") == str(T0 + 4)
    [line] = [record.message for record in caplog.records if "WRONGTYPE" in record.message]
    assert SYMBOLS[4] in line


async def test_RD_13_a_rotated_password_leaves_the_connection_and_stops_the_hammering(
    server: BrokenValkey, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    quicken(monkeypatch, denied_again_s=0.5, condition_every_s=0.0)

    async with RunningWriter(WriterHarness(server.port)) as harness:
        harness.tick()
        await at_last(lambda: harness.table.pending == 0)
        admin = server.client
        admin.ping()
        admin.config_set("requirepass", "n3w")
        harness.tick(markPrice="2")
        await at_last(lambda: harness.table.pending == 0)
        number = str(admin.hget(keys.FEED, "writer")).partition(":")[2]
        admin.client_kill_filter(_id=number)
        harness.tick(markPrice="3")
        await at_last(lambda: told(caplog, "NOAUTH") > 0)
        before = admin.info("stats")["total_connections_received"]
        now = asyncio.get_running_loop().time()
        await at_last(lambda: told(caplog, "NOAUTH") >= 4)
        tries = admin.info("stats")["total_connections_received"] - before
        assert tries <= (asyncio.get_running_loop().time() - now) / 0.5 + 1
        assert harness.table.pending == 20
        admin.config_set("requirepass", "")
        await at_last(lambda: harness.table.pending == 0)
        assert harness.stands_in(admin)
    assert told(caplog, "set REDIS_PASSWORD or put the password in the URL, then restart") >= 4


async def test_RD_14_a_right_that_is_taken_away_is_named(
    server: BrokenValkey, caplog: pytest.LogCaptureFixture
) -> None:
    await outlives(server, "NOPERM", caplog, "'hset' command (grant this user the rights")


async def test_RD_14_a_deleted_user_is_a_lost_connection_then_a_wrong_password(
    server: BrokenValkey, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    quicken(monkeypatch, denied_again_s=0.05, condition_every_s=0.0)
    rights = ("on", ">pw", "~*", "&*", "+@all")
    server.acl("SETUSER", "col", *rights)

    harness = WriterHarness(server.port)
    harness.writer._address = Address("127.0.0.1", server.port, username="col", password="pw")
    async with RunningWriter(harness):
        harness.tick()
        await at_last(lambda: harness.table.pending == 0)
        server.acl("DELUSER", "col")
        harness.tick(markPrice="2")
        await at_last(lambda: told(caplog, "WRONGPASS") > 0)
        server.acl("SETUSER", "col", *rights)
        await at_last(lambda: harness.table.pending == 0)
        assert harness.stands_in(server.client)
    first, *_ = [r.message for r in caplog.records if "kept in memory" in r.message]
    assert "the connection was lost" in first
    assert told(caplog, "pw") == 0


def test_RD_10_a_refusal_to_read_is_no_absence(server: BrokenValkey) -> None:
    """A replica without its master: nothing is unknown or empty, the server is unavailable."""
    client = server.client
    client.config_set("replica-serve-stale-data", "no")
    client.replicaof("127.0.0.1", "1")
    with OptionReader(server.url) as reader:
        for ask in (
            lambda: reader.get(SYMBOLS[0]),
            lambda: reader.get_many(SYMBOLS, require_live=False),
            lambda: reader.chain("BTC", require_live=False),
            reader.snapshot,
            reader.feed,
        ):
            with pytest.raises(StoreError, match="MASTERDOWN"):
                ask()
