"""The result of a run, as RELIABILITY.md is made from it: a file each in `reliability/`."""

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
    path: Path, what: str, command: str, seed: int | None, figures: Mapping[str, Any]
) -> None:
    """Write *figures* to *path*: *what* they are, and the *command* that makes them anew.

    Names of figures end with their units.
    """
    where = describe()
    result = {
        "what": what,
        "command": command,
        "machine": ", ".join(where[name] for name in ("CPU", "kernel", "Python", "server")),
        "commit": where["commit"],
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "seed": seed,
        "figures": dict(figures),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        file.write(json.dumps(result, indent=1).encode() + b"\n")


def end(figures: Mapping[str, Any], faults: Sequence[str]) -> NoReturn:
    """Print *figures* and the first of the *faults*, and exit: with 1 if there are any."""
    width = max(map(len, figures))
    for name, figure in figures.items():
        print(f"{name:{width}} {figure}")
    for fault in faults[:FAULTS_SHOWN_MAX]:
        print(fault, file=sys.stderr)
    sys.exit(bool(faults))
