"""`python -m bench.reader`: measure the reader and compare the figures with the goals."""

import argparse
import dataclasses
import sys

from bench import machine, table
from bench.reader import report as reader
from bench.reader.plan import FULL, QUICK
from bench.report import Report


def main() -> None:
    """Run the bench with the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.reader", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smoke test, less than 30 s")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--rounds", type=int, help="number of rounds; each call has a turn in each")
    arguments = parser.parse_args()
    plan = QUICK if arguments.quick else FULL
    plan = dataclasses.replace(plan, rounds=arguments.rounds or plan.rounds)
    report = Report(arguments.json)
    report.add("machine", facts := machine.describe(), table.machine(facts))
    sys.exit(report.end(reader.measure(plan, report)))


if __name__ == "__main__":
    main()
