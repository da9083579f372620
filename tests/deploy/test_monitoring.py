"""Alerts and dashboard query metrics that are exported, and Prometheus can read them."""

import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.collector.scrapes import everything
from tests.deploy.files import DEPLOY, SERVE_METRICS, dashboard, metrics_in, read_yaml, rules
from tests.support.programs import missing

TOLD = everything().names | SERVE_METRICS.keys()
PANELS = [panel for panel in dashboard()["panels"] if panel["type"] != "row"]
ROWS = [panel for panel in dashboard()["panels"] if panel["type"] == "row"]
MUST_ALERT = {
    *("FeedDown", "NobodyWrites", "CoverageLow", "TicksOld", "RedisSlow", "PendingGrows"),
    *("MessagesRejected", "ReconnectStorm", "Suspects", "LoopLate", "CollectorDown", "ServeDown"),
    *("ConnectionLate", "DutyOverdue", "InstrumentsSkipped"),
    *("RecordingStopped", "FramesNotRecorded"),
}


@pytest.mark.parametrize("rule", rules(), ids=lambda rule: rule["alert"])
def test_each_alert_queries_existing_metrics_and_explains_itself(rule: dict[str, Any]) -> None:
    asked = metrics_in(rule["expr"])
    assert asked or rule["expr"].startswith("up{")
    assert asked <= TOLD
    assert rule["labels"]["severity"] in ("warning", "critical")
    assert set(rule["annotations"]) == {"summary", "description"}
    assert all(text.endswith(".") for text in rule["annotations"].values())


def test_every_trouble_has_its_alert() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(set(names)) == len(names)
    assert {f"Fastopts{name}" for name in MUST_ALERT} <= set(names)


def test_alerts_name_jobs_that_are_scraped() -> None:
    jobs = {job["job_name"] for job in read_yaml("prometheus/prometheus.yml")["scrape_configs"]}
    assert jobs == {"fastopts-collector", "fastopts-serve"}
    for rule in rules():
        if rule["expr"].startswith("up{"):
            assert any(f'job="{job}"' in rule["expr"] for job in jobs)


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_each_panel_queries_existing_metrics_and_has_a_unit(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["datasource"]["uid"] == "${datasource}"
    assert panel["targets"]
    for target in panel["targets"]:
        assert metrics_in(target["expr"]), target["expr"]
        assert metrics_in(target["expr"]) <= TOLD
        assert target["datasource"]["uid"] == "${datasource}"
    unit = panel["fieldConfig"]["defaults"].get("unit") or panel["options"]["yAxis"]["unit"]
    seconds = any("_seconds_bucket" in target["expr"] for target in panel["targets"])
    assert not seconds or unit == "s"


def test_the_dashboard_shows_every_figure_of_the_collector_and_of_the_api() -> None:
    asked = {
        name
        for panel in PANELS
        for target in panel["targets"]
        for name in metrics_in(target["expr"])
    }
    left_out = {
        *("fastopts_build_info", "fastopts_epoch", "fastopts_messages_received_total"),
        "fastopts_serve_redis_seconds",
    }
    ends = ("_sum", "_count")
    assert {name for name in TOLD if not name.endswith(ends)} - asked <= left_out


def test_the_dashboard_is_in_rows_and_nothing_overlaps() -> None:
    assert len(ROWS) >= 5
    ids = [panel["id"] for panel in dashboard()["panels"]]
    assert len(set(ids)) == len(ids)
    taken = Counter(
        (x, y)
        for panel in dashboard()["panels"]
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    )
    assert max(taken.values()) == 1
    assert max(x for x, _ in taken) < 24


def test_the_dashboard_takes_any_data_source_and_instance() -> None:
    variables = {each["name"]: each for each in dashboard()["templating"]["list"]}
    assert variables["datasource"]["type"] == "datasource"
    assert metrics_in(variables["instance"]["definition"]) <= TOLD


def promtool(*words: str, cwd: Path) -> None:
    program = shutil.which("promtool")
    if program is None:
        pytest.skip(missing("promtool"))
    done = subprocess.run(
        [program, *words], capture_output=True, text=True, cwd=cwd, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_can_read_its_files() -> None:
    promtool("check", "rules", "alerts.yml", cwd=DEPLOY / "prometheus")
    promtool("check", "config", "--syntax-only", "prometheus.yml", cwd=DEPLOY / "prometheus")


def test_alerts_fire_when_they_should_and_not_before(tmp_path: Path) -> None:
    for path in (DEPLOY / "prometheus/alerts.yml", Path(__file__).parent / "alerts_test.yml"):
        shutil.copy(path, tmp_path)
    promtool("test", "rules", "alerts_test.yml", cwd=tmp_path)
