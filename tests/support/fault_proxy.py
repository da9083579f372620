"""A TCP proxy on loopback that does to a connection what networks do, by the byte.

It runs in a thread of its own, so that it goes on while the loop under test stands still. Each
direction has a `Way`; change it at any time, it holds from the next byte on.
"""

import asyncio
import contextlib
import random
import socket
import struct
import threading
import weakref
from dataclasses import dataclass, field
from enum import Enum, auto
from types import TracebackType
from typing import Self

__all__ = ("Ending", "FaultProxy", "Passage", "Way")

READ_BYTES = 1 << 16
_RESET = struct.pack("ii", 1, 0)


class Passage(Enum):
    """What becomes of bytes that arrive."""

    OPEN = auto()
    LOST = auto()  # thrown away, the sender notices nothing; what comes later meets a reset
    HELD = auto()  # left where they are until the way is open again


class Ending(Enum):
    """How a connection that is cut ends."""

    FIN = auto()
    RST = auto()


@dataclass(slots=True)
class Way:
    """One direction. Offsets count the bytes of each connection from its first."""

    passage: Passage = Passage.OPEN
    latency_s: float = 0.0
    jitter_s: float = 0.0
    bytes_per_s: float | None = None
    slice_bytes: int | None = None
    """Hand on at most so many bytes at a time."""
    cut_after: int | None = None
    """Hand on so many bytes, then end the connection."""
    cut_with: Ending = Ending.FIN
    lost_after: int | None = None
    """Hand on so many bytes, and throw the others away."""
    flip_at: int | None = None
    """All bits of the byte at this offset are turned over."""


@dataclass(slots=True, eq=False)
class _Link:
    client: asyncio.StreamWriter
    server: asyncio.StreamWriter


@dataclass
class FaultProxy:
    """Stands before 127.0.0.1:*target* while its `with` block runs; `port` is where to connect.

    `up` is the way to the target, `down` the way back.
    """

    target: int
    seed: int = 0
    up: Way = field(default_factory=Way)
    down: Way = field(default_factory=Way)
    port: int = 0
    accepted: int = 0
    buffer_bytes: int = READ_BYTES
    """How much of each direction it takes in before the sender has to wait."""
    is_refusing: bool = False
    """Connections are reset as soon as they are accepted."""
    _links: set[_Link] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _transports: weakref.WeakSet[asyncio.WriteTransport] = field(default_factory=weakref.WeakSet)
    _luck: random.Random = field(default_factory=random.Random)

    def __enter__(self) -> Self:
        self._luck.seed(self.seed)
        self._loop = asyncio.new_event_loop()
        listener = socket.create_server(("127.0.0.1", 0))
        self.port = listener.getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy")
        self._thread.start()
        serve = asyncio.start_server(self._accept, sock=listener, limit=self.buffer_bytes)
        self._server = asyncio.run_coroutine_threadsafe(serve, self._loop).result()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._links)

    def drop(self, ending: Ending = Ending.RST) -> None:
        """End all connections."""
        asyncio.run_coroutine_threadsafe(self._drop(ending), self._loop).result()

    async def _drop(self, ending: Ending) -> None:
        for link in list(self._links):
            _end(link, ending)

    async def _close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        # A peer that does not read the data in a transport's buffer would keep it open without end.
        for transport in self._transports:
            transport.abort()

    def _accept(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        self.accepted += 1
        self._transports.add(client.transport)
        task = asyncio.create_task(self._serve(reader, client))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        if self.is_refusing:
            _abort(client, Ending.RST)
            return
        try:
            back, server = await asyncio.open_connection(
                "127.0.0.1", self.target, limit=self.buffer_bytes
            )
        except OSError:
            _abort(client, Ending.RST)
            return
        self._transports.add(server.transport)
        link = _Link(client, server)
        self._links.add(link)
        try:
            await self._relay(link, reader, back)
        finally:
            self._links.discard(link)
            _end(link, Ending.FIN)

    async def _relay(
        self, link: _Link, reader: asyncio.StreamReader, back: asyncio.StreamReader
    ) -> None:
        """Carry both ways until one of them ends."""
        ways = {
            asyncio.create_task(self._carry(link, reader, link.server, "up")),
            asyncio.create_task(self._carry(link, back, link.client, "down")),
        }
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.wait(ways)

    async def _carry(
        self, link: _Link, source: asyncio.StreamReader, sink: asyncio.StreamWriter, name: str
    ) -> None:
        offset, has_lost = 0, False
        with contextlib.suppress(ConnectionError):
            while data := await source.read(READ_BYTES):
                while self._way(name).passage is Passage.HELD:  # noqa: ASYNC110 - another thread's
                    await asyncio.sleep(0.001)
                way = self._way(name)
                if way.passage is Passage.LOST:
                    has_lost = True
                    continue
                if has_lost:  # no TCP goes on without what it lost
                    _end(link, Ending.RST)
                    return
                if not await self._hand_on(link, way, sink, data, offset):
                    return
                offset += len(data)

    async def _hand_on(
        self, link: _Link, way: Way, sink: asyncio.StreamWriter, data: bytes, offset: int
    ) -> bool:
        """Hand on what came; False when that was the end of the connection."""
        data = _flipped(data, way.flip_at, offset)
        if way.lost_after is not None:
            data = data[: max(0, way.lost_after - offset)]
        room = None if way.cut_after is None else max(0, way.cut_after - offset)
        if way.latency_s or way.jitter_s:
            await asyncio.sleep(way.latency_s + way.jitter_s * self._luck.random())
        for piece in _pieces(data[:room], way.slice_bytes):
            sink.write(piece)
            await sink.drain()
            if way.slice_bytes is not None:
                await asyncio.sleep(0)
            if way.bytes_per_s is not None:
                await asyncio.sleep(len(piece) / way.bytes_per_s)
        if room is not None and len(data) >= room:
            _end(link, way.cut_with)
            return False
        return True

    def _way(self, name: str) -> Way:
        way: Way = getattr(self, name)
        return way


def _flipped(data: bytes, at: int | None, offset: int) -> bytes:
    if at is None or not offset <= at < offset + len(data):
        return data
    changed = bytearray(data)
    changed[at - offset] ^= 0xFF
    return bytes(changed)


def _pieces(data: bytes, size: int | None) -> list[bytes]:
    if size is None:
        return [data] if data else []
    return [data[at : at + size] for at in range(0, len(data), size)]


def _end(link: _Link, ending: Ending) -> None:
    _abort(link.client, ending)
    _abort(link.server, ending)


def _abort(writer: asyncio.StreamWriter, ending: Ending) -> None:
    if ending is Ending.FIN:
        writer.close()
        return
    # The transport closes a turn of the loop later: the socket must know by then.
    with contextlib.suppress(OSError):  # it is closed already
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()
