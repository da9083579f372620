"""The metrics of a whole collector as Prometheus gets them, over a real socket."""

import asyncio
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import Metric

from fastopts import keys, metrics
from fastopts.collector.run import Collector
from fastopts.config import Settings
from fastopts.core import IMPLEMENTATION
from fastopts.errors import ConfigError
from fastopts.net.redis.address import Address
from fastopts.venues.bybit.hosts import Endpoints
from tests.collector.scrapes import REQUEST, Scrape, ask, everything, scrape
from tests.collector.test_metrics_server import HOSTILE
from tests.support.collector_harness import CollectorHarness, running_collector, until
from tests.support.collector_limits import quicken
from tests.support.extras import without
from tests.support.loops import LOOPS
from tests.support.processes import finish, start

ANYWHERE = ("127.0.0.1", 0)
HISTOGRAMS = ("tick_age", "tick_wait", "acknowledgement", "loop_lag")


async def scraped(harness: CollectorHarness) -> Scrape:
    assert harness.collector.metrics is not None
    return await scrape(harness.collector.metrics.port)


def check_books(found: Scrape) -> None:
    """The loss equations, as somebody reckons who has nothing but the scrape."""
    received = found.value("fastopts_messages_received_total")
    applied = found.value("fastopts_ticks_applied_total")
    rejected = sum(found.values("fastopts_messages_rejected_total"))
    assert received == applied + found.value("fastopts_ticks_older_total") + rejected
    assert applied == sum(
        found.value(f"fastopts_ticks_{name}")
        for name in ("written_total", "conflated_total", "pending")
    )


def check_histograms(found: Scrape) -> None:
    for name in HISTOGRAMS:
        buckets = found.values(f"fastopts_{name}_seconds_bucket")
        assert buckets == sorted(buckets)
        assert buckets[-1] == found.value(f"fastopts_{name}_seconds_count")
        assert found.value(f"fastopts_{name}_seconds_sum") >= 0


@pytest.mark.parametrize("anyio_backend", LOOPS)
async def test_a_scrape_is_of_one_moment_and_its_books_balance(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quicken(monkeypatch, metrics_cache_s=0.0)

    async with running_collector(tmp_path, metrics_address=ANYWHERE) as harness:
        await harness.covered()
        before = 0.0
        while before < 3000:
            found = await scraped(harness)
            check_books(found)
            check_histograms(found)
            assert found.value("fastopts_messages_received_total") >= before
            before = found.value("fastopts_messages_received_total")
        await harness.equal()
        harness.venue.pause()
        await until(lambda: not harness.collector.table.pending)
        found, table = await scraped(harness), harness.collector.table
        assert (
            found.value("fastopts_messages_received_total") == table.received == harness.venue.sent
        )
        assert found.value("fastopts_ticks_written_total") == table.written
        assert found.value("fastopts_ticks_pending") == 0
        assert found.value("fastopts_tick_age_seconds_count") == table.applied
        assert found.value("fastopts_tick_wait_seconds_count") == table.written
        batches = found.value("fastopts_batches_total")
        assert found.value("fastopts_acknowledgement_seconds_count") == batches > 0


@pytest.mark.parametrize("anyio_backend", LOOPS)
async def test_it_shows_what_the_collector_is_doing(tmp_path: Path) -> None:
    async with running_collector(tmp_path, metrics_address=ANYWHERE) as harness:
        await harness.covered()
        await until(lambda: harness.collector.writer.skew() is not None)
        await until(lambda: harness.collector.writer.heartbeat.took_s is not None)
        found, symbols = await scraped(harness), len(harness.venue.symbols)
        build = {"version": "fastopts-tests", "venue": "sim", "core": IMPLEMENTATION}
        assert found.value("fastopts_build_info", **build) == 1
        assert found.value("fastopts_symbols_wanted") == symbols
        assert found.value("fastopts_symbols_covered") == symbols
        assert found.value("fastopts_connections_open") == 1
        assert found.value("fastopts_rest_requests_total") >= len({"BTC", "ETH", "SOL", "XRP"})
        assert found.value("fastopts_rest_failures_total") == 0
        assert found.value("fastopts_writer_state", state="writing") == 1
        assert found.value("fastopts_writer_state", state="waiting") == 0
        epoch = harness.client.hget(keys.FEED, "epoch")
        assert found.value("fastopts_epoch") == int(str(epoch))
        assert found.value("fastopts_redis_round_trip_seconds") > 0
        assert found.value("fastopts_clock_skew_seconds") < 1
        assert found.value("process_resident_memory_bytes") > 1e6
        heap_mb = metrics.heap_in_use_mb()
        if heap_mb is not None:
            assert 1e5 < found.value("fastopts_collector_heap_in_use_bytes") < 10e6 * heap_mb
        assert found.value("process_cpu_seconds_total") > 0


async def test_while_redis_is_away_ticks_pend_and_no_round_trip_is_invented(tmp_path: Path) -> None:
    async with running_collector(tmp_path, redis_port=1, metrics_address=ANYWHERE) as harness:
        await harness.covered()
        found = await scraped(harness)
        check_books(found)
        assert found.value("fastopts_writer_state", state="waiting") == 1
        assert found.value("fastopts_ticks_pending") > 0
        assert found.value("fastopts_epoch") == 0
        assert "fastopts_redis_round_trip_seconds" not in found.names


async def test_refusals_reconnects_and_failures_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quicken(monkeypatch, metrics_cache_s=0.0)

    async with running_collector(tmp_path, metrics_address=ANYWHERE) as harness:
        await harness.covered()
        harness.collector.table.inlet(9).message(b"{", 0)
        assert harness.collector.table.mark_suspect(harness.venue.symbols[0])
        harness.venue.faults.rest["/v5/market/tickers"] = (500, "no")
        driver = harness.collector.universe.driver
        asking = asyncio.create_task(harness.collector.universe.warm_up())
        await until(lambda: driver.failures > 0)
        asking.cancel()
        found = await scraped(harness)
        assert found.value("fastopts_messages_rejected_total", reason="not_json") == 1
        assert found.value("fastopts_suspects_total") == 1
        assert found.value("fastopts_rest_failures_total") == driver.failures
        await harness.venue.drop()
        await until(lambda: harness.collector.connections[0].reconnects == 1)
        assert (await scraped(harness)).value("fastopts_reconnects_total") == 1


@pytest.mark.parametrize("anyio_backend", LOOPS)
async def test_hostile_scrapes_cost_no_tick(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_collector(tmp_path, metrics_address=ANYWHERE) as harness:
        await harness.covered()
        assert harness.collector.metrics is not None
        port = harness.collector.metrics.port
        slow = [await asyncio.open_connection("127.0.0.1", port) for _ in range(10)]
        for _, writer in slow:
            writer.write(REQUEST[:20])
        for _ in range(10):
            await asyncio.gather(*(ask(port, HOSTILE[name]) for name in ("zeros", "POST")))
            await asyncio.gather(*(ask(port, b"\r\n\r\n") for _ in range(100)))
        assert not harness.running.done()
        await harness.covered()
        await harness.equal()
        harness.check_books()
        for _, writer in slow:
            writer.close()
        assert harness.collector.table.received == harness.venue.sent
        assert harness.collector.connections[0].reconnects == 0
    assert "Traceback" not in caplog.text


async def test_a_scrape_that_fails_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> Iterator[Metric]:
        raise OSError(24, "no descriptor is left")

    async with running_collector(tmp_path, metrics_address=ANYWHERE) as harness:
        await harness.covered()
        assert harness.collector.metrics is not None
        monkeypatch.setattr("fastopts.collector.operation.exposition._process", fail)
        head, _ = await ask(harness.collector.metrics.port)
        assert head.startswith(b"HTTP/1.1 500 ")
        monkeypatch.undo()
        await scraped(harness)
        await harness.equal()


async def test_a_port_in_use_is_one_line_at_the_start(tmp_path: Path) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        process = start(
            *("--venue", "sim", "--rest-url", "http://127.0.0.1:1"),
            *("--ws-url", "ws://127.0.0.1:1/x", "--metrics-port", str(port)),
            cwd=tmp_path,
        )
        code, _, err = await asyncio.to_thread(finish, process)
    assert code == 2
    told = re.findall(r"^fastopts: .*", err, re.MULTILINE)
    assert len(told) == 1
    assert f"--metrics-port: cannot listen on 127.0.0.1, port {port}: " in told[0]
    assert "Traceback" not in err


async def test_without_its_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("exposition", "metrics_server"):
        monkeypatch.delitem(sys.modules, f"fastopts.collector.operation.{name}", raising=False)
    with without("prometheus_client"), pytest.raises(ConfigError) as caught:
        Collector(
            Settings(venue="sim", metrics_address=ANYWHERE),
            Endpoints("sim", "http://127.0.0.1:1", "ws://127.0.0.1:1/x"),
            Address("127.0.0.1", 1),
            "fastopts-tests",
        )
    told = str(caught.value)
    assert told.startswith("--metrics-port: prometheus_client is not installed: pip install '")
    assert "'prometheus-client" in told


def test_unused_features_are_not_imported(tmp_path: Path) -> None:
    # `fastopts.track` imports the collector when it starts one.
    words = "import sys, fastopts.track, fastopts.collector.run"
    (tmp_path / "loads.py").write_text(f"{words}; print(*sys.modules)")
    code, out, err = finish(start(cwd=tmp_path, module="loads"))
    assert code == 0, err
    loaded = out.split()
    assert "fastopts.collector.run" in loaded
    for name in (
        "prometheus_client",
        "websockets.asyncio.server",
        "fastopts.collector.operation.exposition",
    ):
        assert name not in loaded


def test_names_are_as_prometheus_wants_them() -> None:
    for family in everything().families.values():
        assert re.fullmatch(r"(fastopts|process)(_[a-z]+)+", family.name)
        assert family.documentation.endswith(".")
        assert family.type in ("counter", "gauge", "histogram")
        for sample in family.samples:
            assert sample.name.endswith("_total") == (family.type == "counter")
