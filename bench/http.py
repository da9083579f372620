"""A minimal HTTP client: one keep-alive connection.

requests or urllib3 would cost several times the server's own time per request.
"""

import socket
from typing import Any, Self

import orjson

from bench.failures import Failed

__all__ = ("Client",)


class Client:
    """A blocking connection to 127.0.0.1. A context manager."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        # Without it, Nagle's algorithm can delay a request by the peer's delayed acknowledgement.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def get(self, path: str) -> bytes:
        """Return the body of a response with status 200. Raises Failed for any other."""
        self._socket.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        received = b""
        while (end := received.find(b"\r\n\r\n")) < 0:
            received += self._receive()
        head = received[:end].lower()
        if not head.startswith(b"http/1.1 200"):
            raise Failed(f"{path}: {received[:300]!r}")
        size = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
        parts, received_size = [received[end + 4 :]], len(received) - end - 4
        while received_size < size:
            parts.append(self._receive())
            received_size += len(parts[-1])
        return b"".join(parts)

    def json(self, path: str) -> Any:
        """Return the decoded body of a response with status 200. Raises Failed for any other."""
        return orjson.loads(self.get(path))

    def _receive(self) -> bytes:
        data = self._socket.recv(1 << 18)
        if not data:
            raise Failed("connection closed by the server")
        return data
