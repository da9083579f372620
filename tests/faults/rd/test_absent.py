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
        async with running_collector(tmp_path, redis_port=late.port) as w:
            await w.covered()
            await until(lambda: w.collector.table.conflated > 100)
            table = w.collector.table
            assert (table.written, table.pending) == (0, len(w.venue.symbols))
            assert w.collector.monitor.status().writer == "waiting for Redis"
            late.start()
            w.client = late.client
            await w.equal()
            w.check_books()
            assert w.collector.monitor.status().writer == "writing"
            assert table.written >= len(w.venue.symbols)
    finally:
        late.stop()
    assert told(caplog, "kept in memory") == 1
    assert told(caplog, "Connect call failed") == 1
    assert told(caplog, "accepts data again") == 1


async def test_RD_01_a_name_that_leads_nowhere_is_said_again_and_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    quicken(monkeypatch, condition_every_s=0.2, final_flush_s=0.1)

    async with running_collector(tmp_path, redis_port=free_port()) as w:
        await until(lambda: told(caplog, "s now: Redis: ") >= 2)
        w.collector.stop.set()
        await w.running
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
    async with RunningWriter(WriterHarness(server.port)) as w:
        w.tick()
        await at_last(lambda: w.table.pending == 0)
        epoch = w.writer.lease.epoch
        server.kill()
        w.tick(markPrice="7")
        w.tick(markPrice="8")
        await at_last(lambda: not w.writer.is_writing)
        assert w.table.pending == 20
        server.start()
        await at_last(lambda: w.table.pending == 0)
        client = server.client
        assert w.stands_in(client)
        assert client.hget(keys.FEED, "epoch") == str(epoch)
        await at_last(lambda: client.scard("options:BTC") == 20)
        await at_last(lambda: client.ttl(keys.option(SYMBOLS[0])) > 0)
        assert w.table.conflated >= 20
    assert told(caplog, "kept in memory") == 1
    assert told(caplog, "accepts data again") == 1


async def test_RD_03_a_server_that_loads_at_the_start_is_waited_for(
    tmp_path: Path, server: BrokenValkey, caplog: pytest.LogCaptureFixture
) -> None:
    fill_and_restart(server)

    async with running_collector(tmp_path, redis_port=server.port) as w:
        w.client = server.client
        await until(lambda: told(caplog, "LOADING") == 1)
        await until(lambda: w.collector.table.received > 0)
        await w.covered()
        await w.equal()
    assert told(caplog, "LOADING") == 1
    assert told(caplog, "accepts data again") == 1


async def test_RD_03_a_server_that_loads_in_between_is_asked_now_and_then_and_told_of_once(
    server: BrokenValkey, caplog: pytest.LogCaptureFixture
) -> None:
    async with RunningWriter(WriterHarness(server.port)) as w:
        w.tick()
        await at_last(lambda: w.table.pending == 0)
        fill_and_restart(server)
        w.tick(markPrice="9")
        await at_last(lambda: w.table.pending == 0)
        assert w.stands_in(server.client)
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

    async with RunningWriter(WriterHarness(server.port)) as w:
        w.tick()
        await at_last(lambda: w.table.pending == 0)
        admin = server.client
        admin.ping()
        admin.config_set("maxclients", 1)
        number = str(admin.hget(keys.FEED, "writer")).partition(":")[2]
        admin.client_kill_filter(_id=number)
        w.tick(markPrice="9")
        await at_last(lambda: told(caplog, "max number of clients reached (raise") > 0)
        # one connection at a time, and none of them is left behind
        assert admin.info("clients")["connected_clients"] == 1
        admin.config_set("maxclients", 100)
        await at_last(lambda: w.table.pending == 0)
        assert w.stands_in(server.client)


async def test_RD_15_a_start_at_a_server_that_is_full_waits_too(
    server: BrokenValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.client.ping()
    admin = plain_client(server.port)
    admin.config_set("maxclients", 1)

    w = WriterHarness(server.port)
    await w.writer.preflight()
    running = asyncio.create_task(w.writer.run())
    w.tick()
    await at_last(lambda: not w.writer.is_writing)
    admin.config_set("maxclients", 100)
    await at_last(lambda: w.table.pending == 0)
    w.writer.end()
    await running
    admin.close()
