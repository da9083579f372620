"""The whole system as it is run: venue, collectors, Valkey, and networks in between."""

import asyncio
import contextlib
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, Self, TypeVar

import redis

from fastopts.embedded import end_with_parent
from fastopts.sim import SimSettings, SimVenue
from tests.support.broken_valkey import BrokenValkey
from tests.support.fault_proxy import FaultProxy
from tests.support.processes import environ

__all__ = ("CollectorProcess", "System", "VenueThread")

T = TypeVar("T")

SYMBOLS: Final = 400
RATE: Final = 1500.0
START_AGAIN_S: Final = 0.5
END_WITHIN_S: Final = 15.0


class VenueThread:
    """The simulated venue, in a thread with a loop of its own."""

    def __init__(self, seed: int) -> None:
        self._settings = SimSettings(seed=seed, symbols=SYMBOLS, rate=RATE)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="venue")

    def __enter__(self) -> Self:
        self._thread.start()
        self.sim = SimVenue(self._settings)
        self._await(self.sim.__aenter__())
        return self

    def __exit__(self, *_: object) -> None:
        self._await(self.sim.__aexit__(None, None, None))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def do(self, call: Callable[[SimVenue], T]) -> T:
        """Return what *call* returns, made where the venue lives."""

        async def made() -> T:
            return call(self.sim)

        return self._await(made())

    def drop(self) -> None:
        self._await(self.sim.drop())

    def last(self) -> dict[str, dict[str, Any]]:
        """The last frame of every trading symbol that has one."""

        def look(sim: SimVenue) -> dict[str, dict[str, Any]]:
            found = {}
            for symbol in sim.symbols:
                with contextlib.suppress(KeyError):
                    found[symbol] = sim.last_frame(symbol)
            return found

        return self.do(look)

    def _await(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)


class CollectorProcess:
    """A collector's process, started again whenever it ends, as a supervisor would."""

    def __init__(self, words: list[str], folder: Path, name: str) -> None:
        self.log = folder / f"{name}.log"
        self.exits: list[int] = []
        self._words = [*words, "--cache-file", str(folder / f"{name}.json")]
        self._process: subprocess.Popen[bytes] | None = None
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=name)
        self._thread.start()

    def signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    def end(self) -> None:
        """End it in order, and for good. Raises TimeoutError when it does not end."""
        self._over.set()
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        self._thread.join(END_WITHIN_S)
        if self._thread.is_alive():
            self.signal(signal.SIGKILL)
            self._thread.join()
            raise TimeoutError("a collector did not end")

    def _keep(self) -> None:
        with self.log.open("ab") as log:
            while not self._over.is_set():
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "fastopts.track", *self._words],
                    stderr=log,
                    env=environ(),
                    preexec_fn=end_with_parent,  # noqa: PLW1509
                )
                if self._over.is_set():
                    self._process.terminate()
                self.exits.append(self._process.wait())
                self._over.wait(START_AGAIN_S)


class System:
    """Everything, while its `with` block runs."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._exit = contextlib.ExitStack()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="chaos-")))
            self.valkey = stack.enter_context(BrokenValkey())
            self.venue = stack.enter_context(VenueThread(self._seed))
            self.to_venue = stack.enter_context(FaultProxy(self.venue.sim.port, self._seed))
            self.to_redis = stack.enter_context(FaultProxy(self.valkey.port, self._seed))
            self.collectors = [self._start(folder, "first"), self._start(folder, "second")]
            for collector in self.collectors:
                stack.callback(collector.end)
            self._exit = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._exit.close()

    @property
    def reader_url(self) -> str:
        """For readers: their way to Redis has no faults but Redis' own."""
        return self.valkey.url

    def heal(self) -> None:
        """Undo what a fault of Redis could not undo because of another one."""
        client = self.valkey.client
        with contextlib.suppress(redis.ResponseError):  # no script runs, as a rule
            client.script_kill()
        client.replicaof("NO", "ONE")
        for name, value in (("maxmemory", "0"), ("min-replicas-to-write", "0"), ("save", "")):
            client.config_set(name, value)
        client.acl_setuser("default", enabled=True, commands=["+hset"])

    def _start(self, folder: Path, name: str) -> CollectorProcess:
        venue = f"127.0.0.1:{self.to_venue.port}"
        words = ["--venue", "sim", "--coins", "BTC,ETH,SOL,XRP", "--log-format", "json"]
        words += ["--rest-url", f"http://{venue}", "--ws-url", f"ws://{venue}/v5/public/option"]
        words += ["--redis-url", f"redis://127.0.0.1:{self.to_redis.port}", "--standby"]
        return CollectorProcess(words, folder, name)
