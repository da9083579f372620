"""`AsyncMirror`: a local copy kept current by a task."""

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
    """A local copy of options, kept current by a task. An asynchronous context manager; reading
    it needs no `await`.

    Made by `AsyncOptionReader.mirror`. A blocked event loop blocks the task, too: after a second
    nothing in the mirror is live.
    """

    def __init__(
        self, address: Address, venue: str, scope: Scope, timeout_s: float, listener: MirrorListener
    ) -> None:
        super().__init__(address, venue, scope, timeout_s, listener)
        self._task = asyncio.create_task(self._maintain())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def wait(self) -> None:
        """As `Mirror.wait`."""
        try:
            while not self._is_settled():  # noqa: ASYNC110 - the replica signals no such event
                await asyncio.sleep(POLL_S)
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Stop the task and close its connection. The mirror is not current from now on."""
        self._task.cancel()
        # Unlike `await self._task`, this does not mistake the task's cancellation for our own.
        await asyncio.wait((self._task,))
        if not self._task.cancelled():
            self._task.result()  # raises the error that ended it

    async def aclose(self) -> None:
        """As `close`."""
        await self.close()

    async def _maintain(self) -> None:
        try:
            while True:
                try:
                    await AsyncPushConnection(self._address, self._replica, self._timeout_s).run()
                except (OSError, FastoptsError) as error:
                    self._connection_failed(error)
                await asyncio.sleep(self._retry_s())
        finally:
            self._replica.close()
