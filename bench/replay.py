"""The load source, a process of its own: `python -m bench.replay SYMBOLS [FOLDER]`.

It prints its ports as a JSON line, then reads commands from stdin, one per line, and answers each
with a JSON line. With FOLDER (a certificate and its key) both ports use TLS.

    start RATE SLICE    send RATE messages/s, SLICE of them per write; RATE 0: as fast as possible
    pause               stop sending
    drop [COUNT]        close all connections, or the oldest ones, without a close frame
    count               {"topics": subscribed, "messages": sent so far, "bytes": size of the frames}
    last PATH           write the last payload sent for each symbol to PATH, one per line

Connections take turns, one slice each, on the assumption that each has about as many symbols.
Sends block: a client that does not keep up limits the rate.
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

# Rendered before the start; five versions suffice for fields to change at a realistic rate.
VERSIONS = 5
FLAT_SLICE = 94  # frames: 64 KiB a write
POLL_EVERY_S = 0.005  # while sending: a poll for requests after each send would cost CPU
SEND_BUFFER = 1 << 20  # a client that pauses for a flush must not stop the source
PR_SET_TIMERSLACK = 29
TOPIC = "tickers."

Versions = dict[str, list[Rendered]]


@dataclass(slots=True)
class Sent:
    """Number and size of the tickers sent so far, over all connections."""

    messages: int = 0
    bytes: int = 0

    def add(self, messages: int, size: int) -> None:
        """Count *messages* tickers of *size* bytes in total."""
        self.messages += messages
        self.bytes += size


class ReplayConnection:
    """The connection of one client, including its handshake."""

    def __init__(
        self, sock: socket.socket, frames: Versions, sent: Sent, lock: threading.Lock
    ) -> None:
        self.sock = sock
        self._lock = lock  # of the reel: REST responses read it in other threads
        self.reel = Reel(VERSIONS)
        self.protocol = ServerProtocol()
        self._frames = frames
        self._sent = sent
        self._numbers: dict[str, int] = {}

    def receive(self) -> bool:
        """Read and answer requests; return False when the connection has ended."""
        data = self.sock.recv(65536)
        self.protocol.receive_data(data) if data else self.protocol.receive_eof()
        for event in self.protocol.events_received():
            if isinstance(event, Request):
                self.protocol.send_response(self.protocol.accept(event))
            elif isinstance(event, Frame) and event.opcode is Opcode.TEXT:
                self._process(orjson.loads(event.data))
        self._answer()
        return self.protocol.state in (CONNECTING, OPEN)

    def send(self, count: int) -> int:
        """Send the next *count* frames, or the rest of the round; return the number sent."""
        with self._lock:
            frames, number = self.reel.take(count, _wall_ms())
        self.sock.sendall(frames)
        self._sent.add(number, len(frames))
        return number

    def _answer(self) -> None:
        for data in self.protocol.data_to_send():
            self.sock.sendall(data)

    def _process(self, request: dict[str, Any]) -> None:
        op, topics, now_ms = request["op"], request.get("args", []), _wall_ms()
        if op == "ping":
            self.protocol.send_text(orjson.dumps({"op": "pong", "args": [str(now_ms)]}))
            return
        ack = {"success": True, "conn_id": "replay", "type": "COMMAND_RESP"}
        ack["data"] = {"failTopics": [], "successTopics": topics}
        # Before the snapshots, which bypass the protocol object: they are ready-made frames.
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
            with self._lock:
                self.reel.add(symbol, self._frames[symbol])
        return self.reel.snapshot(self._numbers[symbol], now_ms)


@dataclass(frozen=True, slots=True)
class SendRate:
    """*rate* messages/s, 0: as fast as possible; *slice* of them per write."""

    rate: float
    slice: int


class Replay:
    """Accepts connections, answers requests, and sends at the rate of the last command."""

    def __init__(self, frames: Versions, tls: ssl.SSLContext | None) -> None:
        self._frames = frames
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._selector.register(sys.stdin.fileno(), selectors.EVENT_READ, self._command)
        self._connections: list[ReplayConnection] = []
        self._turn = 0
        self._sent = Sent()
        self._lock = threading.Lock()
        self._commands = b""
        self._pace: SendRate | None = None

    @property
    def port(self) -> int:
        """The WebSocket port."""
        port: int = self._listener.getsockname()[1]
        return port

    def versions(self) -> dict[str, int]:
        """Return the last version sent of each symbol. May be called from another thread."""
        with self._lock:
            versions: dict[str, int] = {}
            for connection in [*self._connections]:
                versions |= connection.reel.versions()
            return versions

    def run(self) -> None:
        """Serve until stdin ends."""
        # Blocking sends in one thread, no event loop: it costs the least CPU, and flat out the
        # source's share of the machine is what a contender loses.
        while True:
            self._poll(0 if self._pace else None)
            if self._pace is not None and self._pace.rate:
                self._send_paced(self._pace)
            elif self._pace is not None:
                self._send_for(POLL_EVERY_S)

    def _send_for(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while time.monotonic() < until and self._connections:
            self._send(FLAT_SLICE)

    def _send_paced(self, pace: SendRate) -> None:
        """Send slices when they are due, late ones at once, until the rate changes."""
        period_s = pace.slice / pace.rate
        due = poll_at = time.monotonic()
        while self._pace is pace:
            now = time.monotonic()
            if now >= poll_at:
                poll_at = now + POLL_EVERY_S
                self._poll(0)
            elif now < due:
                time.sleep(due - now)
            else:
                # From the last due time, not from now: the mean rate stays exact after a stall.
                due += period_s
                self._send(pace.slice)

    def _send(self, count: int) -> None:
        """Send *count* messages on the next connection, in as many writes as its rounds need."""
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

    def _poll(self, timeout_s: float | None) -> None:
        for key, _ in self._selector.select(timeout_s):
            if isinstance(key.data, ReplayConnection):
                self._receive(key.data)
            else:
                key.data()

    def _receive(self, connection: ReplayConnection) -> None:
        try:
            is_open = connection.receive()
        except OSError:
            is_open = False
        if not is_open:
            self._drop(connection)

    def _accept(self) -> None:
        sock, _ = self._listener.accept()
        # One segment per write, as in a venue's stream of single messages.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
        if self._tls is not None:
            try:
                sock = self._tls.wrap_socket(sock, server_side=True)
            except OSError as error:
                print(f"replay: TLS handshake failed: {error}", file=sys.stderr)
                return
        connection = ReplayConnection(sock, self._frames, self._sent, self._lock)
        self._connections.append(connection)
        self._selector.register(sock, selectors.EVENT_READ, connection)

    def _drop(self, connection: ReplayConnection) -> None:
        # A command may drop a connection whose own event is still pending in the same poll.
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
            _print(self._execute(name, arguments))

    def _execute(self, name: str, arguments: list[str]) -> dict[str, int]:
        if name == "start":
            self._pace = SendRate(float(arguments[0]), int(arguments[1]))
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


def _print(answer: dict[str, int]) -> None:
    print(orjson.dumps(answer).decode(), flush=True)


def main() -> None:
    """Render the frames, print the ports and serve."""
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
        return [states[versions.get(c.symbol, 0)][index] for index, c in enumerate(listed)]

    _print({"ws_port": replay.port, "rest_port": rest.serve(listed, rows, tls)})
    replay.run()


if __name__ == "__main__":
    reported(main)
