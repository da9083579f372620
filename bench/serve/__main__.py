"""`python -m bench.serve`: measure the server and compare the figures with the goals."""

import argparse
import sys

from bench import machine, table
from bench.report import Report
from bench.serve import report as serve
from bench.serve.plan import FULL, QUICK


def main() -> None:
    """Run the bench with the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.serve", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smoke test, half a minute")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    arguments = parser.parse_args()
    report = Report(arguments.json)
    report.add("machine", facts := machine.describe(), table.machine(facts))
    sys.exit(report.end(serve.measure(QUICK if arguments.quick else FULL, report)))


if __name__ == "__main__":
    main()
