"""Periodic duties that stop succeeding while everything else goes on."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import redis

from fastopts import keys
from fastopts.collector.store.flusher import Flusher
from fastopts.embedded import EmbeddedValkey
from fastopts.net import http
from fastopts.sim import SimSettings
from tests.faults.pr.test_tasks import TASKS
from tests.support.collector_harness import running_collector, until
from tests.support.collector_limits import quicken
from tests.support.scripted_redis import ScriptedCommand, ScriptedRedis
from tests.support.writer_harness import SYMBOLS, RunningWriter, WriterHarness

SIM = SimSettings(seed=5, symbols=20, rate=200)
TICKERS, INSTRUMENTS = "/v5/market/tickers", "/v5/market/instruments-info"
DUTIES = {"refresh", "reconciliation", "heartbeat", "rewrite", "listing", "announcing"}


async def test_PR_20_every_duty_has_a_time_of_last_success_and_its_task_is_watched(
    tmp_path: Path,
) -> None:
    async with running_collector(tmp_path, SIM, refresh_s=1.0, reconcile_s=0.1) as harness:
        await harness.covered()
        assert {duty.name for duty in harness.collector.duties} == DUTIES
        soon = DUTIES - {"rewrite"}  # takes a minute
        await until(lambda: all(harness.client.hget("stats", f"duty:{name}") for name in soon))
        assert harness.client.hget("stats", "overdue") == ""
    assert "duties" in TASKS


@pytest.mark.parametrize(("name", "path"), [("reconciliation", TICKERS), ("refresh", INSTRUMENTS)])
async def test_PR_20_a_duty_without_success_is_overdue_until_it_succeeds(
    tmp_path: Path,
    name: str,
    path: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    quicken(monkeypatch, rest_check_within_s=0.5, refresh_within_s=0.5, duty_poll_s=0.05)
    broken = json.dumps({"retCode": 10016, "retMsg": "busy", "result": {}})

    async with running_collector(tmp_path, SIM, refresh_s=1.0, reconcile_s=0.1) as harness:
        await harness.covered()
        harness.venue.faults.rest[path] = (200, broken)
        await until(lambda: harness.client.hget("stats", "overdue") == name)
        assert f"{name}: timed out after 0.5 s" in caplog.text
        assert f"{name} is overdue" in caplog.text
        harness.venue.faults.rest.clear()
        await until(lambda: harness.client.hget("stats", "overdue") == "")
    assert http.RESPONSE_WITHIN_S + 15.0 < 60.0  # an exchange ends within the deadline of a duty


@pytest.mark.parametrize("name", ["listing", "announcing", "rewrite"])
async def test_PR_20_work_past_its_deadline_is_given_up_with_its_connection(
    valkey: EmbeddedValkey,
    client: redis.Redis,
    name: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Half-read replies are left behind there: the next connection begins with everything."""
    quicken(
        monkeypatch,
        heartbeat_s=0.1,
        listing_count_within_s=0.5,
        denied_again_s=0.5,
        rewrite_every_s=5,
    )
    slow_of: dict[str, Callable[[ScriptedCommand], bool]] = {
        "listing": lambda said: said.command[1].startswith(keys.INSTRUMENT.encode()),
        "announcing": lambda said: said.name == b"PUBLISH",
        "rewrite": lambda said: False,
    }
    is_slow = slow_of[name]

    def script(said: ScriptedCommand) -> bytes:
        if said.connection == 1 and len(said.command) > 1 and is_slow(said):
            time.sleep(0.1 if name == "listing" else 1.5)
        return said.answer

    with ScriptedRedis(valkey.port, script) as scripted, monkeypatch.context() as patch:
        if name == "rewrite":
            patch.setattr(Flusher, "has_caught_up", False)
        async with RunningWriter(WriterHarness(scripted.port)) as harness:
            _, rewriting, *_ = harness.writer.duties
            rewriting.every_s = rewriting.within_s = 1.0
            store = str(client.hget(keys.FEED, "store"))
            subscriber = client.pubsub()  # type: ignore[no-untyped-call]
            subscriber.subscribe(keys.updates(store))
            harness.tick()
            await until(lambda: f"{name} took more than " in caplog.text)
            patch.undo()
            await until(lambda: scripted.accepted == 2 and harness.writer.is_writing)
            harness.tick(markPrice="77")
            await until(lambda: harness.stands_in(client) and not harness.feed.is_behind)
            await until(lambda: client.scard(keys.asset("BTC")) == len(SYMBOLS))
            await until(lambda: not any(duty.is_overdue for duty in harness.writer.duties))
            subscriber.close()
