"""Processes as a user starts them, and their environment."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

__all__ = ("environ", "finish", "start", "started", "wait_for_line")


def environ(**more: str) -> dict[str, str]:
    """Ours without settings of fastopts or of the terminal, warnings being errors, and *more*."""
    strange = ("FASTOPTS_", "REDIS_", "NO_COLOR", "FORCE_COLOR", "COLUMNS")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(strange)}
    return kept | {"PYTHONWARNINGS": "error"} | more


def start(*words: str, cwd: Path, **variables: str) -> subprocess.Popen[str]:
    """A collector."""
    return subprocess.Popen(
        [sys.executable, "-m", "fastopts.track", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=cwd,
        env=environ(**variables),
    )


@contextmanager
def started(*words: str, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """A collector that does not outlive the block."""
    with start(*words, cwd=cwd) as process:
        try:
            yield process
        finally:
            process.kill()


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    """Wait for its end; return its code and what it still wrote."""
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


def wait_for_line(stream: IO[str] | None, words: str) -> str:
    """Read until a line with *words* comes, and return it."""
    assert stream is not None
    for line in stream:
        if words in line:
            return line
    raise AssertionError(f"the process ended before it said {words!r}")
