"""One blocking connection to Redis, for readers. Loads neither asyncio nor, without TLS, ssl."""

import os
import socket
import threading
from typing import Any

from fastopts.errors import StoreError, StoreUnavailable
from fastopts.net.address import Address
from fastopts.net.resp import pack, reply_reader

__all__ = ("BlockingChannel",)

READ_SIZE = 64 * 1024


class BlockingChannel:
    """Asks one server, from any thread; connects when needed, and anew after any trouble.

    A connection on which a reply was not read to its end is never used again. After a fork the
    child opens its own.
    """

    def __init__(self, address: Address, timeout_s: float) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._pid = 0

    def __del__(self) -> None:
        # A reader that lives as long as its program is not always closed by hand.
        self._drop()

    def ask(self, payload: bytes, count: int) -> list[Any]:
        """Send *payload*, return its *count* replies; a refusal is among them as a StoreError.

        Raises StoreUnavailable when the server can't be reached or does not answer in time.
        """
        with self._lock:
            is_kept = self._socket is not None and self._pid == os.getpid()
            try:
                return self._exchange(payload, count)
            except StoreUnavailable as error:
                # A kept connection may have died long ago; a new one tells whether the server has.
                if not is_kept or isinstance(error.__cause__, TimeoutError):
                    raise
                return self._exchange(payload, count)

    def close(self) -> None:
        with self._lock:
            self._drop()

    def _exchange(self, payload: bytes, count: int) -> list[Any]:
        try:
            if self._socket is None or self._pid != os.getpid():
                self._drop()
                self._open()
            return self._converse(payload, count)
        except OSError as error:
            self._drop()
            words = (
                f"no answer in {self._timeout_s:g} s" if isinstance(error, TimeoutError) else error
            )
            raise StoreUnavailable(f"{self._address}: {words}") from error
        except BaseException:
            self._drop()
            raise

    def _converse(self, payload: bytes, count: int) -> list[Any]:
        assert self._socket is not None
        self._socket.sendall(payload)
        reader = reply_reader()
        replies: list[Any] = []
        while len(replies) < count:
            reply = reader.gets()
            if reply is not False:
                replies.append(reply)
                continue
            data = self._socket.recv(READ_SIZE)
            if not data:
                raise ConnectionResetError("closed by the server")
            reader.feed(data)
        if reader.has_data():
            raise StoreError("more replies than commands")
        return replies

    def _open(self) -> None:
        address = self._address
        if address.path is not None:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            self._socket.settimeout(self._timeout_s)
            self._socket.connect(address.path)
        else:
            self._socket = socket.create_connection((address.host, address.port), self._timeout_s)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if address.tls:
                from fastopts.net import tls

                context = tls.context(address.host, insecure=False)
                self._socket = context.wrap_socket(self._socket, server_hostname=address.host)
        self._pid = os.getpid()
        commands = [pack(*words) for words in address.introduction()]
        for reply in self._converse(b"".join(commands), len(commands)):
            if isinstance(reply, StoreError):
                raise StoreError(f"{address}: {reply.reply}", reply.reply)

    def _drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
