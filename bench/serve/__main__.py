"""`python -m bench.serve`: measure the server, and print it beside the goals."""

import argparse
import sys

from bench import machine, table
from bench.report import Report
from bench.serve import report as serve
from bench.serve.plan import FULL, QUICK


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.serve", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a smoke run, half a minute")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    given = parser.parse_args()
    report = Report(given.json)
    report.add("machine", facts := machine.describe(), table.machine(facts))
    sys.exit(report.end(serve.measure(QUICK if given.quick else FULL, report)))


if __name__ == "__main__":
    main()
