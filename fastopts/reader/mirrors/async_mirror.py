"""`AsyncMirror`: what `Mirror` is, kept by a task."""

import asyncio
from typing import Self

from fastopts.errors import FastoptsError
from fastopts.net.redis.address import Address
from fastopts.net.redis.push_asyncio import AsyncPushConnection
from fastopts.reader.mirrors.listener import MirrorListener
from fastopts.reader.mirrors.mirror import POLL_S, BaseMirror
from fastopts.reader.selection.scope import Scope

__all__ = ("AsyncMirror",)


class AsyncMirror(BaseMirror):
    """A copy of some records within this process, kept current by a task. An asynchronous context
    manager; reading it needs no `await`.

    Made by `AsyncOptionReader.mirror`. While the event loop is held up, so is the copy: after a
    second of that nothing in it is live.
    """

    def __init__(
        self, address: Address, venue: str, scope: Scope, timeout_s: float, listener: MirrorListener
    ) -> None:
        super().__init__(address, venue, scope, timeout_s, listener)
        self._task = asyncio.create_task(self._keep())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def wait(self) -> None:
        """As `Mirror.wait`."""
        try:
            while not self._is_settled():  # noqa: ASYNC110 - it says no more often than this
                await asyncio.sleep(POLL_S)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """End the task and its connection. What it holds is not current any more."""
        self._task.cancel()
        await asyncio.wait((self._task,))  # whose cancellation is not ours
        if not self._task.cancelled():
            self._task.result()

    async def _keep(self) -> None:
        try:
            while True:
                try:
                    await AsyncPushConnection(self._address, self._replica, self._timeout_s).run()
                except (OSError, FastoptsError) as error:
                    self._failed(error)
                await asyncio.sleep(self._retry_s())
        finally:
            self._replica.close()
