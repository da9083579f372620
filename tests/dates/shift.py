"""The environment of processes whose wall clock is another."""

import os
import subprocess
from pathlib import Path

__all__ = ("environ",)

SOURCE = Path(__file__).with_name("clock.c")


def environ(seconds: float, folder: Path) -> dict[str, str]:
    """Ours, for processes whose wall clock is *seconds* ahead; what preloads goes to *folder*."""
    library = folder / "clock.so"
    options = ("-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-ldl")
    subprocess.run(["cc", str(SOURCE), "-o", str(library), *options], check=True)
    before = os.environ.get("LD_PRELOAD", "")
    return os.environ | {
        "LD_PRELOAD": f"{library} {before}".strip(),
        "TESTS_CLOCK_SHIFT_S": str(round(seconds)),
    }
