"""A worker process: text commands on its stdin, JSON lines on its stdout."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Self

import orjson

from bench.failures import Failed
from fastopts.embedded import end_with_parent

__all__ = ("ROOT", "WorkerProcess", "settle")

ROOT: Final = Path(__file__).parent.parent


class WorkerProcess:
    """Runs *module* with *arguments* on *cores*. A context manager.

    *name* identifies it in errors, instead of the module.
    """

    def __init__(
        self,
        module: str,
        *arguments: str,
        cores: set[int],
        environment: tuple[tuple[str, str], ...] = (),
        name: str = "",
    ) -> None:
        self._name = name or module
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            env=os.environ | dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            preexec_fn=settle(cores),  # noqa: PLW1509 - no other thread holds a lock
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def pid(self) -> int:
        """The process ID."""
        return self._process.pid

    def send(self, line: bytes) -> None:
        """Send a command. Raises Failed if the process has ended."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._exited() from None

    def receive(self) -> Mapping[str, Any]:
        """Return the next line of output. Raises Failed for an error or at the end of output."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self._exited()
        try:
            answer: Mapping[str, Any] = orjson.loads(line)
        except orjson.JSONDecodeError:
            raise Failed(f"{self._name}: not a JSON object: {line[:200]!r}") from None
        # The process has caught the exception: see `bench.failures.reported`.
        if "error" in answer:
            raise Failed(f"{self._name}: {answer['error']}")
        return answer

    def ask(self, line: bytes = b"") -> Mapping[str, Any]:
        """Send *line* and return the answer. Raises Failed."""
        self.send(line)
        return self.receive()

    def end(self) -> None:
        """Kill the process and close its pipes."""
        self._process.kill()
        with contextlib.suppress(BrokenPipeError):  # an unread last command
            self._process.communicate()

    def _exited(self) -> Failed:
        return Failed(f"{self._name}: exited with code {self._process.wait()}")


def settle(cores: set[int]) -> Callable[[], None]:
    """Return a function to run in a child process: bind it to *cores*, end it with its parent."""

    # Otherwise an interrupted bench would leave processes that burn the cores of the next one.
    def prepare() -> None:
        os.sched_setaffinity(0, cores)
        end_with_parent()

    return prepare
