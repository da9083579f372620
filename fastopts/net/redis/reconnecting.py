"""One asyncio connection to Redis that is made anew whenever it has to be, for readers."""

import asyncio
import ssl
from collections.abc import Callable
from typing import TypeVar

from fastopts.errors import StoreUnavailable
from fastopts.net.redis import pipeline
from fastopts.net.redis.address import Address
from fastopts.net.redis.blocking import check_timeout, may_retry
from fastopts.net.redis.pipeline import PipelineConnection
from fastopts.net.redis.resp import Replies

__all__ = ("ReconnectingConnection",)

R = TypeVar("R", bound=Replies)


class ReconnectingConnection:
    """Asks one server, from any task of one loop; connects when needed, and anew after any trouble.
    The loop is that of the first exchange.

    A connection on which a reply was not read to its end is never used again.
    """

    def __init__(self, address: Address, timeout_s: float) -> None:
        check_timeout(timeout_s)
        self._address = address
        self._timeout_s = timeout_s
        self._lock = asyncio.Lock()
        self._channel: PipelineConnection | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def exchange(self, payload: bytes, make_replies: Callable[[], R]) -> R:
        """Send *payload*, return the replies once they are done. *make_replies* is called right
        before it is sent.

        Raises StoreUnavailable when the server can't be reached or does not answer in time,
        StoreError for replies that are none, RuntimeError in another loop.
        """
        self._check_loop()
        await self._turn()
        try:
            is_kept = self._channel is not None and not self._channel.closed.is_set()
            try:
                return await self._try(payload, make_replies)
            except StoreUnavailable as error:
                if not (is_kept and may_retry(error)):
                    raise
                return await self._try(payload, make_replies)
        finally:
            self._lock.release()

    async def renew(self) -> None:
        """Have the next exchange open another connection."""
        self._check_loop()
        await self._turn()
        self.close()
        self._lock.release()

    def close(self) -> None:
        """Close the connection; the next exchange opens another."""
        if self._channel is not None:
            self._channel.abort()
            self._channel = None

    def _check_loop(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise RuntimeError("this reader belongs to another event loop: make one for each")

    async def _turn(self) -> None:
        """Wait for those who came before, no longer than for an answer."""
        if not self._lock.locked():
            await self._lock.acquire()  # without the price of a timer
            return
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._lock.acquire()
        except TimeoutError as error:
            words = f"{self._address}: no answer in {self._timeout_s:g} s"
            raise StoreUnavailable(words) from error

    async def _try(self, payload: bytes, make_replies: Callable[[], R]) -> R:
        if self._channel is None or self._channel.closed.is_set():
            self._channel = await pipeline.connect(self._address, self._tls(), self._timeout_s)
        replies = make_replies()
        try:
            await self._channel.exchange(payload, replies, self._timeout_s)
        except BaseException:
            self.close()
            raise
        return replies

    def _tls(self) -> ssl.SSLContext | None:
        if not self._address.tls:
            return None
        from fastopts.net import tls

        return tls.of(self._address)
