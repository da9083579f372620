"""One asyncio connection to Redis: prepared commands out, replies to whoever counts them.

One exchange is under way at a time. Whatever ends it early (an error, a timeout, a cancellation)
also ends the connection: a reply that nobody read would be taken for the next one's.
"""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from typing import Any, cast

from fastopts.errors import StoreError, StoreUnavailable
from fastopts.net import forks, manual_transport
from fastopts.net.dial import dial
from fastopts.net.manual_transport import ManualReading
from fastopts.net.redis.address import Address
from fastopts.net.redis.resp import Replies, ReplyList, Word, checked, pack

__all__ = ("EXCHANGE_TIMEOUT_S", "OnDone", "PipelineConnection", "connect")

BUFFER_SIZE = 64 * 1024
EXCHANGE_TIMEOUT_S = 10.0  # of what carries data; a question or two is given less

# Hears that an exchange is over: None, or what ended it.
OnDone = Callable[[StoreError | None], None]


class PipelineConnection(ManualReading, asyncio.BufferedProtocol):
    """The connection. `closed` is set once it is gone."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._view = memoryview(bytearray(BUFFER_SIZE))
        self._start = self._end = 0
        self._replies: Replies | None = None
        self._last_words: StoreError | None = None
        self._done: OnDone | None = None
        self._timeout_s = self._deadline = 0.0
        self._guard: asyncio.TimerHandle | None = None

    @property
    def is_busy(self) -> bool:
        """Whether an exchange is under way."""
        return self._done is not None

    def send(self, payload: bytes, replies: Replies, timeout_s: float, done: OnDone) -> None:
        """Send *payload*; call *done* when *replies* is done, or with what went wrong.

        That is StoreUnavailable when the connection is lost or *timeout_s* runs out, StoreError for
        replies that are none; the connection is closed then.
        """
        if self._done is not None:
            raise RuntimeError("an exchange is under way")
        if self._transport is None:
            done(self._last_words or StoreUnavailable("not connected"))
            return
        self._replies, self._done = replies, done
        self._timeout_s, self._deadline = timeout_s, self._loop.time() + timeout_s
        if self._guard is None or self._guard.when() > self._deadline:
            self._watch()
        self._transport.write(payload)

    async def exchange(self, payload: bytes, replies: Replies, timeout_s: float) -> None:
        """Send *payload* and return when *replies* is done. Raises what `send` tells of."""
        answered = self._loop.create_future()

        def done(error: StoreError | None) -> None:
            if answered.done():
                return
            if error is None:
                answered.set_result(None)
            else:
                answered.set_exception(error)

        self.send(payload, replies, timeout_s, done)
        try:
            await answered
        except BaseException:
            self.abort()
            raise

    async def ask(self, *commands: Sequence[Word], timeout_s: float = 5.0) -> list[Any]:
        """Send *commands*, return their replies; a refusal stands among them as a StoreError."""
        replies = ReplyList(len(commands))
        await self.exchange(b"".join(pack(*words) for words in commands), replies, timeout_s)
        return replies.values

    def abort(self) -> None:
        """Cut the connection off at once, and with it an exchange under way."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = self._manual = None
        self._end_exchange(StoreUnavailable("the connection was cut off"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are asyncio's by their methods only
        self._transport = cast("asyncio.Transport", transport)
        forks.keep(self, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        forks.lost(self)
        self._transport = self._manual = None
        self.closed.set()
        if self._guard is not None:
            self._guard.cancel()
        error = StoreUnavailable(f"the connection was lost: {exc or 'closed by the server'}")
        error.__cause__ = exc
        self._end_exchange(error)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._view[self._end :]

    def buffer_updated(self, nbytes: int) -> None:
        self._end += nbytes
        if self._replies is None:
            error = _unasked(bytes(self._view[: self._end]))
            self._last_words = error if error.reply else None
            self._poison(error)
            return
        try:
            self._start = self._replies.acknowledge(self._view, self._start, self._end)
        except StoreError as error:
            self._poison(error)
            return
        is_done, is_empty = self._replies.done, self._start == self._end
        self._make_room()
        if is_done and not is_empty:
            self._poison(StoreError("more replies than commands"))
        elif is_done:
            self._end_exchange(None)
        elif self._end == BUFFER_SIZE:
            self._poison(StoreError(f"a reply longer than {BUFFER_SIZE} bytes"))

    def eof_received(self) -> bool:
        return False

    def _make_room(self) -> None:
        left = self._end - self._start
        if left and self._start:
            self._view[:left] = self._view[self._start : self._end].tobytes()
        self._start, self._end = 0, left

    def _watch(self) -> None:
        """Look at the deadline when it is due: no timer for each exchange."""
        if self._guard is not None:
            self._guard.cancel()
        self._guard = self._loop.call_at(self._deadline, self._look_at_deadline)

    def _look_at_deadline(self) -> None:
        self._guard = None
        if self._done is None:
            return
        if self._loop.time() < self._deadline:
            self._watch()
        else:
            error = StoreUnavailable(f"no answer in {self._timeout_s:g} s")
            error.__cause__ = TimeoutError()
            self._poison(error)

    def _poison(self, error: StoreError) -> None:
        self._end_exchange(error)
        self.abort()

    def _end_exchange(self, error: StoreError | None) -> None:
        done, self._done, self._replies = self._done, None, None
        if done is not None:
            done(error)


async def connect(
    address: Address, tls: ssl.SSLContext | None, timeout_s: float
) -> PipelineConnection:
    """Connect, authenticate and select the database. Raises StoreUnavailable or StoreError."""
    channel = PipelineConnection()
    try:
        async with asyncio.timeout(timeout_s):
            sock = await _dial(address)
            channel._manual = await manual_transport.connect(channel, sock, tls, address.host)
            await _introduce(channel, address, timeout_s)
    except BaseException as error:
        channel.abort()
        if isinstance(error, TimeoutError):
            raise StoreUnavailable(
                f"{address} did not answer in {timeout_s:g} s{address.silence}"
            ) from error
        if isinstance(error, NotImplementedError):  # the default loop of Windows
            raise StoreUnavailable(
                "this event loop cannot watch sockets: run it with asyncio.SelectorEventLoop"
            ) from error
        fault = error if tls is None else _tls_fault(error)
        if isinstance(fault, OSError):
            raise StoreUnavailable(f"{address}: {fault}") from fault
        raise
    return channel


async def _dial(address: Address) -> socket.socket:
    if address.path is None:
        return await dial(address.host, address.port)
    sock = socket.socket(socket.AF_UNIX)
    try:
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, address.path)
    except BaseException:
        sock.close()
        raise
    return sock


def _tls_fault(error: BaseException) -> BaseException:
    """*error*, or what a handshake that stays refused says: with TLS 1.3 after its end."""
    from fastopts.net import tls

    cause = error.__cause__ if isinstance(error, StoreUnavailable) else None
    explained = tls.explained(cause or error)
    return error if explained is cause else explained


def _unasked(data: bytes) -> StoreError:
    """What a server means that speaks first: one that is full does, and hangs up."""
    if not data.startswith(b"-"):
        return StoreError("a reply that nobody asked for")
    words = data[1:].partition(b"\r\n")[0].decode("utf-8", "replace")
    return StoreError(words, words)


async def _introduce(channel: PipelineConnection, address: Address, timeout_s: float) -> None:
    commands = [pack(*words) for words in (*address.introduction(), ("PING",))]
    replies = ReplyList(len(commands))
    try:
        try:
            await channel.exchange(b"".join(commands), replies, timeout_s)
        except StoreError:
            checked(replies.values)  # who hangs up may have said why
            raise
        checked(replies.values)
    except StoreUnavailable as error:
        if isinstance(error.__cause__, TimeoutError):
            raise
        raise StoreUnavailable(f"{address}: {error}{address.early_close}") from error.__cause__
    except StoreError as error:
        if not error.reply:
            raise
        raise StoreError(f"{address}: {error.reply}", error.reply) from None
