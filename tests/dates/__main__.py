"""Run the tests that use the real date under other dates and hours: `make dates`.

Each moment is a run of pytest whose wall clock begins there; servers and other children share it.
Further arguments go to pytest: `python -m tests.dates --at 2028-02-29T07:45 -- -x tests/reader`.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from tests.dates.shift import environ

# Where the calendar has its edges: the hour before and after delivery at 08:00, ends of months,
# quarters and years, a leap day, the clock changes of Europe and America, each day of the week.
MOMENTS = (
    "2026-11-30T12:33",
    "2026-12-24T07:25",
    "2026-12-31T23:58",
    "2027-01-01T07:45",
    "2027-01-29T07:59",
    "2027-02-28T08:00:30",
    "2027-03-14T09:58",
    "2027-03-26T07:31",
    "2027-04-24T20:00",
    "2027-06-25T08:29",
    "2027-08-31T00:01",
    "2027-10-31T00:59",
    "2028-02-29T07:25",
    "2028-02-29T12:00",
)
# Left out is only what never sees the date: pure functions of bytes and numbers, sockets, files.
LEFT_OUT = (
    *("bench", "chaos", "core", "dates", "deploy", "fuzz", "mutants", "native", "net"),
    *("test_layers.py", "test_purity.py", "test_keys.py", "test_secrets.py"),
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.dates", description=__doc__)
    parser.add_argument("--at", action="append", help="a moment, in UTC; may be repeated")
    parser.add_argument("pytest", nargs="*", help="arguments of pytest, after --")
    given = parser.parse_args()
    sys.exit(run(given.at or MOMENTS, given.pytest))


def run(moments: tuple[str, ...] | list[str], arguments: list[str]) -> int:
    """Return the number of moments at which a test failed."""
    failed = 0
    for text in moments:
        moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
        print(f"== {moment:%a %d %b %Y %H:%M:%S} UTC", flush=True)
        with tempfile.TemporaryDirectory(prefix="fastopts-dates-") as folder:
            shifted = environ(moment.timestamp() - time.time(), Path(folder))
            code = subprocess.run(command(arguments), env=shifted, check=False).returncode
        failed += code != 0
    print(f"{len(moments) - failed} of {len(moments)} moments passed")
    return failed


def command(arguments: list[str]) -> list[str]:
    pytest = [sys.executable, "-m", "pytest", "--numprocesses", "2", "--dist", "worksteal"]
    if not any(argument.startswith("tests") for argument in arguments):
        pytest += ["tests", *(f"--ignore=tests/{name}" for name in LEFT_OUT)]
    return [*pytest, *arguments]


if __name__ == "__main__":
    main()
