"""A conversation over an asyncio connection: `talk`, by callbacks."""

import asyncio
import ssl
from typing import cast

from fastopts.clock import steady_s
from fastopts.errors import FastoptsError
from fastopts.net import tls
from fastopts.net.redis.address import Address
from fastopts.net.redis.push_blocking import WAIT_MAX_S, PushSession

__all__ = ("AsyncPushConnection",)


class AsyncPushConnection(asyncio.Protocol):
    """Holds one *conversation* with the server at *address*; `run` it in a task."""

    def __init__(self, address: Address, conversation: PushSession, timeout_s: float) -> None:
        self._address = address
        self._conversation = conversation
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._over = self._loop.create_future()
        self._gone = asyncio.Event()
        self._heard_at = self._wake_at = 0.0
        self._alarm: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Talk until it is cancelled. Raises OSError or what the conversation raises."""
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._open()
            await self._over
        except ssl.SSLError as error:
            raise tls.explained(error) from error
        finally:
            await self._close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's by their methods only
        self._transport = cast("asyncio.Transport", transport)
        self._heard_at = steady_s()
        self._conversation.start(self._address.introduction())
        self._say(self._heard_at)

    def data_received(self, data: bytes) -> None:
        self._heard_at = now = steady_s()
        try:
            self._conversation.receive(data, now)
        except FastoptsError as error:
            self._end(error)
        else:
            self._say(now)

    def connection_lost(self, exc: Exception | None) -> None:
        self._gone.set()
        self._end(exc or ConnectionResetError("closed by the server"))

    async def _open(self) -> None:
        address = self._address
        if address.path is not None:
            await self._loop.create_unix_connection(lambda: self, address.path)
            return
        await self._loop.create_connection(
            lambda: self, address.host, address.port, ssl=tls.of(address)
        )

    async def _close(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._over.cancel()
        if self._transport is not None:
            self._transport.abort()
            await self._gone.wait()

    def _say(self, now: float) -> None:
        assert self._transport is not None
        self._conversation.tick(now)
        data = self._conversation.data_to_send()
        if data:
            self._transport.write(data)
        wake_at = min(self._conversation.next_deadline(), now + WAIT_MAX_S)
        if self._alarm is None or wake_at < self._wake_at:
            self._wake(wake_at, now)

    def _wake(self, at: float, now: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._wake_at = at
        self._alarm = self._loop.call_later(max(at - now, 0.001), self._woken)

    def _woken(self) -> None:
        self._alarm = None
        now = steady_s()
        if now - self._heard_at > self._timeout_s:
            self._end(TimeoutError(f"no answer in {self._timeout_s:g} s"))
        else:
            self._say(now)

    def _end(self, error: Exception) -> None:
        if not self._over.done():
            self._over.set_exception(error)
