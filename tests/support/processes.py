"""Processes as a user starts them, and their environment."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final

__all__ = ("SIM_URLS", "environ", "finish", "sim_venue", "start", "started", "wait_for_line")

SIM_URLS: Final = re.compile(r"REST (http\S+); WebSocket (ws\S+)")


def environ(**more: str) -> dict[str, str]:
    """Ours without settings of fastopts or of the terminal, warnings being errors, and *more*."""
    strange = ("FASTOPTS_", "REDIS_", "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(strange)}
    return kept | {"PYTHONWARNINGS": "error"} | more


def start(
    *words: str, cwd: Path, module: str = "fastopts.track", **variables: str
) -> subprocess.Popen[str]:
    """A collector, or what else *module* is."""
    return subprocess.Popen(
        [sys.executable, "-m", module, *words],
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


@contextmanager
def sim_venue(symbols: int = 40, rate: int | None = None) -> Iterator[list[str]]:
    """The arguments with which a collector finds a simulated venue."""
    words = ["--port", "0", "--symbols", str(symbols)]
    if rate is not None:
        words += ["--rate", str(rate)]
    command = [sys.executable, "-m", "fastopts.sim", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environ()) as process:
        assert process.stdout is not None
        found = SIM_URLS.search(process.stdout.readline())
        assert found is not None
        urls = ("--rest-url", found[1], "--ws-url", found[2])
        try:
            yield ["--venue", "sim", *urls, "--coins", "BTC,ETH,SOL,XRP"]
        finally:
            process.terminate()
