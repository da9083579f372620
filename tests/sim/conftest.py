import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from types import TracebackType
from typing import Self, TypeVar

import pytest

from fastopts.sim import Clock, SimSettings, SimVenue
from fastopts.sim.prices.market import SimMarket

T0_MS = int(datetime(2026, 11, 24, 10, tzinfo=UTC).timestamp()) * 1000  # a Tuesday
COINS = ("BTC", "ETH", "SOL", "XRP")
HOUR_MS = 3_600_000

Result = TypeVar("Result")


def market(symbols: int = 200, seed: int = 7, now_ms: int = T0_MS) -> SimMarket:
    return SimMarket(COINS, symbols, seed, now_ms, 4 * HOUR_MS)


def until(condition: Callable[[], Result], deadline_s: float = 10) -> Result:
    """Poll until *condition* is true, and return what it was."""
    end = time.monotonic() + deadline_s
    while not (result := condition()):
        assert time.monotonic() < end, "nothing came of it"
        time.sleep(0.005)
    return result


async def until_async(condition: Callable[[], Result], deadline_s: float = 10) -> Result:
    async with asyncio.timeout(deadline_s):
        while not (result := condition()):  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.005)
    return result


class ThreadedVenue:
    """A venue in a thread of its own, for clients that block."""

    def __init__(self, settings: SimSettings, clock: Clock | None = None) -> None:
        self.venue = SimVenue(settings, clock)
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        async with self.venue:
            self._ready.set()
            await self._stop.wait()

    def call(self, function: Callable[[], Result]) -> Result:
        """Run *function* in the venue's own loop."""

        async def run() -> Result:
            return function()

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(10)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Let the venue do nothing: what is sent to it waits."""
        holds, gate = threading.Event(), threading.Event()

        def hold() -> None:
            holds.set()
            gate.wait(10)

        self._loop.call_soon_threadsafe(hold)
        assert holds.wait(10)
        yield
        gate.set()

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(10)
        assert not self._thread.is_alive()


@pytest.fixture(scope="module")
def running() -> Iterator[ThreadedVenue]:
    """A venue of about 200 symbols, as fast as it may."""
    with ThreadedVenue(SimSettings(seed=7, symbols=200, rate=1_500)) as venue:
        yield venue
