"""A real server in a thread of its own, and its clients: HTTP, WebSocket and raw sockets."""

import asyncio
import contextlib
import http.client
import json
import os
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import TracebackType
from typing import Any, Final, Self

import uvloop
from websockets.sync.client import ClientConnection, connect

from fastopts.reader import AsyncOptionReader
from fastopts.serve.http.admission import Admission
from fastopts.serve.run import HttpServer, listening
from fastopts.serve.settings import Limits, ServeSettings
from fastopts.serve.stats import ServerStats
from tests.support.waiting import PATIENCE_S

__all__ = ("KEY", "WAIT_S", "Answer", "HttpServerThread", "Raw", "frame", "strict", "until")

WAIT_S: Final = PATIENCE_S
KEY: Final = "dGhlIHNhbXBsZSBub25jZQ=="
_NO_LIMITS: Final = Limits()


def until(condition: Callable[[], object]) -> None:
    """Wait until *condition* holds; other threads and processes bring it about."""
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come to hold"
        time.sleep(0.005)


def strict(text: str | bytes) -> Any:
    """Parse JSON as browsers do, without NaN and Infinity."""

    def refuse(word: str) -> None:
        raise ValueError(f"{word} is not JSON")

    return json.loads(text, parse_constant=refuse)


@dataclass(frozen=True, slots=True)
class Answer:
    """A server's response to one request; header names in lower case."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = field(repr=False)

    def __getitem__(self, name: str) -> str | None:
        """The value of the header *name*; None if it is missing or repeated."""
        values = [value for header, value in self.headers if header == name]
        return values[0] if len(values) == 1 else None

    @property
    def json(self) -> Any:
        return strict(self.body)

    @property
    def reason(self) -> str:
        """The reason of a problem."""
        return str(self.json["reason"])


class HttpServerThread:
    """Serves the Redis at *url* with *settings* on a free port, as a context manager.

    *buffer* is the size of the kernel's send buffer for a client that does not read.
    """

    def __init__(
        self,
        url: str,
        settings: ServeSettings | None = None,
        *,
        limits: Limits = _NO_LIMITS,
        venue: str = "bybit",
        password: str | None = None,
        buffer: int | None = None,
    ) -> None:
        base_settings = settings or ServeSettings(limits=limits, beat_s=0.05)
        self.settings = replace(base_settings, port=0)
        if self.settings.ready_age_s == ServeSettings().ready_age_s:
            # The options tick only when a test ticks them, and a busy machine takes longer than
            # the default to start the server.
            self.settings = replace(self.settings, ready_age_s=WAIT_S)
        self.settings.check()
        self.server: HttpServer
        self.host = self.settings.bind[0]
        self.port = 0
        self._buffer = buffer
        self._reader = AsyncOptionReader(url, venue, password=password)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        until(lambda: self.port or self._error)
        if self._error is not None:
            self._thread.join()
            raise self._error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()
        if self._error is not None and error is None:
            raise self._error

    def end(self) -> None:
        """Shut it down, as a signal does."""
        self.server.should_exit = True
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive(), "the server does not end"

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._serve())
        except BaseException as error:  # noqa: BLE001 - the test's thread raises it
            self._error = error

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        with listening(self.settings) as sockets:
            await self._run_server(sockets)

    async def _run_server(self, sockets: list[socket.socket]) -> None:
        self.server = HttpServer(self._reader, self.settings)
        running = asyncio.ensure_future(self.server.run(sockets))
        while not (self.server.started or running.done()):  # noqa: ASYNC110 - it has no Event
            await asyncio.sleep(0.002)
        if not running.done():
            listener = self.server.servers[0].sockets[0]
            if self._buffer is not None:
                with socket.socket(fileno=os.dup(listener.fileno())) as same:
                    same.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, self._buffer)
            self.port = listener.getsockname()[1]
        await running

    def call(self, function: Callable[[], Any]) -> Any:
        """Return what *function* returns in the server's loop."""

        async def main() -> Any:
            return function()

        return asyncio.run_coroutine_threadsafe(main(), self.loop).result(WAIT_S)

    @property
    def base(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def stats(self) -> ServerStats:
        """The server's counters."""
        return self.server.application.stats

    @property
    def admission(self) -> Admission:
        """The server's count of connections."""
        return self.server.admission

    @property
    def connections(self) -> int:
        """The open connections, as the server counts them."""
        return len(self.server.server_state.connections)

    def ready(self, headers: Mapping[str, str] | None = None) -> Self:
        """Wait until the server has live data."""
        until(lambda: self.get("/ready", headers).status == 200)
        return self

    def get(
        self,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        source: str = "127.0.0.1",
        body: bytes | None = None,
    ) -> Answer:
        """Send one request over a new connection; of an event stream only the head is read."""
        opened = http.client.HTTPConnection(
            self.host, self.port, timeout=WAIT_S, source_address=(source, 0)
        )
        with contextlib.closing(opened) as connection:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            fields = [(name.lower(), value) for name, value in response.getheaders()]
            is_stream = (response.getheader("content-type") or "").startswith("text/event-stream")
            return Answer(response.status, fields, b"" if is_stream else response.read())

    def metrics(self, headers: Mapping[str, str] | None = None) -> dict[str, float]:
        """The samples of /metrics, by name and labels."""
        lines = self.get("/metrics", headers).body.decode().splitlines()
        pairs = (line.rpartition(" ") for line in lines if not line.startswith("#"))
        return {name: float(value) for name, _, value in pairs}

    def raw(self, source: str = "127.0.0.1", buffer: int | None = None) -> "Raw":
        """A raw connection; close it, or use it as a context manager."""
        return Raw(self.host, self.port, source, buffer)

    def websocket(self, path: str = "/v1/stream", **options: Any) -> ClientConnection:
        """A WebSocket; use it as a context manager."""
        client: ClientConnection = connect(
            f"ws://{self.host}:{self.port}{path}", proxy=None, **options
        )
        return client

    @contextlib.contextmanager
    def events(self, query: str = "", headers: str = "") -> Iterator[Iterator[dict[str, Any]]]:
        """The messages of an event stream, in order."""
        with self.raw() as raw:
            raw.ask(f"/v1/events{query}", headers)
            status, _ = raw.head()
            assert status == 200, status
            yield raw.messages()


class Raw:
    """A socket to a server; *buffer* is the size of its receive buffer."""

    def __init__(self, host: str, port: int, source: str, buffer: int | None) -> None:
        self.socket = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        try:
            if buffer is not None:
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
            self.socket.settimeout(WAIT_S)
            if ":" not in host:
                self.socket.bind((source, 0))
            self.socket.connect((host, port))
        except OSError:
            self.socket.close()
            raise
        self.host = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        self._held = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def send(self, data: bytes) -> bool:
        """Send *data*; return whether the connection is still open."""
        try:
            self.socket.sendall(data)
        except OSError:
            return False
        return True

    def ask(self, path: str, headers: str = "", *, method: str = "GET") -> None:
        """Send a request; *headers* are whole lines."""
        self.send(
            f"{method} {path} HTTP/1.1\r\nHost: {self.host}\r\n{headers}\r\n".encode("latin-1")
        )

    def upgrade(self, path: str = "/v1/stream", headers: str = "") -> int:
        """Ask for a WebSocket; return the status."""
        self.ask(
            path,
            f"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            f"Sec-WebSocket-Key: {KEY}\r\n{headers}",
        )
        return self.head()[0]

    def head(self) -> tuple[int, list[tuple[str, str]]]:
        """The status and headers of a response; 0 if the server closed the connection instead."""
        while b"\r\n\r\n" not in self._held:
            if not self._more():
                return 0, []
        head, _, self._held = self._held.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        return int(first.split(" ")[1]), [(n.lower(), value.strip()) for n, _, value in pairs]

    def answer(self) -> Answer:
        """A response with a Content-Length, and its body."""
        status, headers = self.head()
        length = next((int(value) for name, value in headers if name == "content-length"), 0)
        return Answer(status, headers, self.take(length))

    def take(self, size: int) -> bytes:
        """The next *size* bytes; fewer if the server closed the connection."""
        while len(self._held) < size and self._more():
            pass
        data, self._held = self._held[:size], self._held[size:]
        return data

    def rest(self) -> bytes:
        """Everything up to the end of the connection."""
        while self._more():
            pass
        data, self._held = self._held, b""
        return data

    def messages(self) -> Iterator[dict[str, Any]]:
        """The messages of an event stream whose head was read, until it ends."""
        text = b""
        while True:
            size = int(self._line() or b"0", 16)
            if not size:
                return
            text += self.take(size)
            self.take(2)
            while b"\n\n" in text:
                event, _, text = text.partition(b"\n\n")
                if event.startswith(b"data: "):
                    yield strict(event.removeprefix(b"data: "))

    def frames(self) -> Iterator[tuple[int, bytes]]:
        """The frames of a WebSocket, opcode and payload; a close frame is the last one."""
        while len(head := self.take(2)) == 2:
            size = head[1] & 0x7F
            if size == 126:
                [size] = struct.unpack(">H", self.take(2))
            elif size == 127:
                [size] = struct.unpack(">Q", self.take(8))
            opcode = head[0] & 0x0F
            yield opcode, self.take(size)
            if opcode == 8:
                return

    def _line(self) -> bytes:
        while b"\r\n" not in self._held and self._more():
            pass
        line, _, self._held = self._held.partition(b"\r\n")
        return line

    def _more(self) -> bool:
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            return False
        self._held += data
        return bool(data)


def frame(
    payload: bytes | str | dict[str, Any] = b"",
    opcode: int = 1,
    *,
    fin: bool = True,
    rsv: int = 0,
    masked: bool = True,
    size: int | None = None,
) -> bytes:
    """A WebSocket frame of a client, valid or not; *size* is the length in its header."""
    if isinstance(payload, dict):
        payload = json.dumps(payload)
    data = payload.encode() if isinstance(payload, str) else payload
    claimed_size = len(data) if size is None else size
    first = fin << 7 | rsv << 4 | opcode
    bit = masked << 7
    if claimed_size < 126:
        head = struct.pack(">BB", first, bit | claimed_size)
    elif claimed_size < 1 << 16:
        head = struct.pack(">BBH", first, bit | 126, claimed_size)
    else:
        head = struct.pack(">BBQ", first, bit | 127, claimed_size)
    if not masked:
        return head + data
    mask = os.urandom(4)
    stream = (mask * (len(data) // 4 + 1))[: len(data)]
    hidden = int.from_bytes(data) ^ int.from_bytes(stream)
    return head + mask + hidden.to_bytes(len(data))
