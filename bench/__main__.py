"""`python -m bench`: measure everything in one run, and print it beside the goals."""

import argparse
import dataclasses
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import burst, goals, latency, machine, memory, plan, profile, redis_cost, table
from bench.plan import FULL, QUICK, Plan
from bench.reader import report as reader
from bench.report import Report
from bench.serve import report as serve
from fastopts.sim import tls


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run, about a minute")
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
        bench = Bench(given.symbols, Report(given.json))
        sys.exit(bench.measure(chosen, Path(folder), with_rest=not given.only))


class Bench:
    """Measures part after part, and gathers their goals."""

    def __init__(self, symbols: int, report: Report) -> None:
        self._symbols = symbols
        self._report = report
        self._goals: list[goals.Goal] = []
        self._loads: plan.Measured = {}

    def measure(self, chosen: Plan, folder: Path, with_rest: bool) -> int:
        """Return the exit code."""
        facts = machine.describe()
        self._report.add("machine", facts, f"{table.machine(facts)}\n\n{table.LEGEND}")
        self._attempt("loads", lambda: self._all_loads(chosen, folder))
        if with_rest:
            self._rest(chosen, folder)
        return self._report.end(self._goals)

    def _attempt(self, name: str, measure: Callable[[], list[goals.Goal]]) -> None:
        self._goals += self._report.attempt(name, measure)

    def _all_loads(self, chosen: Plan, folder: Path) -> list[goals.Goal]:
        return goals.of_loads(plan.run(chosen, self._symbols, folder, self._load))

    def _load(self, title: str, figures: dict[str, plan.Figures]) -> None:
        self._loads[title] = figures
        self._report.add("loads", self._loads, table.load(title, self._symbols, figures))

    def _rest(self, chosen: Plan, folder: Path) -> None:
        self._attempt("burst", lambda: self._burst(chosen))
        if chosen.measures_memory:
            self._attempt("memory", lambda: self._memory(folder))
        self._attempt("latency", lambda: self._latency(chosen))
        self._attempt("redis", lambda: self._redis(chosen))
        self._goals += reader.measure(chosen.reading, self._report)
        self._goals += serve.measure(chosen.serving, self._report)

    def _burst(self, chosen: Plan) -> list[goals.Goal]:
        found = burst.run(plan.FASTOPTS, chosen.burst_s)
        self._report.add("burst", found, table.burst(found))
        return goals.of_burst(found)

    def _memory(self, folder: Path) -> list[goals.Goal]:
        sizes = memory.run((plan.FASTOPTS, plan.RIVAL, plan.BASELINE), folder)
        self._report.add("memory", sizes, table.memory(sizes, memory.SYMBOLS))
        return goals.of_memory(sizes[plan.FASTOPTS.name][1])

    def _latency(self, chosen: Plan) -> list[goals.Goal]:
        ways = (plan.FASTOPTS, plan.FASTOPTS_AT_ONCE, plan.FASTOPTS_CLOCK)
        delays = latency.run(ways, chosen.latency_s)
        self._report.add("latency", delays, table.latency(delays))
        return goals.of_latency(delays[plan.FASTOPTS.name], delays[plan.FASTOPTS_AT_ONCE.name])

    def _redis(self, chosen: Plan) -> list[goals.Goal]:
        cost = redis_cost.compare(chosen.redis_rounds)
        self._report.add("redis", cost, table.redis(cost))
        return goals.of_redis(cost)


if __name__ == "__main__":
    main()
