"""`python -m bench`: measure everything in one run and compare the figures with the goals."""

import argparse
import dataclasses
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench import burst, goals, latency, machine, memory, profile, redis_cost, table
from bench import plan as loads
from bench.plan import FULL, QUICK, Plan
from bench.reader import report as reader
from bench.report import Report
from bench.serve import report as serve
from fastopts.sim import tls


def main() -> None:
    """Run the bench with the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smoke test, about a minute")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--symbols", type=int, default=1500, help="symbols in the loads")
    parser.add_argument("--rounds", type=int, help="number of rounds, each with new processes")
    parser.add_argument("--only", default="", help="run only the loads with this text in the title")
    parser.add_argument(
        "--profile", action="store_true", help="profile the collector under the load of --only"
    )
    arguments = parser.parse_args()
    plan = QUICK if arguments.quick else FULL
    plan = dataclasses.replace(
        plan,
        rounds=arguments.rounds or plan.rounds,
        loads=tuple(load for load in plan.loads if arguments.only in load.title),
    )
    with tempfile.TemporaryDirectory(prefix="fastopts-bench-") as folder:
        # A new certificate for each run: no key of a bench is worth trusting, or storing.
        tls.make(Path(folder))
        if arguments.profile:
            profile.run(plan.loads[0], arguments.symbols, Path(folder))
            return
        bench = Bench(arguments.symbols, Report(arguments.json))
        sys.exit(bench.measure(plan, Path(folder), with_rest=not arguments.only))


class Bench:
    """Measures the parts one after the other, and collects their goals."""

    def __init__(self, symbols: int, report: Report) -> None:
        self._symbols = symbols
        self._report = report
        self._goals: list[goals.Goal] = []
        self._loads: loads.Measured = {}

    def measure(self, plan: Plan, folder: Path, with_rest: bool) -> int:
        """Carry out *plan* and print the report; return the exit code.

        *with_rest*: also the parts that are not loads.
        """
        facts = machine.describe()
        self._report.add("machine", facts, f"{table.machine(facts)}\n\n{table.LEGEND}")
        self._attempt("loads", lambda: self._all_loads(plan, folder))
        if with_rest:
            self._rest(plan, folder)
        return self._report.end(self._goals)

    def _attempt(self, name: str, measure: Callable[[], list[goals.Goal]]) -> None:
        self._goals += self._report.attempt(name, measure)

    def _all_loads(self, plan: Plan, folder: Path) -> list[goals.Goal]:
        return goals.of_loads(loads.run(plan, self._symbols, folder, self._load))

    def _load(self, title: str, figures: dict[str, loads.LoadFigures]) -> None:
        self._loads[title] = figures
        self._report.add("loads", self._loads, table.load(title, self._symbols, figures))

    def _rest(self, plan: Plan, folder: Path) -> None:
        self._attempt("burst", lambda: self._burst(plan))
        if plan.measures_memory:
            self._attempt("memory", lambda: self._memory(folder))
        self._attempt("latency", lambda: self._latency(plan))
        self._attempt("redis", lambda: self._redis(plan))
        self._goals += reader.measure(plan.reading, self._report)
        self._goals += serve.measure(plan.serving, self._report)

    def _burst(self, plan: Plan) -> list[goals.Goal]:
        result = burst.run(loads.FASTOPTS, plan.burst_s)
        self._report.add("burst", result, table.burst(result))
        return goals.of_burst(result)

    def _memory(self, folder: Path) -> list[goals.Goal]:
        sizes = memory.run((loads.FASTOPTS, loads.RIVAL, loads.BASELINE), folder)
        self._report.add("memory", sizes, table.memory(sizes, memory.SYMBOLS))
        return goals.of_memory(sizes[loads.FASTOPTS.name][1])

    def _latency(self, plan: Plan) -> list[goals.Goal]:
        contenders = (loads.FASTOPTS, loads.FASTOPTS_AT_ONCE, loads.FASTOPTS_CLOCK)
        delays = latency.run(contenders, plan.latency_s)
        self._report.add("latency", delays, table.latency(delays))
        return goals.of_latency(delays[loads.FASTOPTS.name], delays[loads.FASTOPTS_AT_ONCE.name])

    def _redis(self, plan: Plan) -> list[goals.Goal]:
        cost = redis_cost.compare(plan.redis_rounds)
        self._report.add("redis", cost, table.redis(cost))
        return goals.of_redis(cost)


if __name__ == "__main__":
    main()
