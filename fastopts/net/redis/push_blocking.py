"""A conversation over a blocking connection: moves the bytes of a session that makes the rules."""

import contextlib
import socket
from collections.abc import Iterable
from typing import Final, Protocol

from fastopts.clock import steady_s
from fastopts.net.redis.address import Address
from fastopts.net.redis.blocking import explained, open_socket

__all__ = ("WAIT_MAX_S", "BlockingPushConnection", "PushSession")

READ_SIZE: Final = 64 * 1024
WAIT_MAX_S: Final = 0.25


class PushSession(Protocol):
    """The rules: what to say, and what to make of what was heard."""

    def start(self, introduction: Iterable[tuple[str, ...]]) -> None:
        """A new connection is there; it begins with the commands of *introduction*."""

    def receive(self, data: bytes, now: float) -> None:
        """Hear *data*."""

    def data_to_send(self) -> bytes:
        """Drain what is to be said."""

    def next_deadline(self) -> float:
        """When `tick` is due."""

    def tick(self, now: float) -> None:
        """Time has passed."""


class BlockingPushConnection:
    """Holds one *conversation* with the server at *address*; `run` it in a thread."""

    def __init__(self, address: Address, conversation: PushSession, timeout_s: float) -> None:
        self._address = address
        self._conversation = conversation
        self._timeout_s = timeout_s
        self._socket: socket.socket | None = None
        self._is_over = False
        self._heard_at = 0.0

    def run(self) -> None:
        """Talk until `end`. Raises OSError or what the conversation raises: it is over then."""
        try:
            with open_socket(self._address, self._timeout_s) as connection:
                self._socket = connection
                self._conversation.start(self._address.introduction())
                self._heard_at = steady_s()
                while not self._is_over:
                    self._say(connection)
                    self._hear(connection)
        except OSError as error:
            if self._is_over:  # `end` shut the connection down while it was written or read
                return
            raise explained(self._address, error) from error.__cause__

    def end(self) -> None:
        """Have `run` return, from any thread."""
        self._is_over = True
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it is gone already
                self._socket.shutdown(socket.SHUT_RDWR)

    def _say(self, connection: socket.socket) -> None:
        self._conversation.tick(steady_s())
        data = self._conversation.data_to_send()
        if data:
            connection.settimeout(self._timeout_s)
            connection.sendall(data)

    def _hear(self, connection: socket.socket) -> None:
        now = steady_s()
        connection.settimeout(min(max(self._conversation.next_deadline() - now, 0.001), WAIT_MAX_S))
        try:
            data = connection.recv(READ_SIZE)
        except TimeoutError:
            if steady_s() - self._heard_at > self._timeout_s:
                raise TimeoutError(f"no answer in {self._timeout_s:g} s") from None
            return
        if not data and not self._is_over:
            raise ConnectionResetError("closed by the server")
        self._heard_at = steady_s()
        self._conversation.receive(data, self._heard_at)
