"""Writes what a run has shown to `reliability/`, with all that is needed to repeat it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import machine

__all__ = ("write",)


def write(path: Path, what: str, command: str, seed: int | None, figures: dict[str, Any]) -> None:
    """Write *figures* to *path*: *what* they are, and the *command* that makes them anew."""
    where = machine.describe()
    result = {
        "what": what,
        "command": command,
        "machine": ", ".join(where[name] for name in ("CPU", "kernel", "Python")),
        "commit": where["commit"],
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "seed": seed,
        "figures": figures,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1) + "\n")
