"""A blocking connection to Redis for readers.

It imports neither asyncio nor, without TLS, ssl: a reader of one option should start fast.
"""

import mmap
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from fastopts.errors import BadInput, StoreError, StoreUnavailable, shown
from fastopts.net.redis.address import Address
from fastopts.net.redis.resp import Replies, ReplyList, check_is_redis, pack

__all__ = (
    "BlockingConnection",
    "check_timeout",
    "connect",
    "explained",
    "may_retry",
    "open_socket",
)

BUFFER_SIZE = 64 * 1024
TIMEOUT_MAX_S = 3600.0
R = TypeVar("R", bound=Replies)


class BlockingConnection:
    """Exchanges with one server, from any thread.

    Connects when needed, and again after any failure: a connection on which a reply was not read
    completely is never reused. A forked child opens its own connection; `forked` is True
    in it until the first exchange.
    """

    def __init__(self, address: Address, timeout_s: float) -> None:
        self._address = address
        self._timeout_s = timeout_s
        # By process id: what belongs to a process is one object. A lock that a thread of the parent
        # held at the fork stays locked in the child.
        self._connections = {os.getpid(): _ProcessConnection(address, timeout_s)}
        # Whether a forked child has logged that it is one. Shared with all children: those of a
        # pool would otherwise log the same, once each.
        self._fork_is_logged = mmap.mmap(-1, 1)
        check_timeout(timeout_s)

    def __del__(self) -> None:
        # Programs rarely close a reader that lives as long as they do. There is no attribute if
        # __init__ failed.
        for connection in getattr(self, "_connections", {}).values():
            connection.drop()

    @property
    def forked(self) -> bool:
        """Whether this is a forked child that has not used the connection yet."""
        return os.getpid() not in self._connections

    def exchange(self, payload: bytes, make_replies: Callable[[], R]) -> R:
        """Send *payload* and return its replies; *make_replies* is called right before.

        Raises StoreUnavailable if the server can't be reached or does not answer in time,
        StoreError for malformed replies.
        """
        return self._own().exchange(payload, make_replies)

    def renew(self) -> None:
        """Have the next exchange open another connection.

        Raises StoreUnavailable if another thread uses this one for longer than the timeout.
        """
        self._own().renew()

    def close(self) -> None:
        """Close the connection; the next exchange opens another."""
        self._own().close()

    def _own(self) -> "_ProcessConnection":
        """Return the connection of this process."""
        return self._connections.get(os.getpid()) or self._replace_parents()

    def _replace_parents(self) -> "_ProcessConnection":
        # Several threads of the child may come here at once: setdefault gives them the same object.
        own = self._connections.setdefault(
            os.getpid(), _ProcessConnection(self._address, self._timeout_s)
        )
        for pid in self._connections.keys() - {os.getpid()}:
            parents = self._connections.pop(pid, None)
            if parents is not None:
                # Without its lock, which a thread of the parent may have held at the fork.
                parents.drop()
                if not self._fork_is_logged[0]:
                    self._fork_is_logged[0] = 1
                    _warn_of_fork()
        return own


class _ProcessConnection:
    """The connection of one process, and the lock of its threads."""

    def __init__(self, address: Address, timeout_s: float) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._view = memoryview(bytearray(BUFFER_SIZE))

    def exchange(self, payload: bytes, make_replies: Callable[[], R]) -> R:
        """See BlockingConnection."""
        self._acquire()
        try:
            is_reused = self._socket is not None
            try:
                return self._try(payload, make_replies)
            except StoreUnavailable as error:
                if not (is_reused and may_retry(error)):
                    raise
                return self._try(payload, make_replies)
        finally:
            self._lock.release()

    def renew(self) -> None:
        """Close the connection once no thread uses it."""
        self._acquire()
        try:
            self.drop()
        finally:
            self._lock.release()

    def close(self) -> None:
        """Close the connection, waiting for the thread that uses it."""
        with self._lock:
            self.drop()

    def _acquire(self) -> None:
        # With a timeout: otherwise each thread would wait for a hanging server once for every
        # thread before it.
        if not self._lock.acquire(timeout=self._timeout_s):
            raise _unavailable(self._address, TimeoutError(), self._timeout_s)

    def drop(self) -> None:
        """Close the connection whatever any thread does."""
        connection, self._socket = self._socket, None
        if connection is not None:
            connection.close()

    def _try(self, payload: bytes, make_replies: Callable[[], R]) -> R:
        is_new = self._socket is None
        try:
            if self._socket is None:
                self._socket = connect(self._address, self._timeout_s)
            replies = make_replies()
            self._communicate(self._socket, payload, replies, is_new)
        except OSError as caught:
            self.drop()
            error = explained(self._address, caught)
            raise _unavailable(self._address, error, self._timeout_s, is_new) from error
        except BaseException:
            self.drop()
            raise
        return replies

    def _communicate(
        self, connection: socket.socket, payload: bytes, replies: Replies, is_new: bool
    ) -> None:
        view = self._view
        deadline = time.monotonic() + self._timeout_s
        connection.sendall(payload)
        start = end = 0
        while not replies.done:
            if end == BUFFER_SIZE:
                view[: end - start] = view[start:end].tobytes()
                start, end = 0, end - start
                if end == BUFFER_SIZE:
                    raise StoreError(f"a reply longer than {BUFFER_SIZE} bytes")
            count = connection.recv_into(view[end:])
            if not count:
                raise ConnectionResetError("closed by the server")
            if is_new:
                check_is_redis(self._address, view[end : end + count])
                is_new = False
            end += count
            start = replies.acknowledge(view, start, end)
            if start == end:
                start = end = 0
            if not replies.done and time.monotonic() > deadline:
                raise TimeoutError  # the server sends, but too slowly
        if start != end:
            raise StoreError("more replies than commands")


def check_timeout(timeout_s: float) -> None:
    """Raise BadInput unless *timeout_s* is a number of seconds above 0, at most an hour."""
    is_number = isinstance(timeout_s, int | float) and not isinstance(timeout_s, bool)
    if not is_number or not 0 < timeout_s <= TIMEOUT_MAX_S:
        fault = f"timeout_s: {shown(timeout_s)}"
        raise BadInput(f"{fault}: write seconds, more than 0, at most an hour")


def may_retry(error: StoreUnavailable) -> bool:
    """Whether an exchange that failed on a reused connection may be tried on a new one.

    The reused one may have died long ago. A server that did not answer in time is not asked again:
    the caller has waited for as long as it wanted to.
    """
    return not isinstance(error.__cause__, TimeoutError)


def connect(address: Address, timeout_s: float) -> socket.socket:
    """Connect, authenticate and select the database; every step within *timeout_s*.

    Raises OSError, or StoreError if the server refuses.
    """
    connection = open_socket(address, timeout_s)
    try:
        _introduce(connection, address, time.monotonic() + timeout_s)
    except BaseException:
        connection.close()
        raise
    return connection


def open_socket(address: Address, timeout_s: float) -> socket.socket:
    """Connect, with TLS if the address has it, and send nothing yet. Raises OSError."""
    if address.path is not None:
        return _open_unix(address.path, timeout_s)
    connection = socket.create_connection((address.host, address.port), timeout_s)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if address.tls:
        from fastopts.net import tls

        try:
            context = tls.of(address)
            assert context is not None
            return context.wrap_socket(connection, server_hostname=address.host)
        except BaseException:
            connection.close()
            raise
    return connection


def _open_unix(path: str, timeout_s: float) -> socket.socket:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(timeout_s)
    try:
        connection.connect(path)
    except BaseException:
        connection.close()
        raise
    return connection


def _introduce(connection: socket.socket, address: Address, deadline: float) -> None:
    commands = [pack(*words) for words in address.introduction()]
    if not commands:
        return
    replies = ReplyList(len(commands))
    connection.sendall(b"".join(commands))
    is_first = True
    while not replies.done:
        data = connection.recv(BUFFER_SIZE)
        if not data:
            raise ConnectionResetError("closed by the server")
        if is_first:
            check_is_redis(address, data)
            is_first = False
        replies.acknowledge(memoryview(data), 0, len(data))
        if time.monotonic() > deadline:
            raise TimeoutError
    for reply in replies.values:
        if isinstance(reply, StoreError):
            raise StoreError(f"{address}: {reply.reply}", reply.reply)


def _warn_of_fork() -> None:
    import logging  # only here: it would be a tenth of a reader's memory

    logging.getLogger(__name__).warning(
        "this process was forked: it opens a Redis connection of its own"
    )


def _unavailable(
    address: Address, error: OSError, timeout_s: float, is_new: bool = False
) -> StoreUnavailable:
    reason = f"no answer in {timeout_s:g} s" if isinstance(error, TimeoutError) else str(error)
    if is_new and isinstance(error, TimeoutError):
        reason += address.silence
    elif is_new and isinstance(error, ConnectionResetError | BrokenPipeError):
        reason += address.early_close
    return StoreUnavailable(f"{address}: {reason}", is_refused=address.is_refusal(error))


def explained(address: Address, error: OSError) -> OSError:
    """Return *error*, or a TlsFault that explains it.

    With TLS 1.3 a server refuses a client certificate after the handshake, at the first read.
    """
    if not address.tls:
        return error
    from fastopts.net import tls

    explained = tls.explained(error)
    assert isinstance(explained, OSError)
    return explained
