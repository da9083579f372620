"""The suite under AddressSanitizer and UndefinedBehaviorSanitizer: `make asan`.

AddressSanitizer reports to files, so that a report of a process that a test started is seen, too;
UndefinedBehaviorSanitizer knows only the standard error, which pytest must leave alone.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import results

__all__ = ("environ", "reports")

# Left out: the faults and the command line, whose limits of time are for code at full speed, and
# pybit, whose pycryptodome is opened with RTLD_DEEPBIND, which the sanitizers refuse.
LEFT_OUT = ("tests/faults", "tests/cli", "tests/sim/test_pybit.py")
COMMAND = (
    *("pytest", "tests", "--timeout", "600", "--capture", "no"),
    *(f"--ignore={path}" for path in LEFT_OUT),
)
RUNTIME_ERROR = re.compile(r".*: runtime error: .*")
COUNT = re.compile(r"(\d+) (passed|failed|error)")


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        suite = subprocess.run(
            [sys.executable, "-m", *COMMAND, *sys.argv[2:]],
            env=environ(Path(folder)),
            capture_output=True,
            text=True,
            check=False,
        )
        found = reports(Path(folder)) + RUNTIME_ERROR.findall(suite.stderr)
    print(suite.stdout, suite.stderr, *found, sep="\n")
    counts = {what: int(count) for count, what in COUNT.findall(suite.stdout[-200:])}
    told = {"sanitizer_reports": len(found), "passed": 0, "failed": 0} | counts
    what = "the test suite on code built with gcc -fsanitize=address,undefined"
    results.write(Path(sys.argv[1]), what, "make asan", None, told)
    sys.exit(suite.returncode or len(found))


def environ(folder: Path) -> dict[str, str]:
    """Ours, for processes that load code with sanitizers; reports come into *folder*."""
    return os.environ | {
        "LD_PRELOAD": " ".join(map(_library, ("libasan.so", "libubsan.so"))),
        "PYTHONMALLOC": "malloc",  # else a small overrun stays within Python's own arena
        # The interpreter's own memory is never freed.
        "ASAN_OPTIONS": f"detect_leaks=0:allocator_may_return_null=1:log_path={folder / 'report'}",
        "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    }


def reports(folder: Path) -> list[str]:
    """What was reported into *folder*, a text for each process."""
    return [path.read_text() for path in sorted(folder.glob("report.*"))]


def _library(name: str) -> str:
    command = ("gcc", f"-print-file-name={name}")
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
