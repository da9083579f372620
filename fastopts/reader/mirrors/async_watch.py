"""`AsyncWatch`: the same as `Watch`, for `async for` and `async with`."""

import asyncio
import contextlib
from collections.abc import Callable
from typing import Generic, Self, TypeVar

from fastopts.errors import FastoptsError
from fastopts.reader.freshness.requirements import Requirements
from fastopts.reader.mirrors.async_mirror import AsyncMirror
from fastopts.reader.mirrors.backlog import Backlog, Gap
from fastopts.reader.mirrors.listener import MirrorListener
from fastopts.reader.mirrors.watch import Picker
from fastopts.reader.objects.option import Option
from fastopts.reader.objects.uncopied import Uncopied
from fastopts.reader.selection.arguments import timeout

__all__ = ("AsyncWatch",)

T = TypeVar("T")


class AsyncWatch(Uncopied, Generic[T]):
    """A stream of changed options, or of Moves, with Gaps in between, as `Watch`. Iterate with
    `async for`, or await `wait`; an asynchronous context manager.

    Made by `AsyncOptionReader.watch` and `watch_moves`.
    """

    def __init__(
        self,
        mirror: Callable[[MirrorListener], AsyncMirror],
        pick: Callable[[Option], T | None],
        requirements: Requirements,
    ) -> None:
        self._news = asyncio.Event()
        self._is_closed = False
        # No lock: the task of the mirror runs in the consumer's event loop.
        self._backlog = Backlog(contextlib.nullcontext(), self._news.set)
        self._mirror = mirror(self._backlog)
        self._picker = Picker(self._backlog, self._mirror, pick, requirements)

    async def start(self, initial: bool) -> None:
        """Wait until its mirror is current. Raises what `AsyncMirror.wait` raises."""
        await self._mirror.wait()
        self._backlog.begin(self._mirror.symbols if initial else (), self._mirror.problem)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def problem(self) -> FastoptsError | None:
        """The error that makes every value stale; None if values can be live."""
        return self._mirror.problem

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T | Gap:
        item = await self.wait()
        if item is None:
            raise StopAsyncIteration
        return item

    async def wait(self, timeout_s: float | None = None) -> T | Gap | None:
        """As `Watch.wait`. If it is cancelled, no item is lost."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout("timeout_s", timeout_s)):
                while not self._is_closed:
                    self._news.clear()
                    item = self._picker.next()
                    if item is not None:
                        return item
                    await self._news.wait()
        return None

    async def close(self) -> None:
        """As `Watch.close`."""
        self._is_closed = True
        self._news.set()
        await self._mirror.close()

    async def aclose(self) -> None:
        """As `close`."""
        await self.close()
