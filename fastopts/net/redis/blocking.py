"""One blocking connection to Redis, for readers. Loads neither asyncio nor, without TLS, ssl."""

import os
import socket
import threading
import time
from collections.abc import Callable
from typing import TypeVar

from fastopts.errors import BadInput, StoreError, StoreUnavailable
from fastopts.net.redis.address import Address
from fastopts.net.redis.resp import Replies, ReplyList, pack

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
    """Asks one server, from any thread; connects when needed, and anew after any trouble.

    A connection on which a reply was not read to its end is never used again. After a fork the
    child opens its own; `forked` tells that it is one.
    """

    def __init__(self, address: Address, timeout_s: float) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._lines = {os.getpid(): _Line(address, timeout_s)}
        check_timeout(timeout_s)

    def __del__(self) -> None:
        # A reader that lives as long as its program is not always closed by hand.
        for line in getattr(self, "_lines", {}).values():  # none where it was not made whole
            line.drop()

    @property
    def forked(self) -> bool:
        """Whether another process made it, and nothing was asked since."""
        return os.getpid() not in self._lines

    def exchange(self, payload: bytes, make_replies: Callable[[], R]) -> R:
        """Send *payload*, return the replies once they are done. *make_replies* is called right
        before it is sent.

        Raises StoreUnavailable when the server can't be reached or does not answer in time,
        StoreError for replies that are none.
        """
        line = self._lines.get(os.getpid()) or self._leave_the_parents()
        return line.exchange(payload, make_replies)

    def renew(self) -> None:
        """Have the next exchange open another connection. Raises StoreUnavailable when a thread
        keeps this one busy for too long."""
        line = self._lines.get(os.getpid()) or self._leave_the_parents()
        line.renew()

    def close(self) -> None:
        line = self._lines.get(os.getpid()) or self._leave_the_parents()
        line.close()

    def _leave_the_parents(self) -> "_Line":
        # Several threads of the child may come here at once: they get one and the same line.
        line = self._lines.setdefault(os.getpid(), _Line(self._address, self._timeout_s))
        for pid in self._lines.keys() - {os.getpid()}:
            parents = self._lines.pop(pid, None)
            if parents is not None:
                # Past its lock, which a thread of the parent's may have held when it forked.
                parents.drop()
                _tell_of_fork()
        return line


class _Line:
    """One process's connection, and the lock of its threads."""

    def __init__(self, address: Address, timeout_s: float) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._view = memoryview(bytearray(BUFFER_SIZE))

    def exchange(self, payload: bytes, make_replies: Callable[[], R]) -> R:
        self._acquire()
        try:
            is_kept = self._socket is not None
            try:
                return self._try(payload, make_replies)
            except StoreUnavailable as error:
                if not (is_kept and may_retry(error)):
                    raise
                return self._try(payload, make_replies)
        finally:
            self._lock.release()

    def renew(self) -> None:
        self._acquire()
        try:
            self.drop()
        finally:
            self._lock.release()

    def close(self) -> None:
        with self._lock:
            self.drop()

    def _acquire(self) -> None:
        # Who waits for a server that hangs would otherwise wait for all who came before, too.
        if not self._lock.acquire(timeout=self._timeout_s):
            raise _unavailable(self._address, TimeoutError(), self._timeout_s)

    def drop(self) -> None:
        connection, self._socket = self._socket, None
        if connection is not None:
            connection.close()

    def _try(self, payload: bytes, make_replies: Callable[[], R]) -> R:
        is_new = self._socket is None
        try:
            if self._socket is None:
                self._socket = connect(self._address, self._timeout_s)
            replies = make_replies()
            self._converse(self._socket, payload, replies)
        except OSError as caught:
            self.drop()
            error = explained(self._address, caught)
            raise _unavailable(self._address, error, self._timeout_s, is_new) from error
        except BaseException:
            self.drop()
            raise
        return replies

    def _converse(self, connection: socket.socket, payload: bytes, replies: Replies) -> None:
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
            end += count
            start = replies.acknowledge(view, start, end)
            if start == end:
                start = end = 0
            if not replies.done and time.monotonic() > deadline:
                raise TimeoutError  # a server that only drips
        if start != end:
            raise StoreError("more replies than commands")


def check_timeout(timeout_s: float) -> None:
    """Raises BadInput for what is no time to wait."""
    is_number = isinstance(timeout_s, int | float) and not isinstance(timeout_s, bool)
    if not is_number or not 0 < timeout_s <= TIMEOUT_MAX_S:
        shown = f"{timeout_s:g}" if isinstance(timeout_s, float) else type(timeout_s).__name__
        raise BadInput(f"timeout_s: {shown}: write seconds, more than 0, at most an hour")


def may_retry(error: StoreUnavailable) -> bool:
    """Whether a new connection may do what a kept one could not.

    It may have died long ago; a new one tells whether the server has. What did not answer in time
    is not asked again.
    """
    return not isinstance(error.__cause__, TimeoutError)


def connect(address: Address, timeout_s: float) -> socket.socket:
    """Connect, authenticate and select the database; every step within *timeout_s*.

    Raises OSError, or StoreError when the server refuses.
    """
    connection = open_socket(address, timeout_s)
    try:
        _introduce(connection, address, time.monotonic() + timeout_s)
    except BaseException:
        connection.close()
        raise
    return connection


def open_socket(address: Address, timeout_s: float) -> socket.socket:
    """Connect, and say nothing yet. Raises OSError."""
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
    while not replies.done:
        data = connection.recv(BUFFER_SIZE)
        if not data:
            raise ConnectionResetError("closed by the server")
        replies.acknowledge(memoryview(data), 0, len(data))
        if time.monotonic() > deadline:
            raise TimeoutError
    for reply in replies.values:
        if isinstance(reply, StoreError):
            raise StoreError(f"{address}: {reply.reply}", reply.reply)


def _tell_of_fork() -> None:
    import logging  # not before it is needed: it would be a tenth of a reader's memory

    logging.getLogger(__name__).warning(
        "this process was forked: it reads over a connection of its own"
    )


def _unavailable(
    address: Address, error: OSError, timeout_s: float, is_new: bool = False
) -> StoreUnavailable:
    words = f"no answer in {timeout_s:g} s" if isinstance(error, TimeoutError) else str(error)
    if is_new and isinstance(error, TimeoutError):
        words += address.silence
    elif is_new and isinstance(error, ConnectionResetError | BrokenPipeError):
        words += address.early_close
    return StoreUnavailable(f"{address}: {words}")


def explained(address: Address, error: OSError) -> OSError:
    """*error*, or what is behind it where TLS fails: with 1.3 only at the first reply."""
    if not address.tls:
        return error
    from fastopts.net import tls

    explained = tls.explained(error)
    assert isinstance(explained, OSError)
    return explained
