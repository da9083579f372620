"""An asyncio connection to Redis for readers, which connects again when needed."""

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
    """Exchanges with one server, from any task of one event loop: that of the first exchange.

    Connects when needed, and again after any failure: a connection on which a reply was not read
    completely is never reused.
    """

    def __init__(self, address: Address, timeout_s: float) -> None:
        check_timeout(timeout_s)
        self._address = address
        self._timeout_s = timeout_s
        self._lock = asyncio.Lock()
        self._connection: PipelineConnection | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def exchange(self, payload: bytes, make_replies: Callable[[], R]) -> R:
        """Send *payload* and return its replies; *make_replies* is called right before.

        Raises StoreUnavailable if the server can't be reached or does not answer in time,
        StoreError for malformed replies, RuntimeError in another event loop.
        """
        self._check_loop()
        await self._acquire()
        try:
            is_reused = self._connection is not None and not self._connection.closed.is_set()
            try:
                return await self._try(payload, make_replies)
            except StoreUnavailable as error:
                if not (is_reused and may_retry(error)):
                    raise
                return await self._try(payload, make_replies)
        finally:
            self._lock.release()

    async def renew(self) -> None:
        """Have the next exchange open another connection."""
        self._check_loop()
        await self._acquire()
        self.close()
        self._lock.release()

    def close(self) -> None:
        """Close the connection; the next exchange opens another."""
        if self._connection is not None:
            self._connection.abort()
            self._connection = None

    def _check_loop(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        elif self._loop is not loop:
            raise RuntimeError("this reader belongs to another event loop: create one per loop")

    async def _acquire(self) -> None:
        """Acquire the lock within the timeout of an exchange."""
        if not self._lock.locked():
            await self._lock.acquire()  # the usual case, without the cost of a timer
            return
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._lock.acquire()
        except TimeoutError as error:
            message = f"{self._address}: no answer in {self._timeout_s:g} s"
            raise StoreUnavailable(message) from error

    async def _try(self, payload: bytes, make_replies: Callable[[], R]) -> R:
        if self._connection is None or self._connection.closed.is_set():
            self._connection = await pipeline.connect(self._address, self._tls(), self._timeout_s)
        replies = make_replies()
        try:
            await self._connection.exchange(payload, replies, self._timeout_s)
        except BaseException:
            self.close()
            raise
        return replies

    def _tls(self) -> ssl.SSLContext | None:
        if not self._address.tls:
            return None
        from fastopts.net import tls

        return tls.of(self._address)
