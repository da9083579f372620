"""`python -m bench.reader`: measure the reader, and print it beside the goals."""

import argparse
import dataclasses
import sys

from bench import machine, table
from bench.reader import report as reader
from bench.reader.plan import FULL, QUICK
from bench.report import Report


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.reader", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run, under half a minute")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--rounds", type=int, help="in each, every call has its turn")
    given = parser.parse_args()
    chosen = QUICK if given.quick else FULL
    chosen = dataclasses.replace(chosen, rounds=given.rounds or chosen.rounds)
    report = Report(given.json)
    report.add("machine", facts := machine.describe(), table.machine(facts))
    sys.exit(report.end(reader.measure(chosen, report)))


if __name__ == "__main__":
    main()
