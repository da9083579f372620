"""A blocking connection over which the server speaks, too: for a mirror in a thread.

It moves bytes; a sans-I/O session decides what to send and what received data means.
"""

import contextlib
import socket
from collections.abc import Iterable
from typing import Final, Protocol

from fastopts.clock import steady_s
from fastopts.net.redis.address import Address
from fastopts.net.redis.blocking import explained, open_socket

__all__ = ("WAIT_MAX_S", "BlockingPushConnection", "PushSession")

READ_SIZE: Final = 64 * 1024
WAIT_MAX_S: Final = 0.25  # longest wait, so that `end` and deadlines set meanwhile are noticed


class PushSession(Protocol):
    """A sans-I/O session. *now* is `clock.steady_s`."""

    def start(self, introduction: Iterable[tuple[str, ...]]) -> None:
        """A new connection is open; begin it with the commands of *introduction*."""

    def receive(self, data: bytes, now: float) -> None:
        """Process received *data*."""

    def data_to_send(self) -> bytes:
        """Return the bytes to send, and forget them."""

    def next_deadline(self) -> float:
        """Return when `tick` is due."""

    def tick(self, now: float) -> None:
        """Do what is due at *now*."""


class BlockingPushConnection:
    """Connects one *session* with the server at *address*; call `run` in a thread."""

    def __init__(self, address: Address, session: PushSession, timeout_s: float) -> None:
        self._address = address
        self._session = session
        self._timeout_s = timeout_s
        self._socket: socket.socket | None = None
        self._is_over = False
        self._received_at = 0.0

    def run(self) -> None:
        """Run until `end`. Raises OSError, or an error of the session."""
        try:
            with open_socket(self._address, self._timeout_s) as connection:
                self._socket = connection
                self._session.start(self._address.introduction())
                self._received_at = steady_s()
                while not self._is_over:
                    self._send(connection)
                    self._receive(connection)
        except OSError as error:
            if self._is_over:  # `end` shut the connection down during a read or write
                return
            raise explained(self._address, error) from error.__cause__

    def end(self) -> None:
        """Have `run` return, from any thread."""
        self._is_over = True
        if self._socket is not None:
            with contextlib.suppress(OSError):  # closed already
                self._socket.shutdown(socket.SHUT_RDWR)

    def _send(self, connection: socket.socket) -> None:
        self._session.tick(steady_s())
        data = self._session.data_to_send()
        if data:
            connection.settimeout(self._timeout_s)
            connection.sendall(data)

    def _receive(self, connection: socket.socket) -> None:
        now = steady_s()
        connection.settimeout(min(max(self._session.next_deadline() - now, 0.001), WAIT_MAX_S))
        try:
            data = connection.recv(READ_SIZE)
        except TimeoutError:
            if steady_s() - self._received_at > self._timeout_s:
                raise TimeoutError(f"no answer in {self._timeout_s:g} s") from None
            return
        if not data and not self._is_over:
            raise ConnectionResetError("closed by the server")
        self._received_at = steady_s()
        self._session.receive(data, self._received_at)
