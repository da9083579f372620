"""One contender, one replay, one Valkey: brought together, measured, ended in order."""

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import orjson

from bench import measure
from bench.failures import Failed
from bench.frames import COINS, PATH
from bench.measure import Sample
from bench.worker_process import ROOT, WorkerProcess, settle
from fastopts.embedded import EmbeddedValkey
from fastopts.sim.tls import CERTIFICATE

__all__ = ("Contender", "Session")

READY_WITHIN_S = 60.0
END_WITHIN_S = 15.0
TRICKLE = 2600  # messages a second

# A venue is never on the client's own core. Where the load source is, a message arrives in a warm
# cache and wakes nobody up: the scheduler likes that, and the floor came to 8 us instead of 19.
_CORES = sorted(os.sched_getaffinity(0))
_REPLAY_CORES = {_CORES[-1]}
_CLIENT_CORES = set(_CORES[:-1] or _CORES)


@dataclass(frozen=True, slots=True)
class Contender:
    """*is_ours*: it takes the collector's options rather than those of bench.contenders.common."""

    name: str
    module: str
    options: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    is_ours: bool = False


class Replay:
    """The load source's process."""

    def __init__(self, symbols: int, tls: Path | None) -> None:
        options = [str(tls)] if tls else []
        self._process = WorkerProcess("bench.replay", str(symbols), *options, cores=_REPLAY_CORES)
        ports = self._process.receive()
        host = "127.0.0.1"
        secure = "s" if tls else ""
        self.pid = self._process.pid
        self.rest_url = f"http{secure}://{host}:{ports['rest_port']}"
        self.ws_url = f"ws{secure}://{host}:{ports['ws_port']}{PATH}"

    def ask(self, command: str) -> Mapping[str, int]:
        """Send one command of `bench.replay`; return its answer."""
        self.send(command)
        return self.receive()

    def send(self, command: str) -> None:
        """Send one command; `receive` returns its answer."""
        self._process.send(command.encode())

    def receive(self) -> Mapping[str, int]:
        """Return the answer to the oldest command that has none yet."""
        return self._process.receive()

    def end(self) -> None:
        self._process.end()


class Session:
    """A contender at work: `start` a load, wait for `windows`, `pause`. A context manager."""

    def __init__(self, contender: Contender, symbols: int, tls: Path | None) -> None:
        self.samples: list[Sample] = []
        self.status: dict[str, Any] = {}
        self._last_words: deque[str] = deque(maxlen=20)
        self._contender = contender
        self.symbols = symbols
        self._tls = tls

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="fastopts-bench-")
        self.replay = Replay(self.symbols, self._tls)
        self.valkey = EmbeddedValkey()
        self.valkey.start()
        self.client = subprocess.Popen(
            self._command(),
            env=os.environ | dict(self._contender.environment),
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            cwd=ROOT,
            preexec_fn=settle(_CLIENT_CORES),  # noqa: PLW1509 - no thread of ours holds a lock
        )
        self._reader = threading.Thread(target=self._read, args=(self.client.stderr,), daemon=True)
        self._reader.start()
        try:
            # As at the venue, ticks come while the client still subscribes. It also settles how TCP
            # acknowledges: a client that has sent nothing between two segments acknowledges each
            # read at once, which is most of a read's cost on loopback.
            self.replay.ask(f"start {TRICKLE} 1")
            self._wait_until_subscribed()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.client.kill()
        self.client.wait()
        self._reader.join()
        self.replay.end()
        self.valkey.stop()
        self._folder.cleanup()

    def start(self, rate: float, slice_size: int = 1) -> None:
        """Have the replay send; *rate* 0: as fast as the contender takes it."""
        # At a pace, the server has time on the other core: on the contender's it would take the
        # caches away at every flush, or not, as the scheduler likes.
        os.sched_setaffinity(self.valkey.pid, _REPLAY_CORES if rate else _CORES)
        self.replay.ask(f"start {rate} {slice_size}")

    def windows(self, warm_up_s: int, count: int, seconds: int) -> list[measure.Window]:
        """Let the load run and return *count* windows of *seconds* after a warm-up."""
        first = len(self.samples) + warm_up_s
        self._wait_for_samples(first + count * seconds + 1)
        sent = self.replay.ask("count")
        frame_bytes = sent["bytes"] / sent["messages"]
        chosen = self.samples[first : first + count * seconds + 1]
        return measure.windows(chosen, seconds, frame_bytes)

    def stop(self) -> dict[str, Any]:
        """End the contender in order; return its last status."""
        self.client.terminate()
        self.client.wait(END_WITHIN_S)
        self._reader.join(END_WITHIN_S)
        return self.status

    def _command(self) -> list[str]:
        urls = ["--rest-url", self.replay.rest_url, "--ws-url", self.replay.ws_url]
        urls += ["--redis-url", self.valkey.url]
        options: list[str] = list(self._contender.options)
        if self._contender.is_ours:
            options += ["--coins", ",".join(COINS), "--log-format", "json", "--status-s", "1"]
            options += ["--cache-file", str(Path(self._folder.name) / "universe.json")]
            options += ["--insecure"] if self._tls else []
        elif self._tls:
            options += ["--certificate", str(self._tls / CERTIFICATE)]
        return [sys.executable, "-m", self._contender.module, *urls, *options]

    def _read(self, stderr: IO[bytes]) -> None:
        with stderr:
            for line in stderr:
                try:
                    fields = orjson.loads(line)
                except orjson.JSONDecodeError:
                    fields = {}
                if "status" in fields:
                    self._hear(fields["status"])
                else:
                    self._last_words.append(line.decode().rstrip())

    def _hear(self, status: Mapping[str, Any]) -> None:
        self.status = dict(status)
        try:
            found = measure.sample(self.status, self.client.pid, self.valkey.pid, self.replay.pid)
        except (OSError, ValueError, KeyError, AssertionError):
            return  # its last line, or a server that is being started anew: a process is gone
        self.samples.append(found)

    def _wait_until_subscribed(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while self.replay.ask("count")["topics"] < self.symbols:
            self._check(deadline)
            time.sleep(0.05)

    def _wait_for_samples(self, count: int) -> None:
        deadline = time.monotonic() + READY_WITHIN_S + count
        while len(self.samples) < count:
            self._check(deadline)
            time.sleep(0.05)

    def _check(self, deadline: float) -> None:
        if self.client.poll() is not None or time.monotonic() > deadline:
            words = "\n".join(self._last_words)
            raise Failed(f"{self._contender.name} does not go on:\n{words}")
