"""`python -m bench`: measure everything in one run, and print it beside the goals."""

import argparse
import dataclasses
import json
import tempfile
from pathlib import Path
from typing import Any

from bench import burst, goals, machine, memory, plan, profile, redis_cost, table
from bench.plan import FULL, QUICK, Plan
from fastopts.sim import tls


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run, under a minute")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--symbols", type=int, default=1500, help="of the flat and paced loads")
    parser.add_argument("--rounds", type=int, help="each with new processes")
    parser.add_argument("--only", default="", help="loads whose title contains this, nothing else")
    parser.add_argument(
        "--profile", action="store_true", help="profile the collector, under --only"
    )
    given = parser.parse_args()
    chosen = QUICK if given.quick else FULL
    chosen = dataclasses.replace(
        chosen,
        rounds=given.rounds or chosen.rounds,
        loads=tuple(load for load in chosen.loads if given.only in load.title),
    )
    with tempfile.TemporaryDirectory(prefix="fastopts-bench-") as folder:
        tls.make(Path(folder))
        if given.profile:
            profile.run(chosen.loads[0], given.symbols, Path(folder))
            return
        report = Report(given.symbols, given.json)
        report.measure(chosen, Path(folder), with_rest=not given.only)


class Report:
    """Prints each part as soon as it is there; or, as JSON, all of it at the end."""

    def __init__(self, symbols: int, is_json: bool) -> None:
        self._symbols = symbols
        self._is_json = is_json
        self._parts: dict[str, Any] = {}
        self._goals: list[goals.Goal] = []

    def measure(self, chosen: Plan, folder: Path, with_rest: bool) -> None:
        self._add("machine", facts := machine.describe(), table.machine(facts))
        measured = plan.run(chosen, self._symbols, folder, self._load)
        self._goals += goals.of_loads(measured)
        if with_rest:
            self._rest(chosen, folder)
        self._add("goals", list(map(_goal, self._goals)), table.goals(self._goals))
        if self._is_json:
            print(json.dumps(self._parts, indent=1, default=dataclasses.asdict))

    def _load(self, title: str, figures: dict[str, plan.Figures]) -> None:
        loads = self._parts.get("loads", {}) | {title: figures}
        self._add("loads", loads, table.load(title, self._symbols, figures))

    def _rest(self, chosen: Plan, folder: Path) -> None:
        found = burst.run(plan.FASTOPTS, chosen.burst_s)
        self._goals += goals.of_burst(found)
        self._add("burst", found, table.burst(found))
        if chosen.measures_memory:
            sizes = memory.run((plan.FASTOPTS, plan.RIVAL, plan.OLD_WAY), folder)
            self._goals += goals.of_memory(sizes[plan.FASTOPTS.name][1])
            self._add("memory", sizes, table.memory(sizes, memory.SYMBOLS))
        cost = redis_cost.compare(chosen.redis_rounds)
        self._goals += goals.of_redis(cost)
        self._add("redis", cost, table.redis(cost))

    def _add(self, name: str, part: Any, text: str) -> None:
        self._parts[name] = part
        if not self._is_json:
            print(f"{text}\n", flush=True)


def _goal(goal: goals.Goal) -> dict[str, Any]:
    return dataclasses.asdict(goal) | {"is_met": goal.is_met}


if __name__ == "__main__":
    main()
