"""The result of a long run, as RELIABILITY.md is made from it: a file each in `reliability/`."""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.machine import describe
from fastopts.files import replacing

__all__ = ("FOLDER", "record")

FOLDER = Path(__file__).parents[2] / "reliability"


def record(
    name: str, what: str, figures: Mapping[str, Any], *, seed: int | str | None, command: str
) -> Path:
    """Write *figures* to `reliability/{name}.json`, with all that is needed to repeat the run.

    *command* is what a reader types; numbers in *figures* come with their units in their names.
    """
    machine = describe()
    commit = machine.pop("commit")
    result = {
        "what": what,
        "command": command,
        "commit": commit,
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "seed": seed,
        "machine": machine,
        "figures": dict(figures),
    }
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.json"
    with replacing(path) as file:
        file.write(json.dumps(result, indent=1).encode() + b"\n")
    print(f"{path.relative_to(FOLDER.parent)}: {json.dumps(dict(figures))}", file=sys.stderr)
    return path
