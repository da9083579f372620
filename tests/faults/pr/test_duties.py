"""Periodic duties that stop succeeding while everything else goes on."""

import asyncio
import json
from pathlib import Path

import pytest

from fastopts.collector import run as run_module
from fastopts.net import http
from fastopts.sim import SimSettings
from tests.collector.worlds import until, world
from tests.faults.pr.test_tasks import TASKS

SIM = SimSettings(seed=5, symbols=20, rate=200)
TICKERS, INSTRUMENTS = "/v5/market/tickers", "/v5/market/instruments-info"
DUTIES = {"refresh", "reconciliation", "heartbeat", "rewrite", "listing", "announcing"}


def test_PR_20_every_duty_has_a_time_of_last_success_and_its_task_is_watched(
    tmp_path: Path,
) -> None:
    async def main() -> None:
        async with world(tmp_path, SIM, refresh_s=1.0, reconcile_s=0.1) as w:
            await w.covered()
            assert {duty.name for duty in w.collector.duties} == DUTIES
            soon = DUTIES - {"rewrite"}  # takes a minute
            await until(lambda: all(w.client.hget("stats", f"duty:{name}") for name in soon))
            assert w.client.hget("stats", "overdue") == ""

    asyncio.run(main())
    assert "duties" in TASKS


@pytest.mark.parametrize(("name", "path"), [("reconciliation", TICKERS), ("refresh", INSTRUMENTS)])
def test_PR_20_a_duty_without_success_is_overdue_until_it_succeeds(
    tmp_path: Path,
    name: str,
    path: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(run_module, "RECONCILE_WITHIN_S", 0.5)
    monkeypatch.setattr(run_module, "REFRESH_WITHIN_S", 0.5)
    monkeypatch.setattr("fastopts.collector.duties.LOOK_S", 0.05)
    broken = json.dumps({"retCode": 10016, "retMsg": "busy", "result": {}})

    async def main() -> None:
        async with world(tmp_path, SIM, refresh_s=1.0, reconcile_s=0.1) as w:
            await w.covered()
            w.venue.faults.rest[path] = (200, broken)
            await until(lambda: w.client.hget("stats", "overdue") == name)
            assert f"{name}: given up after 0.5 s" in caplog.text
            assert f"{name} is overdue" in caplog.text
            w.venue.faults.rest.clear()
            await until(lambda: w.client.hget("stats", "overdue") == "")

    asyncio.run(main())
    assert http.ANSWER_WITHIN_S + 15.0 < 60.0  # an exchange ends within the deadline of a duty
