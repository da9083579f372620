"""Byte streams between the process under test and its servers: in order, but late, cut or lost."""

import asyncio
import random
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from tests.simulation.clock import Agenda, AgendaLoop

__all__ = ("Host", "Network", "Peer", "VirtualConnection")

SLICED = 0.1  # of the deliveries come in two


class Peer(Protocol):
    """The server's end of a wire."""

    def receive(self, data: bytes) -> None: ...
    def hung_up(self) -> None: ...


class Host:
    """A server's address. *accept* is given each new wire, and returns the peer behind it."""

    def __init__(self, accept: Callable[["VirtualConnection"], Peer]) -> None:
        self.accept = accept
        self.refuses = False
        self.swallows = False  # not even a refusal
        self.slowness_s = 0.0
        self.wires: list[VirtualConnection] = []
        self.attempts: list[float] = []


class _Place(NamedTuple):
    """Stands in for a connected socket."""

    host: Host


class VirtualConnection(asyncio.Transport):
    """One connection, and the client's transport of it."""

    def __init__(self, network: "Network", host: Host, protocol: Any) -> None:
        super().__init__()
        self.is_black = False
        self.cut_after: int | None = None  # bytes of the server's, then a reset
        self.is_up = True
        self.written_at = 0.0  # what the server has just received, by the client
        self._net = network
        self._host = host
        self._protocol = protocol
        self._delay_s = network.rng.uniform(0.001, 0.02)
        self._up_at = self._down_at = 0.0
        self._down = bytearray()
        self._sent = self._arrived = 0
        self._marks: deque[tuple[int, Callable[[], None]]] = deque()
        self._is_pumping = self._is_ending = self._is_cut = False
        self._is_paused = False
        self._inbox = bytearray()  # arrived, and not read yet
        host.wires.append(self)
        self.peer = host.accept(self)

    # The client's side.

    def write(self, data: Any) -> None:
        if self.is_up and not self.is_black:
            self._later_up(self._receive, bytes(data), self._net.agenda.now)

    def write_eof(self) -> None:
        self._later_up(self.close_down)

    def can_write_eof(self) -> bool:
        return True

    def abort(self) -> None:
        if self.is_up:
            self._go_down(None)
            if not self.is_black:
                self._later_up(self.peer.hung_up)

    close = abort

    def is_closing(self) -> bool:
        return not self.is_up

    def pause_reading(self) -> None:
        self._is_paused = True

    def resume_reading(self) -> None:
        self._is_paused = False
        self._net.loop.call_soon(self.read)

    def read(self) -> bool:
        data, self._inbox = bytes(self._inbox), bytearray()
        self._arrived += len(data)
        while self._marks and self._marks[0][0] <= self._arrived:
            self._marks.popleft()[1]()
        while data and self.is_up:
            room = self._protocol.get_buffer(-1)
            size = min(len(room), len(data))
            room[:size] = data[:size]
            self._protocol.buffer_updated(size)
            data = data[size:]
        return False

    # The server's side.

    def send(self, data: bytes, arrived: Callable[[], None] | None = None) -> None:
        """Send *data*; *arrived* is called when the process has been given its last byte."""
        if not self.is_up or self.is_black or self._is_ending:
            return
        self._down += data
        self._sent += len(data)
        if arrived is not None:
            self._marks.append((self._sent, arrived))
        self._pump_later()

    def close_down(self) -> None:
        """End the connection behind what was sent."""
        self._is_ending = True
        self._pump_later()

    def reset(self) -> None:
        """End it at once; what is under way is lost, either way."""
        self._is_cut = True
        if self.is_up:
            self._net.agenda.after(0.0, self._go_down, ConnectionResetError("reset by the network"))
            self.peer.hung_up()

    def orphan(self) -> None:
        """The client's process is gone: whatever it writes reaches nobody."""
        if not self.is_black:
            self._net.agenda.after(0.01, self.peer.hung_up)
        self.is_black = True

    def _receive(self, data: bytes, written_at: float) -> None:
        self.written_at = written_at
        if not self._is_cut:
            self.peer.receive(data)

    def _later_up(self, call: Callable[..., None], *args: Any) -> None:
        self._up_at = max(self._up_at, self._net.agenda.now + self._lag_s())
        self._net.agenda.at(self._up_at, call, *args)

    def _pump_later(self) -> None:
        if not self._is_pumping:
            self._is_pumping = True
            self._down_at = max(self._down_at, self._net.agenda.now + self._lag_s())
            self._net.agenda.at(self._down_at, self._pump)

    def _pump(self) -> None:
        self._is_pumping = False
        if not self.is_up or self.is_black:
            return
        size = len(self._down)
        if size > 1 and self._net.rng.random() < SLICED:
            size = self._net.rng.randrange(1, size)
        if self.cut_after is not None:
            size = min(size, self.cut_after)
            self.cut_after -= size
        data = bytes(self._down[:size])
        del self._down[:size]
        if data:
            self._net.loop.call_soon(self._arrive, data)
        if self.cut_after == 0:
            self._net.loop.call_soon(self._lose, ConnectionResetError("cut in the middle"))
        elif self._down:
            self._pump_later()
        elif self._is_ending:
            self._net.loop.call_soon(self._end)

    def _arrive(self, data: bytes) -> None:
        self._inbox += data
        if not self._is_paused:
            self.read()

    def _end(self) -> None:
        self.read()
        if self.is_up:
            self._protocol.eof_received()
            self._lose(None)

    def _lose(self, error: Exception | None) -> None:
        if self.is_up:
            self._go_down(error)
            self.peer.hung_up()

    def _go_down(self, error: Exception | None) -> None:
        if self.is_up:
            self.is_up = False
            self._host.wires.remove(self)
            self._net.loop.call_soon(self._protocol.connection_lost, error)

    def _lag_s(self) -> float:
        return self._delay_s + self._host.slowness_s * self._net.rng.random()


class Network:
    """All hosts by name, for one loop."""

    def __init__(self, agenda: Agenda, loop: AgendaLoop, rng: random.Random) -> None:
        self.agenda = agenda
        self.loop = loop
        self.rng = rng
        self.hosts: dict[str, Host] = {}
        loop.connect = self.connect

    async def reach(self, url: str, host: str, port: int) -> _Place:
        """Stand in for `fastopts.net.proxy.reach`."""
        return await self._dial(host)

    async def connect(
        self, factory: Any, host: str = "", port: int = 0, *, sock: Any = None, **options: Any
    ) -> tuple[VirtualConnection, Any]:
        place = sock or await self._dial(host)
        protocol = factory()
        wire = VirtualConnection(self, place.host, protocol)
        protocol.connection_made(wire)
        return wire, protocol

    async def connect_polled(
        self, protocol: Any, place: _Place, tls: None, name: str
    ) -> VirtualConnection:
        """Stand in for `fastopts.net.manual_transport.connect`."""
        wire, _ = await self.connect(lambda: protocol, sock=place)
        return wire

    async def dial(self, name: str, port: int) -> _Place:
        """Stand in for `fastopts.net.dial.dial`."""
        return await self._dial(name)

    async def _dial(self, name: str) -> _Place:
        host = self.hosts[name]
        host.attempts.append(self.agenda.now)
        if host.swallows:
            await asyncio.sleep(3600)
        await asyncio.sleep(self.rng.uniform(0.001, 0.02))
        if host.refuses:
            raise ConnectionRefusedError(f"{name} refuses")
        return _Place(host)
