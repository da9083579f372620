"""One kept-alive HTTP connection, with as little in between as there can be."""

import socket
from typing import Any, Self

import orjson

from bench.failures import Failed

__all__ = ("Client",)


class Client:
    """A context manager."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def get(self, path: str) -> bytes:
        """The body of a 200."""
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        received = b""
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._receive()
        head = received[:end].lower()
        if not head.startswith(b"http/1.1 200"):
            raise Failed(f"{path}: {received[:300]!r}")
        size = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        parts, have = [received[end + 4 :]], len(received) - end - 4
        while have < size:
            parts.append(self._receive())
            have += len(parts[-1])
        return b"".join(parts)

    def json(self, path: str) -> Any:
        return orjson.loads(self.get(path))

    def _receive(self) -> bytes:
        data = self._socket.recv(1 << 18)
        if not data:
            raise Failed("the server hung up")
        return data
