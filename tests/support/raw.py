"""A server of raw bytes on loopback."""

import asyncio
import contextlib
import ssl
from collections.abc import Awaitable, Callable
from typing import Self

__all__ = ("RawServer",)

ENDS_WITHIN_S = 10.0


class RawServer:
    """Gives each connection to *answer*, and closes it when that has ended. The `with` block ends
    when the last of them has: none is left to the garbage collector."""

    def __init__(
        self,
        answer: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[object]],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.port = 0
        self._answer = answer
        self._tls = tls
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.leave()
        async with asyncio.timeout(ENDS_WITHIN_S):
            while self._open:
                await asyncio.wait(self._open)

    def leave(self) -> None:
        """Listen no more."""
        self._server.close()

    def cut(self) -> None:
        """Abort all connections."""
        for writer in self._open.values():
            writer.transport.abort()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._converse(reader, writer))
        self._open[task] = writer
        task.add_done_callback(self._open.pop)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # The client may leave at any time.
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            try:
                await self._answer(reader, writer)
            finally:
                writer.close()
            await writer.wait_closed()
