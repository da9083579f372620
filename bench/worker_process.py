"""A worker process: text commands in, JSON lines out."""

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
    """Runs the module named first in *words* on *cores*; *name* identifies it in errors. A context
    manager."""

    def __init__(
        self,
        *words: str,
        cores: set[int],
        environment: tuple[tuple[str, str], ...] = (),
        name: str = "",
    ) -> None:
        self._name = name or words[0]
        self._process = subprocess.Popen(
            [sys.executable, "-m", *words],
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
        return self._process.pid

    def send(self, line: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise Failed(f"{self._name}: it ended with exit code {self._process.wait()}") from None

    def receive(self) -> Mapping[str, Any]:
        """Return the next line of output. Raises Failed for an error or at the end of output."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Failed(f"{self._name}: it ended with exit code {self._process.wait()}")
        try:
            answer: Mapping[str, Any] = orjson.loads(line)
        except orjson.JSONDecodeError:
            raise Failed(f"{self._name}: {line[:200]!r} is not a JSON object") from None
        if "error" in answer:
            raise Failed(f"{self._name}: {answer['error']}")
        return answer

    def ask(self, line: bytes = b"") -> Mapping[str, Any]:
        """Send *line* and return the response."""
        self.send(line)
        return self.receive()

    def end(self) -> None:
        self._process.kill()
        with contextlib.suppress(BrokenPipeError):  # an unread last command
            self._process.communicate()


def settle(cores: set[int]) -> Callable[[], None]:
    """Return a function for the child: bind it to *cores*, and end it with this process."""

    def prepare() -> None:
        os.sched_setaffinity(0, cores)
        end_with_parent()

    return prepare
