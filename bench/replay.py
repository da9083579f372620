"""The load source, a process of its own: `python -m bench.replay SYMBOLS [FOLDER]`.

It prints its ports as a JSON line, then takes commands on stdin, a line each, and answers each by a
JSON line. With FOLDER (a certificate and its key) both ports speak TLS.

    start RATE SLICE    send RATE messages a second, SLICE of them a write; RATE 0: as fast as taken
    pause               send no more
    drop [COUNT]        end all connections, or the oldest ones, without a close frame
    count               {"topics": subscribed, "messages": sent so far, "bytes": their frames' size}
    last PATH           write the payload last sent of each symbol to PATH, one a line

Connections take turns, a slice each: they are taken to hold about as many symbols each. Sends
block, so a client that does not keep up is sent what it takes and not more.
"""

import ctypes
import os
import selectors
import socket
import ssl
import sys
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import CONNECTING, OPEN
from websockets.server import ServerProtocol

from bench import rest
from bench.failures import reported
from bench.frames import Reel, Rendered, contracts, render, tickers
from fastopts.sim.tls import load

VERSIONS = 5
FLAT_SLICE = 94  # frames: 64 KiB a write
LOOK_EVERY_S = 0.005
SEND_BUFFER = 1 << 20
PR_SET_TIMERSLACK = 29
TOPIC = "tickers."

Versions = dict[str, list[Rendered]]


@dataclass(slots=True)
class Sent:
    """Tickers sent so far, over all connections."""

    messages: int = 0
    bytes: int = 0

    def add(self, messages: int, size: int) -> None:
        self.messages += messages
        self.bytes += size


class Connection:
    """One client, from the handshake on."""

    def __init__(
        self, sock: socket.socket, frames: Versions, sent: Sent, guard: threading.Lock
    ) -> None:
        self.sock = sock
        self._guard = guard  # of the reel, which REST answers are made from in other threads
        self.reel = Reel(VERSIONS)
        self.protocol = ServerProtocol()
        self._frames = frames
        self._sent = sent
        self._numbers: dict[str, int] = {}

    def receive(self) -> bool:
        """Read what has come and answer it; False at the end."""
        data = self.sock.recv(65536)
        self.protocol.receive_data(data) if data else self.protocol.receive_eof()
        for event in self.protocol.events_received():
            if isinstance(event, Request):
                self.protocol.send_response(self.protocol.accept(event))
            elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self._hear(orjson.loads(event.data))
        self._answer()
        return self.protocol.state in (CONNECTING, OPEN)

    def send(self, count: int) -> int:
        """Send the next *count* frames, or what is left of the round; return how many."""
        with self._guard:
            frames, taken = self.reel.take(count, _wall_ms())
        self.sock.sendall(frames)
        self._sent.add(taken, len(frames))
        return taken

    def _answer(self) -> None:
        for data in self.protocol.data_to_send():
            self.sock.sendall(data)

    def _hear(self, request: dict[str, Any]) -> None:
        op, topics, now_ms = request["op"], request.get("args", []), _wall_ms()
        if op == "ping":
            self.protocol.send_text(orjson.dumps({"op": "pong", "args": [str(now_ms)]}))
            return
        ack = {"success": True, "conn_id": "replay", "type": "COMMAND_RESP"}
        ack["data"] = {"failTopics": [], "successTopics": topics}
        self.protocol.send_text(orjson.dumps(ack))
        self._answer()
        if op == "subscribe":
            snapshots = b"".join(self._subscribe(topic, now_ms) for topic in topics)
            self.sock.sendall(snapshots)
            self._sent.add(len(topics), len(snapshots))

    def _subscribe(self, topic: str, now_ms: int) -> bytes:
        symbol = topic.removeprefix(TOPIC)
        if symbol not in self._numbers:
            self._numbers[symbol] = len(self.reel)
            with self._guard:
                self.reel.add(symbol, self._frames[symbol])
        return self.reel.snapshot(self._numbers[symbol], now_ms)


@dataclass(frozen=True, slots=True)
class Pace:
    rate: float
    slice: int


class Replay:
    """Listens, answers, and sends at the pace it is told."""

    def __init__(self, frames: Versions, tls: ssl.SSLContext | None) -> None:
        self._frames = frames
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._selector.register(sys.stdin.fileno(), selectors.EVENT_READ, self._command)
        self._connections: list[Connection] = []
        self._turn = 0
        self._sent = Sent()
        self._guard = threading.Lock()
        self._commands = b""
        self._pace: Pace | None = None

    @property
    def port(self) -> int:
        port: int = self._listener.getsockname()[1]
        return port

    def versions(self) -> dict[str, int]:
        """The version last sent of each symbol. Safe to call from another thread."""
        with self._guard:
            found: dict[str, int] = {}
            for connection in [*self._connections]:
                found |= connection.reel.versions()
            return found

    def run(self) -> None:
        """Serve until stdin ends."""
        while True:
            self._look(0 if self._pace else None)
            if self._pace is not None and self._pace.rate:
                self._send_paced(self._pace)
            elif self._pace is not None:
                self._send_for(LOOK_EVERY_S)

    def _send_for(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and self._connections:
            self._send(FLAT_SLICE)

    def _send_paced(self, pace: Pace) -> None:
        """Send slice after slice, each when it is due (late ones at once), until told otherwise."""
        period_s = pace.slice / pace.rate
        due = look_at = time.monotonic()
        while self._pace is pace:
            now = time.monotonic()
            if now >= look_at:
                look_at = now + LOOK_EVERY_S
                self._look(0)
            elif now < due:
                time.sleep(due - now)
            else:
                due += period_s
                self._send(pace.slice)

    def _send(self, count: int) -> None:
        """Let the next connection have *count* messages, in as many writes as its rounds need."""
        self._turn = (self._turn + 1) % max(1, len(self._connections))
        while count and self._connections:
            connection = self._connections[self._turn % len(self._connections)]
            if not connection.reel:
                return
            try:
                count -= connection.send(count)
            except OSError:
                self._drop(connection)
                return

    def _look(self, timeout_s: float | None) -> None:
        for key, _ in self._selector.select(timeout_s):
            if isinstance(key.data, Connection):
                self._receive(key.data)
            else:
                key.data()

    def _receive(self, connection: Connection) -> None:
        try:
            is_open = connection.receive()
        except OSError:
            is_open = False
        if not is_open:
            self._drop(connection)

    def _accept(self) -> None:
        sock, _ = self._listener.accept()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        if self._tls is not None:
            try:
                sock = self._tls.wrap_socket(sock, server_side=True)
            except OSError as error:
                print(f"replay: no TLS handshake: {error}", file=sys.stderr)
                return
        connection = Connection(sock, self._frames, self._sent, self._guard)
        self._connections.append(connection)
        self._selector.register(sock, selectors.EVENT_READ, connection)

    def _drop(self, connection: Connection) -> None:
        # A command may drop a connection whose own event is still to come from the same poll.
        if connection not in self._connections:
            return
        self._selector.unregister(connection.sock)
        self._connections.remove(connection)
        connection.sock.close()

    def _command(self) -> None:
        data = os.read(sys.stdin.fileno(), 65536)
        if not data:
            sys.exit()
        *lines, self._commands = (self._commands + data).split(b"\n")
        for line in lines:
            name, *arguments = line.decode().split()
            _say(self._obey(name, arguments))

    def _obey(self, name: str, arguments: list[str]) -> dict[str, int]:
        if name == "start":
            self._pace = Pace(float(arguments[0]), int(arguments[1]))
        elif name == "pause":
            self._pace = None
        elif name == "drop":
            count = int(arguments[0]) if arguments else None
            for connection in self._connections[:count]:
                self._drop(connection)
        elif name == "last":
            last = [payload for c in self._connections for payload in c.reel.last().values()]
            Path(arguments[0]).write_bytes(b"\n".join(last))
        topics = sum(len(connection.reel) for connection in self._connections)
        return {"topics": topics, "messages": self._sent.messages, "bytes": self._sent.bytes}


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def _say(answer: dict[str, int]) -> None:
    print(orjson.dumps(answer).decode(), flush=True)


def main() -> None:
    # Without this a sleep of 385 us ends up to 50 us late.
    ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1)
    tls = load(Path(sys.argv[2])) if len(sys.argv) > 2 else None
    listed = contracts(int(sys.argv[1]), datetime.now(UTC))
    states = tickers(listed, VERSIONS, seed=1)
    frames = {
        contract.symbol: [render(state[index]) for state in states]
        for index, contract in enumerate(listed)
    }
    replay = Replay(frames, tls)

    def rows() -> list[dict[str, str]]:
        versions = replay.versions()
        return [states[versions.get(c.symbol, 0)][place] for place, c in enumerate(listed)]

    _say({"ws_port": replay.port, "rest_port": rest.serve(listed, rows, tls)})
    replay.run()


if __name__ == "__main__":
    reported(main)
