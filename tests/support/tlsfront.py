"""A TLS end before a server that speaks none."""

import asyncio
import contextlib
import socket
import ssl
import threading
from typing import Self

__all__ = ("TlsFront",)

WAIT_S = 20.0


class TlsFront:
    """Hands on what comes over TLS to the server on *port*; `context` may be replaced at any time.

    `refused` counts handshakes that failed, `received` what clients said over good ones.
    """

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self.context = context
        self.refused = 0
        self.received = b""
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setblocking(False)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def __enter__(self) -> Self:
        self._thread.start()
        self._loop.call_soon_threadsafe(self._begin)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(WAIT_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(WAIT_S)
        self._loop.close()
        self._listener.close()

    def cut(self) -> None:
        """End every connection without TLS's own word for it."""
        self._loop.call_soon_threadsafe(self._cut)

    def _cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._accept())

    async def _end(self) -> None:
        for task in (self._task, *self._tasks):
            task.cancel()
        await asyncio.gather(self._task, *self._tasks, return_exceptions=True)
        self._cut()
        await asyncio.sleep(0)  # the transports' last callbacks

    async def _accept(self) -> None:
        while True:
            client, _ = await self._loop.sock_accept(self._listener)
            task = asyncio.create_task(self._serve(client))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(ConnectionError):
            server_reader, server = await asyncio.open_connection("127.0.0.1", self._target)
            self._writers.append(server)
            reader = asyncio.StreamReader()
            protocol = asyncio.StreamReaderProtocol(reader)
            try:
                transport, _ = await self._loop.connect_accepted_socket(
                    lambda: protocol, client, ssl=self.context
                )
            except OSError:
                self.refused += 1
                server.close()
                return
            writer = asyncio.StreamWriter(transport, protocol, reader, self._loop)
            self._writers.append(writer)
            await asyncio.gather(self._hand_on(reader, server), _copy(server_reader, writer))

    async def _hand_on(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(65536):
            self.received += data
            target.write(data)
        target.close()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        target.write(data)
    target.close()
