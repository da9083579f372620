"""`AsyncMirror` and `AsyncWatch`: what `mirror` and `watch` are, kept by a task."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from types import TracebackType
from typing import Generic, Self, TypeVar

from fastopts.errors import FastoptsError, StoreUnavailable
from fastopts.net.address import Address
from fastopts.net.atalk import talk
from fastopts.reader.absent import Absent
from fastopts.reader.mirror import NOT_ANNOUNCED, RETRY_S, START_S, Mirrored
from fastopts.reader.option import Option
from fastopts.reader.queries import Demand
from fastopts.reader.replica import Listener, Replica, Scope
from fastopts.reader.watch import Backlog, Gap

__all__ = ("AsyncMirror", "AsyncWatch")

T = TypeVar("T")


class AsyncMirror(Mirrored):
    """A copy of some records within this process, kept current by a task. An asynchronous context
    manager; reading it needs no `await`.

    Made by `AsyncOptionReader.mirror`.
    """

    def __init__(
        self, address: Address, venue: str, scope: Scope, timeout_s: float, listener: Listener
    ) -> None:
        super().__init__(Replica(venue, scope, listener))
        self._address = address
        self._timeout_s = timeout_s
        self._failure: Exception | None = None
        self._task = asyncio.create_task(self._keep())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def wait(self) -> None:
        """As `Mirror.wait`."""
        deadline = time.monotonic() + self._timeout_s + START_S
        while not self._replica.is_settled():
            if self._failure is not None or time.monotonic() > deadline:
                await self.close()
                failure = self._failure
                if isinstance(failure, FastoptsError):
                    raise failure
                raise StoreUnavailable(f"no mirror: {failure or NOT_ANNOUNCED}")
            await asyncio.sleep(0.005)

    async def close(self) -> None:
        """End the task and its connection. What it holds is not current any more."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._replica.close()

    async def _keep(self) -> None:
        while True:
            try:
                await talk(self._address, self._replica, self._timeout_s)
            except (OSError, FastoptsError) as error:
                self._failure = error
                self._replica.lost(error)
            await asyncio.sleep(RETRY_S)


class AsyncWatch(Generic[T]):
    """As `Watch`, for `async for` and `async with`."""

    def __init__(
        self,
        mirror: Callable[[Listener], AsyncMirror],
        pick: Callable[[Option], T | None],
        demand: Demand,
    ) -> None:
        self._news = asyncio.Event()
        self._backlog = Backlog(contextlib.nullcontext(), self._news.set)
        self._pick = pick
        self._demand = demand
        self._is_closed = False
        self._mirror = mirror(self._backlog)

    async def start(self, initial: bool) -> Self:
        """Return it once its mirror is current. Raises what `Mirror.wait` raises."""
        await self._mirror.wait()
        if initial:
            self._backlog.changed(self._mirror.symbols)
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T | Gap:
        found = await self.wait()
        if found is None:
            raise StopAsyncIteration
        return found

    async def wait(self, timeout_s: float | None = None) -> T | Gap | None:
        """As `Watch.wait`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not self._is_closed:
                    found = self._next()
                    if found is not None:
                        return found
                    self._news.clear()
                    await self._news.wait()
        return None

    async def close(self) -> None:
        """As `Watch.close`."""
        self._is_closed = True
        self._news.set()
        await self._mirror.close()

    def _next(self) -> T | Gap | None:
        while (taken := self._backlog.take()) is not None:
            if isinstance(taken, Gap):
                return taken
            [found] = self._mirror.get_many([taken], **self._demand._asdict())
            picked = None if isinstance(found, Absent) else self._pick(found)
            if picked is not None:
                return picked
        return None
