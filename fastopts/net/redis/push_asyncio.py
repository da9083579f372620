"""An asyncio connection over which the server speaks, too: for a mirror in a task."""

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
    """Connects one *session* with the server at *address*; await `run` in a task."""

    def __init__(self, address: Address, session: PushSession, timeout_s: float) -> None:
        self._address = address
        self._session = session
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._over = self._loop.create_future()
        self._closed = asyncio.Event()
        self._received_at = self._wake_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    async def run(self) -> None:
        """Run until cancelled. Raises OSError, or an error of the session."""
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._open()
            await self._over
        except ssl.SSLError as error:
            raise tls.explained(error) from error
        finally:
            await self._close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the session."""
        # uvloop's transports have asyncio's methods, but not its base class
        self._transport = cast("asyncio.Transport", transport)
        self._received_at = steady_s()
        self._session.start(self._address.introduction())
        self._send(self._received_at)

    def data_received(self, data: bytes) -> None:
        """Pass *data* to the session and send its answer."""
        self._received_at = now = steady_s()
        try:
            self._session.receive(data, now)
        except FastoptsError as error:
            self._end(error)
        else:
            self._send(now)

    def connection_lost(self, exc: Exception | None) -> None:
        """End `run` with an error."""
        self._closed.set()
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
        if self._timer is not None:
            self._timer.cancel()
        self._over.cancel()
        if self._transport is not None:
            self._transport.abort()
            await self._closed.wait()

    def _send(self, now: float) -> None:
        assert self._transport is not None
        self._session.tick(now)
        data = self._session.data_to_send()
        if data:
            self._transport.write(data)
        wake_at = min(self._session.next_deadline(), now + WAIT_MAX_S)
        if self._timer is None or wake_at < self._wake_at:
            self._set_timer(wake_at, now)

    def _set_timer(self, at: float, now: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._wake_at = at
        self._timer = self._loop.call_later(max(at - now, 0.001), self._on_timer)

    def _on_timer(self) -> None:
        self._timer = None
        now = steady_s()
        if now - self._received_at > self._timeout_s:
            self._end(TimeoutError(f"no answer in {self._timeout_s:g} s"))
        else:
            self._send(now)

    def _end(self, error: Exception) -> None:
        if not self._over.done():
            self._over.set_exception(error)
