"""`AsyncWatch`: what `Watch` is, for `async for` and `async with`."""

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
from fastopts.reader.selection import arguments as checks

__all__ = ("AsyncWatch",)

T = TypeVar("T")


class AsyncWatch(Uncopied, Generic[T]):
    """A stream of what *pick* makes of each option that changed, as `Watch`.

    Made by `AsyncOptionReader.watch` and `watch_moves`.
    """

    def __init__(
        self,
        mirror: Callable[[MirrorListener], AsyncMirror],
        pick: Callable[[Option], T | None],
        demand: Requirements,
    ) -> None:
        self._news = asyncio.Event()
        self._is_closed = False
        self._backlog = Backlog(contextlib.nullcontext(), self._news.set)
        self._mirror = mirror(self._backlog)
        self._picker = Picker(self._backlog, self._mirror, pick, demand)

    async def start(self, initial: bool) -> Self:
        """Return it once its mirror is current. Raises what `AsyncMirror.wait` raises."""
        await self._mirror.wait()
        self._backlog.begin(self._mirror.symbols if initial else (), self._mirror.problem)
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    @property
    def problem(self) -> FastoptsError | None:
        """Why nothing is live at the moment; None when something can be."""
        return self._mirror.problem

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T | Gap:
        found = await self.wait()
        if found is None:
            raise StopAsyncIteration
        return found

    async def wait(self, timeout_s: float | None = None) -> T | Gap | None:
        """As `Watch.wait`. What comes while it is cancelled is not lost."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(checks.timeout("timeout_s", timeout_s)):
                while not self._is_closed:
                    self._news.clear()
                    found = self._picker.next()
                    if found is not None:
                        return found
                    await self._news.wait()
        return None

    async def close(self) -> None:
        """As `Watch.close`."""
        self._is_closed = True
        self._news.set()
        await self._mirror.close()
