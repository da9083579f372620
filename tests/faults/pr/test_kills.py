"""A collector that is killed while it writes leaves nothing torn, and its successor mends it."""

import itertools
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.faults.pr import kills
from tests.support.processes import environ
from tests.support.store import SHORT, Store

ROOT = Path(__file__).parents[3]
KILLS = 100


def test_PR_03_two_hundred_kills_in_the_middle_of_writing_leave_nothing_torn(
    tmp_path: Path,
) -> None:
    apart = 0
    for seed in itertools.count(1):
        apart += figures_of(tmp_path / "kills.json", seed)["apart"]
        if seed >= 2 and apart:  # some came between a symbol's hash and its record
            break
        assert seed < 10


def figures_of(path: Path, seed: int) -> dict[str, int]:
    words = ("--kills", str(KILLS), "--seed", str(seed), "--json", str(path))
    command = [sys.executable, "-m", "tests.faults.pr.kills", *words]
    subprocess.run(command, check=True, cwd=ROOT, env=environ(), timeout=100)
    report = json.loads(path.read_text())
    assert report.keys() == {"what", "command", "machine", "commit", "date", "seed", "figures"}
    found: dict[str, int] = report["figures"]
    assert found["kills"] == KILLS
    assert min(found["hashes"], found["records"]) > KILLS * len(kills.SYMBOLS) / 2
    wrong = ("torn", "never_sent", "went_back", "not_converged")
    assert {name: found[name] for name in wrong} == dict.fromkeys(wrong, 0)
    assert found["converged"] == KILLS // kills.CONVERGE_EVERY
    return found


def test_PR_03_the_check_detects_a_torn_hash_and_one_that_was_never_sent(
    store: Store,
) -> None:
    store.client.flushall()
    killing = kills.Killing(store.client.get_connection_kwargs()["port"], seed=1)
    killing._run = 1
    number = str(kills.RUN_NUMBERS + 1)
    whole: dict[Any, Any] = dict.fromkeys((*SHORT.values(), *kills.TIMES, "sq"), number)
    store.client.hset(f"option:{kills.SYMBOLS[0]}", mapping=whole | {"mp": "7"})
    store.client.hset(f"option:{kills.SYMBOLS[1]}", mapping={"mp": number, "ap": number})
    store.client.hset(f"option:{kills.SYMBOLS[2]}", mapping=whole)
    killing._look()
    killing.close()
    assert killing.figures.torn == 2
    assert killing.figures.never_sent >= 1  # the run has ticked nothing yet
    assert killing.figures.without_expiry == 3
