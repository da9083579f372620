"""Results of long runs: one JSON file each in `reliability/`, the source of RELIABILITY.md."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

from bench.machine import describe
from fastopts.files import replacing

__all__ = ("FOLDER", "end", "write")

FOLDER = Path(__file__).parents[1] / "reliability"
FAULTS_SHOWN_MAX = 20


def write(
    path: Path, title: str, command: str, seed: int | None, figures: Mapping[str, Any]
) -> None:
    """Write *figures* to *path*, with their *title* and the *command* that reproduces them.

    Names of figures end with their units.
    """
    environment = describe()
    result = {
        "what": title,
        "command": command,
        "machine": ", ".join(environment[name] for name in ("CPU", "kernel", "Python", "server")),
        "commit": environment["commit"],
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "seed": seed,
        "figures": dict(figures),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    # Replaced at once: a run of hours that is interrupted here must not leave half a file.
    with replacing(path) as file:
        file.write(json.dumps(result, indent=1).encode() + b"\n")


def end(figures: Mapping[str, Any], faults: Sequence[str]) -> NoReturn:
    """Print *figures* and the first FAULTS_SHOWN_MAX *faults*; exit with 1 if there are any."""
    width = max(map(len, figures))
    for name, figure in figures.items():
        print(f"{name:{width}} {figure}")
    for fault in faults[:FAULTS_SHOWN_MAX]:
        print(fault, file=sys.stderr)
    sys.exit(bool(faults))
