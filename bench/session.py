"""A contender, a replay and a Valkey: started together, measured, stopped in order."""

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

READY_WITHIN_S = 60.0  # generous: a shared machine may stall a process for seconds
END_WITHIN_S = 15.0
TRICKLE = 2600  # messages/s while the contender subscribes

# A venue is never on the client's own core. With the load source there, a message arrives in a warm
# cache and wakes up no other core: the scheduler prefers that, and the floor measured 8 us per
# message instead of 19.
_CORES = sorted(os.sched_getaffinity(0))
_REPLAY_CORES = {_CORES[-1]}
_CLIENT_CORES = set(_CORES[:-1] or _CORES)


@dataclass(frozen=True, slots=True)
class Contender:
    """A program under test, run as a module.

    *is_collector*: it has the options of `fastopts.track` instead of those of
    bench.contenders.common.
    """

    name: str
    module: str
    options: tuple[str, ...] = ()
    environment: tuple[tuple[str, str], ...] = ()
    is_collector: bool = False


class ReplayProcess:
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
        """Send one command of `bench.replay` and return its answer."""
        self.send(command)
        return self.receive()

    def send(self, command: str) -> None:
        """Send one command without waiting; `receive` returns its answer."""
        self._process.send(command.encode())

    def receive(self) -> Mapping[str, int]:
        """Return the answer to the oldest unanswered command."""
        return self._process.receive()

    def end(self) -> None:
        """Kill the process."""
        self._process.end()


class Session:
    """A running contender: `start` a load, wait for `windows`, `stop`. A context manager.

    *tls*: the folder of a certificate and its key, None for plain TCP.
    """

    def __init__(self, contender: Contender, symbols: int, tls: Path | None) -> None:
        self.samples: list[Sample] = []
        self.status: dict[str, Any] = {}
        self._last_lines: deque[str] = deque(maxlen=20)  # of stderr, for the message of a failure
        self._contender = contender
        self.symbols = symbols
        self._tls = tls

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="fastopts-bench-")
        self.replay = ReplayProcess(self.symbols, self._tls)
        self.valkey = EmbeddedValkey()
        self.valkey.start()
        self.client = subprocess.Popen(
            self._command(),
            env=os.environ | dict(self._contender.environment),
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            cwd=ROOT,
            preexec_fn=settle(_CLIENT_CORES),  # noqa: PLW1509 - no other thread holds a lock
        )
        self._reader = threading.Thread(target=self._read, args=(self.client.stderr,), daemon=True)
        self._reader.start()
        try:
            # As at the venue, ticks arrive while the client still subscribes. This also determines
            # TCP's mode of acknowledgement: a client that has sent nothing between two segments
            # acknowledges each read at once, which is most of a read's cost on loopback.
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
        """Have the replay send *rate* messages/s, *slice_size* of them per write.

        *rate* 0: as fast as the contender reads.
        """
        # At a pace, the server has time on the other core: on the contender's it would evict the
        # caches at every flush, or not, as the scheduler decides.
        os.sched_setaffinity(self.valkey.pid, _REPLAY_CORES if rate else _CORES)
        self.replay.ask(f"start {rate} {slice_size}")

    def windows(self, warm_up_s: int, count: int, seconds: int) -> list[measure.Window]:
        """Let the load run; return *count* windows of *seconds* each, after a warm-up.

        Raises Failed if the contender ends or stops reporting.
        """
        first = len(self.samples) + warm_up_s
        self._wait_for_samples(first + count * seconds + 1)
        sent = self.replay.ask("count")
        frame_bytes = sent["bytes"] / sent["messages"]
        samples = self.samples[first : first + count * seconds + 1]
        return measure.windows(samples, seconds, frame_bytes)

    def stop(self) -> dict[str, Any]:
        """Terminate the contender by SIGTERM; return its last status."""
        # In order: the collector flushes what is pending, and its last line has the final counters.
        self.client.terminate()
        self.client.wait(END_WITHIN_S)
        self._reader.join(END_WITHIN_S)
        return self.status

    def _command(self) -> list[str]:
        urls = ["--rest-url", self.replay.rest_url, "--ws-url", self.replay.ws_url]
        urls += ["--redis-url", self.valkey.url]
        options: list[str] = list(self._contender.options)
        if self._contender.is_collector:
            options += ["--coins", ",".join(COINS), "--log-format", "json", "--status-s", "1"]
            # An own file: the universe of another session must not be loaded.
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
                    self._sample(fields["status"])
                else:  # a log line or a traceback
                    self._last_lines.append(line.decode().rstrip())

    def _sample(self, status: Mapping[str, Any]) -> None:
        self.status = dict(status)
        try:
            sample = measure.sample(self.status, self.client.pid, self.valkey.pid, self.replay.pid)
        except (OSError, ValueError, KeyError, AssertionError):
            return  # the client has ended, or the server is being restarted
        self.samples.append(sample)

    def _wait_until_subscribed(self) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        # The source knows it for every contender; a status line of its own would not be comparable.
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
            lines = "\n".join(self._last_lines)
            raise Failed(f"{self._contender.name} ended or stopped reporting:\n{lines}")
