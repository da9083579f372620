"""Servers between a reader and the real one that cut, drip or fall silent."""

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Self

__all__ = ("ReplyProxy", "cut", "drip", "garbage", "half", "reset", "twice")

# Hands an answer on: what it is, and the connection to the reader.
Manner = Callable[[bytes, socket.socket], None]


class ReplyProxy:
    """Passes a reader's commands to the server on *port*, and its answers back in some manner."""

    def __init__(self, port: int) -> None:
        self.manner: Manner = lambda answer, to: to.sendall(answer)
        self.accepted = 0
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads: list[threading.Thread] = []
        self._sockets: list[socket.socket] = [self._listener]

    def __enter__(self) -> Self:
        self._begin(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._sockets:
            close(each)
        for thread in self._threads:
            thread.join()

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self._listener.getsockname()[1]}"

    def _begin(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                reader, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self._port))
            self._sockets += [reader, server]
            self.accepted += 1
            self._begin(lambda r=reader, s=server: self._pass(r, s.sendall))  # type: ignore[misc]
            self._begin(lambda r=reader, s=server: self._answer(s, r))  # type: ignore[misc]

    def _answer(self, server: socket.socket, reader: socket.socket) -> None:
        self._pass(server, lambda data: self.manner(data, reader))

    def _pass(self, source: socket.socket, hand_on: Callable[[bytes], None]) -> None:
        try:
            while data := source.recv(1 << 20):
                hand_on(data)
        except OSError:
            return


def close(each: socket.socket) -> None:
    """Wake who waits in it, too."""
    with contextlib.suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()


def half(answer: bytes, to: socket.socket) -> None:
    to.sendall(answer[: len(answer) // 2])


def cut(answer: bytes, to: socket.socket) -> None:
    half(answer, to)
    close(to)


def reset(answer: bytes, to: socket.socket) -> None:
    half(answer, to)
    to.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    close(to)


def twice(answer: bytes, to: socket.socket) -> None:
    to.sendall(answer * 2)


def garbage(answer: bytes, to: socket.socket) -> None:
    to.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


def drip(answer: bytes, to: socket.socket) -> None:
    for place in range(len(answer)):
        time.sleep(0.02)
        to.sendall(answer[place : place + 1])
