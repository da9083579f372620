"""The command as a user starts it: in this process, or in one of its own.

An interpreter with the command's imports takes most of a second, and more on a busy machine. So
`fastopts` calls the command's `main` here. `fastopts_process` and `start` are for what only a
process shows: signals, pipes, closed streams, variables that are read at import.
"""

import contextlib
import io
import json
import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from fastopts.cli.__main__ import main
from tests.support import processes

__all__ = ("Done", "Stream", "call", "diagnose", "fastopts", "fastopts_process", "start")


class Done(NamedTuple):
    """The exit code of a command, and what it wrote."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """What it printed as JSON, one object a line."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def rows(self) -> list[list[str]]:
        """What it printed as a table: the cells of each line."""
        return [re.split(r" {2,}", line.strip()) for line in self.out.splitlines()]


class Stream(io.TextIOWrapper):
    """A standard stream, with a file as a log handler needs it; a terminal if *is_terminal*."""

    def __init__(self, is_terminal: bool = False) -> None:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with this wrapper
        super().__init__(file, encoding="utf-8")
        self._is_terminal = is_terminal
        # the command leads its own descriptor to the null device when a write has failed
        self._reading = os.dup(file.fileno())

    def isatty(self) -> bool:
        return self._is_terminal

    def close(self) -> None:
        if not self.closed:
            os.close(self._reading)
        super().close()

    @property
    def text(self) -> str:
        """All that was written."""
        self.flush()
        return os.pread(self._reading, 1 << 30, 0).decode()


def call(
    *words: str,
    cwd: Path,
    out: Stream,
    err: Stream,
    program: Callable[[Sequence[str]], int] = main,
    **variables: str,
) -> int:
    """Call the `main` of *program* with these streams, working directory and environment."""
    with (
        mock.patch.dict(os.environ, processes.environ(**variables), clear=True),
        contextlib.chdir(cwd),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        return program(words)


def fastopts(*words: str, cwd: Path, **variables: Any) -> Done:
    """Run the command in this process."""
    with Stream() as out, Stream() as err:
        code = call(*words, cwd=cwd, out=out, err=err, **variables)
        return Done(code, out.text, err.text)


start = partial(processes.start, module="fastopts.cli")


def fastopts_process(*words: str, cwd: Path, **variables: str) -> Done:
    """Run the command in a process of its own."""
    with start(*words, cwd=cwd, **variables) as process:
        try:
            out, err = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
    return Done(process.returncode, out, err)


def diagnose(
    *words: str, cwd: Path, run: Callable[..., Done] = fastopts, **variables: Any
) -> dict[str, dict[str, Any]]:
    """Return the findings of `fastopts doctor` by check.

    Checked for all of them: a yellow or red finding has a remedy, and the exit code fits.
    """
    done = run("doctor", "--json", *words, cwd=cwd, **variables)
    assert done.err == ""
    report = json.loads(done.out)
    findings = {finding.pop("check"): finding for finding in report["checks"]}
    is_red = any(finding["level"] == "red" for finding in findings.values())
    assert (done.code, report["ok"]) == (int(is_red), not is_red)
    for finding in findings.values():
        assert bool(finding["remedy"]) == (finding["level"] in ("yellow", "red")), finding
    return findings
