"""CPU profile of the collector under one of the loads, by `perf`."""

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
HERTZ = 1999  # not a divisor of a second: no lockstep with periodic work
WARM_UP_S = 2
PAUSE_S = 60  # for a profiler that is started by hand


def run(load: Load, symbols: int, certificate: Path) -> None:
    """Print the functions with the most CPU time, kernel and interpreter included.

    Without perf, keep the collector under load for PAUSE_S and print its process ID.
    """
    program = shutil.which("perf")
    with Session(plan.FASTOPTS, symbols, certificate if load.is_tls else None) as session:
        session.start(load.rate)
        time.sleep(WARM_UP_S)
        pid = str(session.client.pid)
        if program is None:
            print(f"perf not found; run within a minute: py-spy top --native --pid {pid}")
            time.sleep(PAUSE_S)
            return
        with tempfile.NamedTemporaryFile() as data:
            record = [program, "record", "-q", "-F", str(HERTZ), "-p", pid, "-o", data.name]
            subprocess.run([*record, "--", "sleep", str(SECONDS)], check=True)
            # By library and function: the kernel, the interpreter and the core stay apart.
            report = [program, "report", "-i", data.name, "--stdio", "--percent-limit", "0.7"]
            subprocess.run([*report, "--sort", "dso,symbol"], check=True)
