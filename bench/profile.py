"""Where the collector's CPU goes: `perf` on the real process, under one of the loads."""

import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from bench import plan
from bench.plan import Load
from bench.session import Session

__all__ = ("run",)

SECONDS = 10
HERTZ = 1999


def run(load: Load, symbols: int, certificate: Path) -> None:
    """Print the functions that cost most, kernel and interpreter included."""
    program = shutil.which("perf")
    with Session(plan.FASTOPTS, symbols, certificate if load.is_tls else None) as session:
        session.start(load.rate)
        time.sleep(2)
        pid = str(session.client.pid)
        if program is None:
            print(f"there is no perf here; try py-spy top --native --pid {pid}, for a minute")
            time.sleep(60)
            return
        with tempfile.NamedTemporaryFile() as data:
            record = [program, "record", "-q", "-F", str(HERTZ), "-p", pid, "-o", data.name]
            subprocess.run([*record, "--", "sleep", str(SECONDS)], check=True)
            report = [program, "report", "-i", data.name, "--stdio", "--percent-limit", "0.7"]
            subprocess.run([*report, "--sort", "dso,symbol"], check=True)
