"""Fuzz every target for a while: `python -m tests.fuzz`, or `make fuzz` for edges as a guide.

A target runs in a process of its own. What crashes it, or is judged in two ways, goes into the
corpus.
"""

import argparse
import hashlib
import json
import os
import re
import shlex
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from bench import results
from tests.fuzz.build import FOLDER, ROOT
from tests.fuzz.corpus import FOUND

NAMES = ("ticker", "frames", "reply", "inlet", "records", "batch")
SPARE_S = 120.0  # to build, to start and to finish what was begun
INPUT = re.compile(r"input (?:\(then those before it\) )?([0-9a-f]+)")
WHAT = (
    "Mutated inputs, each placed beside a page that faults. The scans ticker, frames and reply: an"
    " oracle in C checks what ticker accepts and all that reply says, the pure twin, websockets or"
    " hiredis a part of it. The objects inlet, records and batch: the pure twin checks every input."
)


def main() -> None:
    arguments = _arguments()
    environ = _environ()
    done = {name: _run(name, arguments, environ) for name in arguments.targets}
    if arguments.json:
        _write(arguments, {name: told for name, told in done.items() if told})
    sys.exit(0 if all(done.values()) else 1)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument(
        "targets", nargs="*", default=NAMES, metavar="TARGET", help=", ".join(NAMES)
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60.0, help="of each target")
    parser.add_argument("--executions", type=int, default=10**12, help="of each target, at most")
    parser.add_argument("--found", type=Path, default=FOUND, help="where such inputs are kept")
    parser.add_argument("--json", type=Path, help="where the figures go")
    return parser.parse_args()


def _environ() -> dict[str, str]:
    """The environment, with the edge counter preloaded if the code under test is instrumented."""
    [scan] = (ROOT / "fastopts" / "core").glob(f"ticker{sysconfig.get_config_var('EXT_SUFFIX')}")
    if b"__sanitizer_cov_trace_pc" not in scan.read_bytes():
        return dict(os.environ)
    FOLDER.mkdir(parents=True, exist_ok=True)
    library, source = FOLDER / "edges.so", Path(__file__).parent / "edges.c"
    subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, source], check=True)
    return os.environ | {"LD_PRELOAD": str(library)}


def _run(name: str, arguments: argparse.Namespace, environ: dict[str, str]) -> dict[str, Any]:
    """The figures of one target; nothing when it crashed, hung or found a difference."""
    limits = [str(arguments.seconds), str(arguments.executions)]
    command = [sys.executable, "-m", "tests.fuzz.worker", name, str(arguments.seed), *limits]
    try:
        worker = subprocess.run(
            command,
            env=environ,
            capture_output=True,
            text=True,
            timeout=arguments.seconds + SPARE_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        print(f"{name}: does not end; repeat it: {shlex.join(command[1:])}")
        return {}
    if worker.returncode:
        print(f"{name}: status {worker.returncode}: {worker.stderr.strip()}")
        print(f"repeat it: {shlex.join(command[1:])}")
        _keep(name, worker.stderr, arguments.found)
        return {}
    told: dict[str, Any] = json.loads(worker.stdout.splitlines()[-1])
    print(_line(told), flush=True)
    return told


def _keep(name: str, told: str, folder: Path) -> None:
    found = INPUT.search(told)
    if found is None:
        return
    data = bytes.fromhex(found[1])
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}-{hashlib.sha256(data).hexdigest()[:12]}.bin"
    path.write_bytes(data)
    print(f"its input: {path}")


def _line(told: dict[str, Any]) -> str:
    edges = "" if told["edges"] is None else f", {told['edges']} edges"
    return (
        f"{told['target']}: {told['executions']:,} executions in {told['seconds']:.0f} s,"
        f" {told['compared_with_twin']:,} compared with the twin{edges}, no difference"
    )


def _write(arguments: argparse.Namespace, done: dict[str, dict[str, Any]]) -> None:
    totals = {
        total: round(sum(told[total] for told in done.values()))
        for total in ("executions", "compared_in_c", "compared_with_twin", "seconds")
    }
    failed = [name for name in arguments.targets if name not in done]
    limits = f"--seconds {arguments.seconds:g} --executions {arguments.executions}"
    command = f"python -m tests.fuzz --seed {arguments.seed} {limits}"
    told = {"failed": failed, "crashes_and_differences": len(failed), **totals, "targets": done}
    results.write(arguments.json, WHAT, command, arguments.seed, told)


if __name__ == "__main__":
    main()
