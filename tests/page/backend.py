"""The processes behind the dashboard, each of which a test can pause or stop."""

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Self, TypeVar

import requests

from fastopts.embedded import EmbeddedValkey
from tests.support.processes import SIM_URLS, environ

__all__ = ("COINS", "Backend", "until")

COINS = "BTC,ETH,XRP"
LISTENING = re.compile(r"listening on (http://127\.0\.0\.1:(\d+))/")
Result = TypeVar("Result")


def until(check: Callable[[], Result], deadline_s: float = 30) -> Result:
    """Call *check* until its result is true, and return that."""
    end = time.monotonic() + deadline_s
    while not (result := check()):
        assert time.monotonic() < end, "condition not met in time"
        time.sleep(0.02)
    return result


class Backend:
    """A simulated venue, a collector and `fastopts serve`, running during the block."""

    def __init__(self, symbols: int, rate: int, coins: str = COINS) -> None:
        self._symbols, self._rate, self._coins = symbols, rate, coins
        self._valkey = EmbeddedValkey()
        # Chosen by the system when the server is first started: another process could take a port
        # that was free a moment ago.
        self._port = "0"
        self.url = ""
        self._children: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        self._valkey.start()
        try:
            self.venue = self._start(
                "fastopts.sim",
                *("--port", "0", "--symbols", str(self._symbols), "--rate", str(self._rate)),
                *("--coins", self._coins),
                out=subprocess.PIPE,
            )
            assert self.venue.stdout is not None
            urls = SIM_URLS.search(self.venue.stdout.readline())
            assert urls is not None
            self.collector = self._start(
                "fastopts.track",
                *("--venue", "sim", "--rest-url", urls[1], "--ws-url", urls[2]),
                *(
                    "--redis-url",
                    self._valkey.url,
                    "--coins",
                    self._coins,
                    "--cache-file",
                    os.devnull,
                ),
            )
            self.start_server()
            until(lambda: (feed := self.get("feed"))["live"] == feed["total"] > 0)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for child in reversed(self._children):
            child.send_signal(signal.SIGCONT)
            child.kill()
            child.communicate()
        self._valkey.stop()

    def start_server(self) -> None:
        """Start the server, on the port that it had before, and return once it responds."""
        with tempfile.NamedTemporaryFile("w") as log:
            self.server = self._start(
                "fastopts.cli",
                *("serve", "--port", self._port, "--venue", "sim"),
                *("--redis-url", self._valkey.url),
                err=log.file,
            )
            listening = until(lambda: self._listening(Path(log.name)), 120)
        assert listening is not None
        self.url, self._port = listening.groups()
        until(self._is_serving)

    def stop_server(self) -> None:
        self.server.terminate()
        self.server.communicate(timeout=20)

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """The JSON of GET /v1/*path*."""
        response = requests.get(f"{self.url}/v1/{path}", query, timeout=10)
        assert response.ok, response.text
        body: dict[str, Any] = response.json()
        return body

    def command(self, *words: str) -> list[dict[str, Any]]:
        """The JSON lines that `fastopts` prints for *words*."""
        return [json.loads(line) for line in self.output(*words).splitlines()]

    def output(self, *words: str, columns: int = 80) -> str:
        """What `fastopts` prints for *words* on a terminal as wide as *columns*."""
        location = {"FASTOPTS_REDIS_URL": self._valkey.url, "FASTOPTS_VENUE": "sim"}
        done = subprocess.run(
            [sys.executable, "-m", "fastopts.cli", *words],
            env=environ(**location, COLUMNS=str(columns)),
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return done.stdout

    @contextmanager
    def paused(self, process: subprocess.Popen[str]) -> Iterator[None]:
        """Pause *process* during the block; afterwards wait until everything is live again."""
        process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process.send_signal(signal.SIGCONT)
            until(lambda: (feed := self.get("feed"))["alive"] and feed["live"] == feed["total"])

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Pause the venue during the block. Be quick: after some seconds all values are stale."""
        with self.paused(self.venue):
            until(lambda: self.get("feed")["newest_age_s"] > 1)
            yield

    def _listening(self, log: Path) -> re.Match[str] | None:
        assert self.server.poll() is None, f"the server has exited: {log.read_text()}"
        return LISTENING.search(log.read_text())

    def _is_serving(self) -> bool:
        try:
            return requests.get(f"{self.url}/live", timeout=10).ok
        except requests.ConnectionError:
            return False

    def _start(
        self,
        module: str,
        *arguments: str,
        out: int = subprocess.DEVNULL,
        err: int | IO[str] = subprocess.DEVNULL,
    ) -> subprocess.Popen[str]:
        child = subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdout=out,
            stderr=err,
            text=True,
            env=environ(),
        )
        self._children.append(child)
        return child
