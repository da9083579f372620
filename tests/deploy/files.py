"""The files in deploy/, parsed."""

import json
import re
from pathlib import Path
from typing import Any, Final

import yaml

__all__ = (
    "DEPLOY",
    "SERVE_METRICS",
    "SERVE_REPEATS",
    "dashboard",
    "metrics_in",
    "read_yaml",
    "rules",
    "unit",
)

DEPLOY: Final = Path(__file__).parent.parent.parent / "deploy"

# Those of `fastopts serve`, with their labels: tests/serve/test_prometheus.py holds them to it.
SERVE_METRICS: Final = {
    "fastopts_serve_requests_total": {"route", "status"},
    "fastopts_serve_request_seconds_bucket": {"le"},
    "fastopts_serve_request_seconds_count": set[str](),
    "fastopts_serve_request_seconds_sum": set[str](),
    "fastopts_serve_streams": {"kind"},
    "fastopts_serve_stream_messages_total": set[str](),
    "fastopts_serve_stream_skipped_total": set[str](),
    "fastopts_serve_dropped_total": {"reason"},
    "fastopts_serve_refused_total": {"reason"},
    "fastopts_serve_lockouts_total": set(),
    "fastopts_serve_live_options": set[str](),
    "fastopts_serve_listed_options": set[str](),
    "fastopts_serve_ready": set[str](),
    "fastopts_serve_redis_seconds": set[str](),
}
# Metrics that the collector itself reports better.
SERVE_REPEATS: Final = {
    "fastopts_serve_age_seconds_p50": set[str](),
    "fastopts_serve_age_seconds_p99": set[str](),
    "fastopts_serve_collector_total": {"counter"},
}


def read_yaml(name: str) -> Any:
    return yaml.safe_load((DEPLOY / name).read_text())


def rules() -> list[dict[str, Any]]:
    groups = read_yaml("prometheus/alerts.yml")["groups"]
    return [rule for group in groups for rule in group["rules"]]


def dashboard() -> Any:
    return json.loads((DEPLOY / "grafana/fastopts.json").read_text())


def metrics_in(query: str) -> set[str]:
    """The metrics that a query names: those of fastopts and those of any process."""
    bare = re.sub(r'"[^"]*"', '""', query)
    return set(re.findall(r"\b(?:fastopts|process)_\w+", bare))


def unit(name: str) -> dict[str, list[str]]:
    """The settings of a unit for systemd, each with its values."""
    found: dict[str, list[str]] = {}
    for line in (DEPLOY / "systemd" / name).read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found
