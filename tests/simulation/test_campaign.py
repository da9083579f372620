"""A few hundred seeds; whether they meet what they are to meet; whether they repeat."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.simulation.campaign import Campaign
from tests.simulation.faults import FAULTS

SEEDS = 60  # each kind of fault has its turn
REACHED = (
    *("Pong", "Probe", "TopicRefused", "Dead silent", "Dead pings"),
    *("older", "conflated", "vanished", "deltas", "bad_fields", "written"),
    *("ended by CancelledError", "ended by LeaseLost"),
    *(f"rejected {why}" for why in ("not_utf8", "not_json", "duplicate_key", "bad_symbol")),
    *(f"rejected {why}" for why in ("no_data", "symbol_mismatch", "bad_ts", "bad_type")),
    *("rejected unknown_symbol", "rejected delta_without_base"),
)


def start(path: Path, first: int, **environ: str) -> subprocess.Popen[str]:
    told = ("--from", str(first), "--seeds", str(SEEDS), "--jobs", "1", "--json", str(path))
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.simulation", *told],
        env=os.environ | {"PYTHONHASHSEED": "0"} | environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def figures(running: subprocess.Popen[str], path: Path) -> dict[str, Any]:
    with running:
        output, _ = running.communicate()
    assert running.returncode == 0, output
    found: dict[str, Any] = json.loads(path.read_text())["figures"]
    return found


@pytest.fixture(scope="module")
def campaigns(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[dict[str, Any]]]:
    """The same seeds on the compiled core and on its twin."""
    paths = [tmp_path_factory.mktemp("simulation") / f"{name}.json" for name in ("c", "pure")]
    runs = [start(paths[0], 0), start(paths[1], 0, FASTOPTS_PURE="1")]
    try:
        yield [figures(running, path) for running, path in zip(runs, paths, strict=True)]
    finally:
        for running in runs:
            running.kill()


def test_every_promise_is_kept(campaigns: list[dict[str, Any]]) -> None:
    for found in campaigns:
        assert (found["seeds"], found["violations"]) == (SEEDS, 0)


def test_both_cores_come_to_the_same_end(campaigns: list[dict[str, Any]]) -> None:
    compiled, pure = campaigns
    assert compiled["fingerprint"] == pure["fingerprint"]
    assert compiled["reached"] == pure["reached"]


def test_the_seeds_meet_every_fault_and_reach_every_rule(campaigns: list[dict[str, Any]]) -> None:
    found = campaigns[0]
    assert found["faults"].keys() == FAULTS.keys()
    assert not [name for name in REACHED if not found["reached"].get(name)]


def test_nothing_is_published_of_no_seeds() -> None:
    assert Campaign().figures()["seeds"] == 0
