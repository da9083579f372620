"""A Redis that is not there: at the start, in between, or only for those who come too late."""

import asyncio
from pathlib import Path

import pytest

from fastopts import keys
from fastopts.errors import StoreError
from tests.faults.rd.logs import told
from tests.support.broken_valkey import BrokenValkey, plain_client
from tests.support.collector_harness import running_collector, until
from tests.support.collector_limits import quicken
from tests.support.ports import free_port
from tests.support.writer_harness import SYMBOLS, RunningWriter, WriterHarness
from tests.support.writer_harness import until as at_last

SLOW_LOAD = ("--key-load-delay", "8000", "--loading-process-events-interval-bytes", "1024")


async def test_RD_01_the_feed_runs_without_redis_and_is_written_whole_once_it_is_there(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    late = BrokenValkey(port=free_port())

    try:
        async with running_collector(tmp_path, redis_port=late.port) as harness:
            await harness.covered()
            await until(lambda: harness.collector.table.conflated > 100)
            table = harness.collector.table
            assert (table.written, table.pending) == (0, len(harness.venue.symbols))
            assert harness.collector.monitor.status().writer == "waiting for Redis"
            late.start()
            harness.client = late.client
            await harness.equal()
            harness.check_books()
            assert harness.collector.monitor.status().writer == "writing"
            assert table.written >= len(harness.venue.symbols)
    finally:
        late.stop()
    assert told(caplog, "kept in memory") == 1
    assert told(caplog, "Connect call failed") == 1
    assert told(caplog, "accepts data again") == 1


async def test_RD_01_an_unresolvable_name_is_logged_repeatedly(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    quicken(monkeypatch, condition_every_s=0.2, final_flush_s=0.1)

    async with running_collector(tmp_path, redis_port=free_port()) as harness:
        await until(lambda: told(caplog, "s now: Redis: ") >= 2)
        harness.collector.stop.set()
        await harness.running
    assert told(caplog, "ticks are lost") == 1


async def test_RD_01_a_plain_mistake_ends_the_start(server: BrokenValkey) -> None:
    server.client.config_set("requirepass", "s3cret")

    with pytest.raises(StoreError, match=r"NOAUTH") as caught:
        await WriterHarness(server.port).writer.preflight()
    assert caught.value.reply.startswith("NOAUTH")
    with pytest.raises(StoreError, match="NOAUTH"):
        await WriterHarness(server.port).writer.run()


async def test_RD_02_a_restarted_empty_server_gets_everything_under_the_same_epoch(
    server: BrokenValkey, caplog: pytest.LogCaptureFixture
) -> None:
    async with RunningWriter(WriterHarness(server.port)) as harness:
        harness.tick()
        await at_last(lambda: harness.table.pending == 0)
        epoch = harness.writer.lease.epoch
        server.kill()
        harness.tick(markPrice="7")
        harness.tick(markPrice="8")
        await at_last(lambda: not harness.writer.is_writing)
        assert harness.table.pending == 20
        server.start()
        await at_last(lambda: harness.table.pending == 0)
        client = server.client
        assert harness.stands_in(client)
        assert client.hget(keys.FEED, "epoch") == str(epoch)
        await at_last(lambda: client.scard("options:BTC") == 20)
        await at_last(lambda: client.ttl(keys.option(SYMBOLS[0])) > 0)
        assert harness.table.conflated >= 20
    assert told(caplog, "kept in memory") == 1
    assert told(caplog, "accepts data again") == 1


async def test_RD_03_a_server_that_loads_at_the_start_is_waited_for(
    tmp_path: Path, server: BrokenValkey, caplog: pytest.LogCaptureFixture
) -> None:
    fill_and_restart(server)

    async with running_collector(tmp_path, redis_port=server.port) as harness:
        harness.client = server.client
        await until(lambda: told(caplog, "LOADING") == 1)
        await until(lambda: harness.collector.table.received > 0)
        await harness.covered()
        await harness.equal()
    assert told(caplog, "LOADING") == 1
    assert told(caplog, "accepts data again") == 1


async def test_RD_03_a_server_that_loads_later_is_polled_and_logged_once(
    server: BrokenValkey, caplog: pytest.LogCaptureFixture
) -> None:
    async with RunningWriter(WriterHarness(server.port)) as harness:
        harness.tick()
        await at_last(lambda: harness.table.pending == 0)
        fill_and_restart(server)
        harness.tick(markPrice="9")
        await at_last(lambda: harness.table.pending == 0)
        assert harness.stands_in(server.client)
    assert told(caplog, "kept in memory") == 1
    assert told(caplog, "accepts data again") == 1
    stats = server.client.info("clients")
    assert stats["connected_clients"] <= 3


def fill_and_restart(server: BrokenValkey) -> None:
    """Have the server load its data for about a second."""
    server.client.mset({f"key:{number}": f"{number:01000}" for number in range(120)})
    server.client.save()
    server.restart(*SLOW_LOAD)


async def test_RD_15_too_many_clients_are_waited_out_in_the_servers_words(
    server: BrokenValkey, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    quicken(monkeypatch, condition_every_s=0.0)

    async with RunningWriter(WriterHarness(server.port)) as harness:
        harness.tick()
        await at_last(lambda: harness.table.pending == 0)
        admin = server.client
        admin.ping()
        admin.config_set("maxclients", 1)
        number = str(admin.hget(keys.FEED, "writer")).partition(":")[2]
        admin.client_kill_filter(_id=number)
        harness.tick(markPrice="9")
        await at_last(lambda: told(caplog, "max number of clients reached (raise") > 0)
        # one connection at a time, and none of them is left behind
        assert admin.info("clients")["connected_clients"] == 1
        admin.config_set("maxclients", 100)
        await at_last(lambda: harness.table.pending == 0)
        assert harness.stands_in(server.client)


async def test_RD_15_a_start_at_a_server_that_is_full_waits_too(
    server: BrokenValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.client.ping()
    admin = plain_client(server.port)
    admin.config_set("maxclients", 1)

    harness = WriterHarness(server.port)
    await harness.writer.preflight()
    running = asyncio.create_task(harness.writer.run())
    harness.tick()
    await at_last(lambda: not harness.writer.is_writing)
    admin.config_set("maxclients", 100)
    await at_last(lambda: harness.table.pending == 0)
    harness.writer.end()
    await running
    admin.close()
