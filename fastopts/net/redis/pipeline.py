"""An asyncio connection to Redis: encoded commands out, replies to a parser of the caller.

One exchange is in progress at a time. An error, a timeout or a cancellation ends the connection as
well: a reply that was not read would be taken for that of the next exchange.
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
from fastopts.net.redis.resp import Replies, ReplyList, Word, check_is_redis, checked, pack

__all__ = ("EXCHANGE_TIMEOUT_S", "OnDone", "PipelineConnection", "connect")

BUFFER_SIZE = 64 * 1024
EXCHANGE_TIMEOUT_S = 10.0  # of exchanges that carry data; short queries get less

# Called at the end of an exchange, with its error if it failed.
OnDone = Callable[[StoreError | None], None]


class PipelineConnection(ManualReading, asyncio.BufferedProtocol):
    """The connection; the event `closed` is set once it is closed."""

    def __init__(self) -> None:
        self.closed = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._view = memoryview(bytearray(BUFFER_SIZE))
        self._start = self._end = 0
        self._replies: Replies | None = None
        self._early_error: StoreError | None = None
        self._done: OnDone | None = None
        self._timeout_s = self._deadline = 0.0
        self._guard: asyncio.TimerHandle | None = None

    @property
    def is_busy(self) -> bool:
        """Whether an exchange is in progress."""
        return self._done is not None

    def send(self, payload: bytes, replies: Replies, timeout_s: float, done: OnDone) -> None:
        """Send *payload*; call *done* once *replies* is done, or with an error.

        The error is StoreUnavailable if the connection is lost or *timeout_s* passes, StoreError
        for malformed replies; the connection is closed then. Raises RuntimeError while another
        exchange is in progress. Callbacks, not futures: the flush of the collector needs no task.
        """
        if self._done is not None:
            raise RuntimeError("an exchange is in progress")
        if self._transport is None:
            done(self._early_error or StoreUnavailable("not connected"))
            return
        self._replies, self._done = replies, done
        self._timeout_s, self._deadline = timeout_s, self._loop.time() + timeout_s
        if self._guard is None or self._guard.when() > self._deadline:
            self._set_timer()
        self._transport.write(payload)

    async def exchange(self, payload: bytes, replies: Replies, timeout_s: float) -> None:
        """Send *payload* and return once *replies* is done. Raises the errors of `send`."""
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
        """Send *commands* and return their replies; error replies are StoreErrors among them."""
        replies = ReplyList(len(commands))
        await self.exchange(b"".join(pack(*command) for command in commands), replies, timeout_s)
        return replies.values

    def abort(self) -> None:
        """Close the connection at once, which fails an exchange in progress."""
        if self._transport is not None:
            self._transport.abort()
            self._transport = self._manual = None
        self._end_exchange(StoreUnavailable("the connection was closed"))

    @property
    def received(self) -> bytes:
        """The received bytes that are not parsed yet."""
        return bytes(self._view[self._start : self._end])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport, which forked children must not use."""
        # uvloop's transports have asyncio's methods, but not its base class
        self._transport = cast("asyncio.Transport", transport)
        forks.keep(self, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail an exchange in progress."""
        forks.lost(self)
        self._transport = self._manual = None
        self.closed.set()
        if self._guard is not None:
            self._guard.cancel()
        error = StoreUnavailable(f"the connection was lost: {exc or 'closed by the server'}")
        error.__cause__ = exc
        self._end_exchange(error)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return the free part of the read buffer."""
        return self._view[self._end :]

    def buffer_updated(self, nbytes: int) -> None:
        """Pass received bytes to the parser of the exchange in progress."""
        self._end += nbytes
        if self._replies is None:
            error = _unsolicited(bytes(self._view[: self._end]))
            # A server that is full sends an error and closes: the next exchange reports it.
            self._early_error = error if error.reply else None
            self._fail(error)
            return
        try:
            self._start = self._replies.acknowledge(self._view, self._start, self._end)
        except StoreError as error:
            self._fail(error)
            return
        is_done, is_empty = self._replies.done, self._start == self._end
        self._make_room()
        if is_done and not is_empty:
            self._fail(StoreError("more replies than commands"))
        elif is_done:
            self._end_exchange(None)
        elif self._end == BUFFER_SIZE:
            self._fail(StoreError(f"a reply longer than {BUFFER_SIZE} bytes"))

    def eof_received(self) -> bool:
        """Let the transport close the connection."""
        return False

    def _make_room(self) -> None:
        size = self._end - self._start
        if size and self._start:
            self._view[:size] = self._view[self._start : self._end].tobytes()
        self._start, self._end = 0, size

    def _set_timer(self) -> None:
        """Check the deadline when it is due.

        One timer serves many exchanges: at 200 flushes a second, creating and cancelling one for
        each would cost more than the check.
        """
        if self._guard is not None:
            self._guard.cancel()
        self._guard = self._loop.call_at(self._deadline, self._check_deadline)

    def _check_deadline(self) -> None:
        self._guard = None
        if self._done is None:
            return
        if self._loop.time() < self._deadline:
            self._set_timer()
        else:
            error = StoreUnavailable(f"no answer in {self._timeout_s:g} s")
            error.__cause__ = TimeoutError()
            self._fail(error)

    def _fail(self, error: StoreError) -> None:
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
    connection = PipelineConnection()
    try:
        async with asyncio.timeout(timeout_s):
            sock = await _dial(address)
            connection._manual = await manual_transport.connect(connection, sock, tls, address.host)
            await _introduce(connection, address, timeout_s)
    except BaseException as error:
        connection.abort()
        if isinstance(error, TimeoutError):
            raise StoreUnavailable(
                f"{address} did not answer in {timeout_s:g} s{address.silence}"
            ) from error
        if isinstance(error, NotImplementedError):  # the default event loop of Windows
            raise StoreUnavailable(
                "this event loop cannot watch sockets: use asyncio.SelectorEventLoop"
            ) from error
        fault = error if tls is None else _tls_fault(error)
        if isinstance(fault, OSError):
            refused = address.is_refusal(fault)
            raise StoreUnavailable(f"{address}: {fault}", is_refused=refused) from fault
        raise
    return connection


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
    """Return *error*, or a TlsFault that explains it.

    With TLS 1.3 a server refuses a client certificate after the handshake, at the first read.
    """
    from fastopts.net import tls

    cause = error.__cause__ if isinstance(error, StoreUnavailable) else None
    explained = tls.explained(cause or error)
    return error if explained is cause else explained


def _unsolicited(data: bytes) -> StoreError:
    """Return the error for a server that sends something before any command."""
    if not data.startswith(b"-"):
        return StoreError("a reply without a command")
    text = data[1:].partition(b"\r\n")[0].decode("utf-8", "replace")
    return StoreError(text, text)


async def _introduce(connection: PipelineConnection, address: Address, timeout_s: float) -> None:
    commands = [pack(*command) for command in (*address.introduction(), ("PING",))]
    replies = ReplyList(len(commands))
    try:
        try:
            await connection.exchange(b"".join(commands), replies, timeout_s)
        except StoreError:
            checked(replies.values)  # a server that closed may have sent the reason
            if not replies.values:
                check_is_redis(address, connection.received)
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
