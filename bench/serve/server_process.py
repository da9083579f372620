"""`fastopts serve` as a user starts it, on the Redis of a bench's session."""

import os
import subprocess
import sys
from typing import Final, Self

from bench.failures import Failed
from bench.http import Client
from bench.worker_process import ROOT, settle

__all__ = ("CORES", "ServerProcess")

READY_LINE: Final = "http://"
CORES: Final = sorted(os.sched_getaffinity(0))


class ServerProcess:
    """The server's process, on the first core. A context manager. Raises Failed at its start."""

    def __init__(self, url: str, venue: str) -> None:
        options = ("serve", "--port", "0", "--redis-url", url, "--venue", venue)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "fastopts.cli", *options],
            stderr=subprocess.PIPE,
            cwd=ROOT,
            preexec_fn=settle(set(CORES[:1])),  # noqa: PLW1509 - no other thread holds a lock
        )
        assert self._process.stderr is not None
        line = self._process.stderr.readline().decode()
        if READY_LINE not in line:
            raise Failed(f"the server did not start: {line}")
        self.port = int(line.split(READY_LINE)[1].split("/")[0].rpartition(":")[2])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def pid(self) -> int:
        """The process ID."""
        return self._process.pid

    def client(self) -> Client:
        """Open a connection to the server."""
        return Client(self.port)
