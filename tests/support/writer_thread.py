"""A real writer over a table that ticks, in a thread of its own, for readers of either kind."""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Self, TypeVar

from fastopts.net.redis.address import Address
from fastopts.reader import AsyncOptionReader, OptionReader, StaleData
from fastopts.reader.mirrors.async_mirror import AsyncMirror
from fastopts.reader.mirrors.mirror import Mirror
from tests.support.waiting import PATIENCE_S
from tests.support.writer_harness import INSTRUMENTS, SYMBOLS, WriterHarness

T = TypeVar("T")
WAIT_S = PATIENCE_S


def until(condition: Callable[[], object]) -> None:
    """Wait for a condition that other threads or processes fulfil; stale data means not yet."""
    deadline = time.monotonic() + WAIT_S
    while True:
        with contextlib.suppress(StaleData):
            if condition():
                return
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.002)


def raised(call: Callable[[], object]) -> type[Exception] | None:
    """The type of what *call* raises."""
    try:
        call()
    except Exception as error:  # noqa: BLE001 - that is the question
        return type(error)
    return None


class LoopThread:
    """An event loop in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        left = self.call(lambda: [t for t in asyncio.all_tasks(self._loop) if not t.done()])
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        assert len(left) == 1 or error is not None, left  # `call`'s own

    def run(self, main: Coroutine[Any, Any, T]) -> T:
        """Return what *main* returns there."""
        return asyncio.run_coroutine_threadsafe(main, self._loop).result(WAIT_S)

    def call(self, function: Callable[[], T]) -> T:
        async def main() -> T:
            return function()

        return self.run(main())


class WriterThread:
    """The writer; `tick` and the like return before their changes are in Redis, see `settle`."""

    def __init__(
        self,
        loop: LoopThread,
        port: int,
        watchdog_ms: int = 12_000,
        address: Address | None = None,
        venue: str = "bybit",
    ) -> None:
        self._loop = loop
        self._port = port
        self._address = address
        self._watchdog_ms = watchdog_ms
        self._venue = venue
        loop.run(self._start())

    async def _start(self) -> None:
        self.harness = WriterHarness(self._port, self._address)
        self.harness.feed.watchdog_ms = self._watchdog_ms
        self.harness.feed.venue = self._venue
        await self.harness.writer.open()
        self.harness.writer.conn_opened(1)
        self._task = asyncio.create_task(self.harness.writer.run())

    def tick(self, symbols: Sequence[str] = SYMBOLS, **fields: Any) -> None:
        self._loop.call(lambda: self.harness.tick(list(symbols), **fields))

    def settle(self) -> None:
        """Return once everything is written."""
        table = self.harness.table
        until(lambda: self._loop.call(lambda: not table.pending and not table.dirty))

    def drop_conn(self) -> None:
        """The venue's connection ends, another is opened."""

        def drop() -> None:
            harness = self.harness
            harness.writer.conn_closed(harness.conn)
            harness.conn += 1
            harness.writer.conn_opened(harness.conn)
            harness.inlet = harness.table.inlet(harness.conn)

        self._loop.call(drop)

    def add(self, symbol: str) -> None:
        """List *symbol*."""
        one = replace(INSTRUMENTS[0], symbol=symbol, strike_text=symbol.split("-")[2])

        def add() -> None:
            self.harness.table.add(symbol, one.expiry_ms, one.strike, one.type, one.settle)
            self.harness.listed.append(one)
            self.harness.writer.universe_changed([one], [])

        self._loop.call(add)

    def remove(self, symbol: str) -> None:
        """Delist *symbol*."""
        [gone] = [one for one in self.harness.listed if one.symbol == symbol]

        def remove() -> None:
            self.harness.listed.remove(gone)
            self.harness.table.retire(symbol)
            self.harness.writer.universe_changed([], [gone])

        self._loop.call(remove)

    def end(self) -> None:
        """End it in order."""

        async def end() -> None:
            self.harness.writer.end()
            await asyncio.wait((self._task,), timeout=WAIT_S)

        self._loop.run(end())

    def kill(self) -> None:
        """End it abruptly, without notice to readers."""

        async def kill() -> None:
            self._task.cancel()
            await asyncio.wait((self._task,))

        self._loop.run(kill())


class Opened:
    """A mirror of either kind, to be read from any thread."""

    def __init__(
        self,
        kind: str,
        loop: LoopThread,
        url: str,
        what: str | Iterable[str] | None,
        timeout_s: float,
    ) -> None:
        self.mirror: Mirror | AsyncMirror
        self._loop = loop
        if kind == "async":
            self.mirror = loop.run(self._open(url, what, timeout_s))
        else:
            with OptionReader(url, timeout_s=timeout_s) as reader:
                self.mirror = reader.mirror(what)

    async def _open(
        self, url: str, what: str | Iterable[str] | None, timeout_s: float
    ) -> AsyncMirror:
        async with AsyncOptionReader(url, timeout_s=timeout_s) as reader:
            return await reader.mirror(what)

    def close(self) -> None:
        if isinstance(self.mirror, AsyncMirror):
            self._loop.run(self.mirror.close())
        else:
            self.mirror.close()
