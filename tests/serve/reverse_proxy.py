"""Reverse proxies in front of a server: a small one for tests, and nginx."""

import contextlib
import http.client
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, Self

from tests.serve.http_server import WAIT_S, Answer, until
from tests.support.ports import free_port

__all__ = ("NGINX", "ReverseProxy", "appended_for", "ask", "nginx")

NGINX: Final = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
Lines = list[tuple[str, str]]
HOP: Final = ("connection", "keep-alive", "proxy-connection")


def appended_for(lines: Lines, client: str) -> Lines:
    """*lines* with *client* appended to X-Forwarded-For, as nginx's $proxy_add_x_forwarded_for."""
    earlier = [value for name, value in lines if name.lower() == "x-forwarded-for"]
    remaining = [(name, value) for name, value in lines if name.lower() != "x-forwarded-for"]
    return [*remaining, ("X-Forwarded-For", ", ".join([*earlier, client]))]


class ReverseProxy:
    """A reverse proxy on loopback to *port*, as a context manager.

    Each request gets an upstream connection of its own; *rewrite* changes its headers, and *prefix*
    is stripped from its path.
    """

    def __init__(
        self,
        port: int,
        rewrite: Callable[[Lines, str], Lines] = appended_for,
        prefix: str = "",
    ) -> None:
        self._upstream = port
        self._rewrite = rewrite
        self._prefix = prefix
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._thread = threading.Thread(target=self._accept)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        self._thread.join()

    def _accept(self) -> None:
        workers = []
        while True:
            try:
                client, (address, _) = self._listener.accept()
            except OSError:
                break
            workers.append(threading.Thread(target=self._serve, args=(client, address)))
            workers[-1].start()
        for worker in workers:
            worker.join()

    def _serve(self, client: socket.socket, address: str) -> None:
        with client, contextlib.suppress(OSError):
            self._open.add(client)
            client.settimeout(WAIT_S)
            head, rest = _head(client)
            if not head:
                return
            request, *lines = head.decode("latin-1").split("\r\n")
            pairs = [line.partition(":") for line in lines]
            fields = [(name, value.strip()) for name, _, value in pairs]
            is_upgrade = any(name.lower() == "upgrade" for name, _ in fields)
            if not is_upgrade:
                fields = [each for each in fields if each[0].lower() not in HOP]
                fields.append(("Connection", "close"))
            method, path, version = request.split(" ")
            path = path.removeprefix(self._prefix) or "/"
            fields = self._rewrite(fields, address)
            text = "".join(f"{name}: {value}\r\n" for name, value in fields)
            with socket.create_connection(("127.0.0.1", self._upstream), WAIT_S) as upstream:
                self._open.add(upstream)
                upstream.sendall(
                    f"{method} {path} {version}\r\n{text}\r\n".encode("latin-1") + rest
                )
                back = threading.Thread(target=_pump, args=(client, upstream))
                back.start()
                _pump(upstream, client)
                back.join()
                self._open.discard(upstream)
        self._open.discard(client)


def _head(client: socket.socket) -> tuple[bytes, bytes]:
    received = b""
    while b"\r\n\r\n" not in received:
        data = client.recv(65536)
        if not data:
            return b"", b""
        received += data
    head, _, rest = received.partition(b"\r\n\r\n")
    return head, rest


def _pump(source: socket.socket, target: socket.socket) -> None:
    """Copy until *source* ends, then end *target*."""
    source.settimeout(None)
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


def ask(
    port: int,
    path: str = "/v1/feed",
    headers: Mapping[str, str] | None = None,
    source: str = "127.0.0.1",
) -> Answer:
    """One request from *source* to a port of loopback."""
    opened = http.client.HTTPConnection(
        "127.0.0.1", port, timeout=WAIT_S, source_address=(source, 0)
    )
    with contextlib.closing(opened) as connection:
        connection.request("GET", path, headers=dict(headers or {}))
        response = connection.getresponse()
        fields = [(name.lower(), value) for name, value in response.getheaders()]
        return Answer(response.status, fields, response.read())


@contextlib.contextmanager
def nginx(folder: Path, locations: str) -> Iterator[int]:
    """The port of an nginx with a server of *locations*, while the block runs."""
    assert NGINX is not None
    port = free_port()
    temporary = "\n".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    config = folder / "nginx.conf"
    config.write_text(f"""
        daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log;
        events {{ worker_connections 256; }}
        http {{
          access_log off;
          {temporary}
          map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}
          server {{
            listen 127.0.0.1:{port};
            proxy_http_version 1.1;
            {locations}
          }}
        }}
    """)
    command = [NGINX, "-e", str(folder / "error.log"), "-c", str(config), "-p", str(folder)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        until(lambda: _answers(port))
        yield port
    finally:
        process.terminate()
        process.wait(WAIT_S)


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
