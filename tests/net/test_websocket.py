"""The receive path against the protocol library alone, and against real sockets."""

import asyncio
import itertools
import ssl
from typing import Any

import pytest
import websockets.asyncio.server
from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.uri import parse_uri

from fastopts.core.pure import frames
from fastopts.errors import ConnectionLost, HandshakeRefused
from fastopts.net import websocket
from fastopts.net.websocket import BUFFER_SIZE, MESSAGE_SIZE_MAX, WebSocket
from tests.support.certificates import client_context, server_context
from tests.support.loops import LOOPS
from tests.support.raw import RawServer
from tests.support.waiting import PATIENCE_S

URI = parse_uri("ws://venue.example/v5/public/option")


class RecordingTransport:
    """A transport that notes what is done to it."""

    def __init__(self) -> None:
        self.sent = bytearray()
        self.ended = False

    def write(self, data: bytes) -> None:
        self.sent += data

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.ended = True

    def abort(self) -> None:
        self.ended = True

    def close(self) -> None:
        self.ended = True


def parsed(sent: bytes) -> list[tuple[Opcode, bytes]]:
    """The frames a client sent: their masks are random."""
    protocol = ServerProtocol(state=OPEN, max_size=None)
    protocol.receive_data(sent)
    found = protocol.events_received()
    return [(frame.opcode, bytes(frame.data)) for frame in found if isinstance(frame, Frame)]


def collect(frame: Frame, fragments: list[bytes], messages: list[bytes]) -> None:
    if frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
        fragments.append(bytes(frame.data))
        if frame.fin:
            messages.append(b"".join(fragments))
            fragments.clear()


def by_the_library(pieces: list[bytes], ended: bool) -> Any:
    protocol = ClientProtocol(URI, state=OPEN, max_size=MESSAGE_SIZE_MAX)
    messages: list[bytes] = []
    fragments: list[bytes] = []
    sent = b""
    for piece in pieces:
        protocol.receive_data(piece)
        for event in protocol.events_received():
            assert isinstance(event, Frame)
            collect(event, fragments, messages)
        sent += b"".join(protocol.data_to_send())
    if ended:
        protocol.receive_eof()
        sent += b"".join(protocol.data_to_send())
    return messages, protocol.state, protocol.close_code, protocol.close_reason, parsed(sent)


class WebSocketHarness:
    """A `WebSocket` in state OPEN on a `RecordingTransport` as its transport."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.protocol = ClientProtocol(URI, state=OPEN, max_size=MESSAGE_SIZE_MAX)
        self.socket = WebSocket(self.protocol, self.scan, self.messages.append)
        self.socket.opened.set_result(None)
        self.wire = RecordingTransport()
        self.socket._transport = self.wire  # type: ignore[assignment]

    def scan(self, view: memoryview, start: int, end: int) -> int:
        taken, at = frames.split(view, start, end)
        self.messages += taken
        return at

    def receive(self, data: bytes) -> None:
        while data:
            room = self.socket.get_buffer(-1)
            size = min(len(room), len(data))
            room[:size] = data[:size]
            self.socket.buffer_updated(size)
            data = data[size:]


def by_us(pieces: list[bytes], ended: bool) -> Any:
    async def run() -> Any:
        harness = WebSocketHarness()
        for piece in pieces:
            harness.receive(piece)
        if ended:
            harness.socket.eof_received()
        protocol = harness.protocol
        found = (harness.messages, protocol.state, protocol.close_code, protocol.close_reason)
        harness.socket.connection_lost(None)
        return *found, parsed(bytes(harness.wire.sent))

    return asyncio.run(run())


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(min(place, len(stream)) for place in places), len(stream)]
    return [stream[a:b] for a, b in itertools.pairwise(edges) if b > a]


def serialized(opcode: Opcode, data: bytes, fin: bool = True) -> bytes:
    head = bytes([fin << 7 | opcode])
    size = len(data)
    if size < 126:
        return head + bytes([size]) + data
    if size < 65536:
        return head + b"\x7e" + size.to_bytes(2, "big") + data
    return head + b"\x7f" + size.to_bytes(8, "big") + data


DATA = st.binary(max_size=20) | st.sampled_from([b"x" * 125, b"x" * 126, b"y" * 700])
USUAL = st.builds(serialized, st.just(Opcode.TEXT), DATA)
CONTROL = st.builds(serialized, st.sampled_from([Opcode.PING, Opcode.PONG]), st.binary(max_size=5))
ANY = st.builds(
    serialized, st.sampled_from([Opcode.TEXT, Opcode.BINARY, Opcode.CONT]), DATA, st.booleans()
)
CLOSING = st.builds(
    serialized, st.just(Opcode.CLOSE), st.sampled_from([b"", b"\x03\xe8", b"\x03\xe9bye", b"\x03"])
)
ANOMALY = st.sampled_from(
    [
        b"\xc1\x01x",  # RSV1
        b"\x83\x00",  # unknown opcode
        b"\x8b\x00",
        b"\x81\x81abcdx",  # masked
        b"\x89\x7e\x00\x7e" + b"x" * 126,  # a control frame too long
        b"\x09\x00",  # a control frame in fragments
        b"\x81\x7e\x00\x01x",  # longer header than needed
        b"\x81\x7f\x00\x00\x00\x00\x00\x00\x00\x01x",
        b"\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x81\x7f" + (MESSAGE_SIZE_MAX + 1).to_bytes(8, "big"),
        b"\x82\x7f" + (70_000).to_bytes(8, "big") + b"b" * 70_000,
        b"\x81\x7f" + (300_000).to_bytes(8, "big") + b"t" * 300_000,
    ]
)
FRAGMENTED = st.builds(
    lambda first, between, last: (
        serialized(Opcode.TEXT, first, False) + between + serialized(Opcode.CONT, last)
    ),
    DATA,
    CONTROL | st.just(b""),
    DATA,
)
STREAMS = st.lists(USUAL | FRAGMENTED | CONTROL | ANY | CLOSING | ANOMALY, max_size=8).map(b"".join)
CUTS = st.lists(st.integers(0, 2000) | st.integers(0, 400_000), max_size=12)


@settings(max_examples=500)
@given(STREAMS, st.binary(max_size=12), CUTS, st.booleans())
def test_any_stream_cut_anywhere_is_read_as_the_library_alone_would(
    stream: bytes, rest: bytes, places: list[int], ended: bool
) -> None:
    stream += rest
    assert by_us(cut(stream, places), ended) == by_the_library([stream], ended)


@given(st.lists(USUAL | FRAGMENTED | CONTROL, max_size=4).map(b"".join))
def test_a_stream_in_single_bytes_is_read_alike(stream: bytes) -> None:
    pieces = [stream[i : i + 1] for i in range(len(stream))]
    assert by_us(pieces, False) == by_the_library([stream], False)


@given(STREAMS, st.data())
def test_after_any_part_of_a_stream_both_stand_alike(stream: bytes, data: st.DataObject) -> None:
    part = stream[: data.draw(st.integers(0, len(stream)))]
    assert by_us([part], False) == by_the_library([part], False)


async def test_the_scan_takes_over_again_behind_every_anomaly_that_is_legal() -> None:
    harness = WebSocketHarness()
    calls: list[int] = []
    scan = harness.scan
    harness.socket._scan = lambda *args: calls.append(args[1]) or scan(*args)  # type: ignore[func-returns-value]
    for frame in (
        serialized(Opcode.PING, b"a"),
        serialized(Opcode.TEXT, b"b", False) + serialized(Opcode.CONT, b"c"),
    ):
        calls.clear()
        harness.receive(frame + serialized(Opcode.TEXT, b"1") + serialized(Opcode.TEXT, b"2"))
        assert harness.messages[-2:] == [b"1", b"2"]
        assert calls[-1] == len(frame)
    harness.socket.connection_lost(None)


async def test_the_owner_is_called_once_after_each_read() -> None:
    """Whatever the read brought, and whether the scan or the library took it."""

    harness = WebSocketHarness()
    counts: list[int] = []
    harness.socket._after_read = lambda: counts.append(len(harness.messages))
    plain, ping = serialized(Opcode.TEXT, b"plain"), serialized(Opcode.PING, b"")
    fragmented = serialized(Opcode.TEXT, b"a", False) + serialized(Opcode.CONT, b"b")
    for piece in (plain + plain, fragmented + fragmented + plain, ping, plain[:3], plain[3:]):
        harness.receive(piece)
    assert counts == [2, 5, 5, 5, 6]
    harness.socket.connection_lost(None)


async def test_the_buffer_is_never_full() -> None:
    harness = WebSocketHarness()
    stream = serialized(Opcode.TEXT, b"z" * 65_535) * 40
    step = 60_001
    for at in range(0, len(stream), step):
        harness.receive(stream[at : at + step])
        assert len(harness.socket.get_buffer(-1)) >= 60_000
    assert len(harness.messages) == 40
    assert len(harness.socket.get_buffer(-1)) == BUFFER_SIZE
    harness.socket.connection_lost(None)


class RecordingClient:
    """A connection to a real server, and the messages received on it."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.arrived = asyncio.Event()

    def scan(self, view: memoryview, start: int, end: int) -> int:
        taken, at = frames.split(view, start, end)
        for message in taken:
            self.deliver(message)
        return at

    def deliver(self, message: bytes) -> None:
        self.messages.append(message)
        self.arrived.set()

    async def connect(
        self,
        url: str,
        tls: ssl.SSLContext | None = None,
        timeout_s: float = 5,
        on_clock: bool = False,
    ) -> WebSocket:
        return await websocket.connect(
            url,
            self.scan,
            self.deliver,
            tls=tls,
            headers={"User-Agent": "t"},
            timeout_s=timeout_s,
            on_clock=on_clock,
        )

    async def wait(self, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while len(self.messages) < count:
                self.arrived.clear()
                await self.arrived.wait()


def url_of(server: RawServer) -> str:
    return f"ws://127.0.0.1:{server.port}/"


async def accept(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, more: bytes = b""
) -> None:
    """Complete the handshake, with *more* in the same packet as the 101."""
    protocol = ServerProtocol()
    while not protocol.events:
        protocol.receive_data(await reader.read(4096))
    [request] = protocol.events_received()
    protocol.send_response(protocol.accept(request))  # type: ignore[arg-type]
    writer.write(b"".join(protocol.data_to_send()) + more)


class ReadTimer:
    """Has a connection read every millisecond."""

    def __init__(self, connection: WebSocket) -> None:
        self._loop = asyncio.get_running_loop()
        self._connection = connection
        self._tick()

    def stop(self) -> None:
        self._next.cancel()

    def _tick(self) -> None:
        self._connection.read()
        self._next = self._loop.call_later(0.001, self._tick)


@pytest.mark.parametrize("anyio_backend", LOOPS)
@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("on_clock", [False, True])
async def test_messages_come_and_go_over_a_real_socket(secure: bool, on_clock: bool) -> None:
    async def echo(connection: websockets.asyncio.server.ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)
            await connection.send([b"frag", b"ment"], text=True)
            await connection.ping()
            await connection.send("x" * 300_000)

    tls = server_context() if secure else None
    async with websockets.asyncio.server.serve(echo, "127.0.0.1", 0, ssl=tls) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        client = RecordingClient()
        url = f"ws{'s' * secure}://127.0.0.1:{port}/"
        context = client_context() if secure else None
        connection = await client.connect(url, context, on_clock=on_clock)
        clock = ReadTimer(connection)
        for i in range(50):
            connection.send_text(b"%d" % i)
        await client.wait(150)
        assert client.messages[::3] == [b"%d" % i for i in range(50)]
        assert client.messages[1::3] == [b"fragment"] * 50
        assert client.messages[2::3] == [b"x" * 300_000] * 50
        connection.close()
        assert "1000" in await connection.closed
        clock.stop()


@pytest.mark.parametrize("anyio_backend", LOOPS)
@pytest.mark.parametrize("secure", [False, True])
async def test_on_a_clock_nothing_is_read_between_two_ticks_and_nothing_is_lost(
    secure: bool,
) -> None:
    async def flood(connection: websockets.asyncio.server.ServerConnection) -> None:
        for i in range(3000):
            await connection.send(f"{i:700d}")
        flooded.set()
        await connection.wait_closed()

    flooded = asyncio.Event()
    tls = server_context() if secure else None
    async with websockets.asyncio.server.serve(flood, "127.0.0.1", 0, ssl=tls) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        client = RecordingClient()
        url = f"ws{'s' * secure}://127.0.0.1:{port}/"
        context = client_context() if secure else None
        connection = await client.connect(url, context, on_clock=True)
        before = len(client.messages)
        await asyncio.sleep(0.05)
        assert len(client.messages) == before < 3000
        async with asyncio.timeout(PATIENCE_S):
            while len(client.messages) < 3000:
                connection.read()
                await asyncio.sleep(0.001)
        assert [int(message) for message in client.messages] == list(range(3000))
        await flooded.wait()
        connection.abort()
        await connection.closed


@pytest.mark.parametrize("anyio_backend", LOOPS)
@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("way", ["abort", "close"])
async def test_on_a_clock_the_end_of_the_other_side_is_noticed(secure: bool, way: str) -> None:
    async def leave(connection: websockets.asyncio.server.ServerConnection) -> None:
        await connection.send("last")
        getattr(connection.transport, way)()

    tls = server_context() if secure else None
    async with websockets.asyncio.server.serve(leave, "127.0.0.1", 0, ssl=tls) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        client = RecordingClient()
        url = f"ws{'s' * secure}://127.0.0.1:{port}/"
        context = client_context() if secure else None
        connection = await client.connect(url, context, on_clock=True)
        clock = ReadTimer(connection)
        async with asyncio.timeout(PATIENCE_S):
            assert await connection.closed
        clock.stop()


@pytest.mark.parametrize("anyio_backend", LOOPS)
async def test_data_in_the_packet_of_the_101_is_not_lost() -> None:
    more = (
        serialized(Opcode.TEXT, b"first")
        + serialized(Opcode.PING, b"")
        + serialized(Opcode.TEXT, b"second")
    )

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer, more)
        await reader.read()

    async with RawServer(answer) as server:
        client = RecordingClient()
        connection = await client.connect(url_of(server))
        await client.wait(2)
        assert client.messages == [b"first", b"second"]
        connection.abort()
        await connection.closed


@pytest.mark.parametrize(
    "status", ["403 Forbidden", "429 Too Many Requests", "503 Busy", "301 Moved"]
)
async def test_an_http_status_in_place_of_the_handshake_is_reported(status: str) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status}\r\nRetry-After: 7\r\nContent-Length: 2\r\n\r\nno".encode())
        await reader.read()

    async with RawServer(answer) as server:
        with pytest.raises(HandshakeRefused) as caught:
            await RecordingClient().connect(url_of(server))
        assert caught.value.status == int(status[:3])
        assert caught.value.retry_after_s == 7


@pytest.mark.parametrize("words", [b"", b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: web"])
async def test_a_handshake_that_never_ends_is_given_up(words: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(words)
        await reader.read()

    async with RawServer(answer) as server:
        with pytest.raises(ConnectionLost, match=r"did not answer in 0\.2 s"):
            await RecordingClient().connect(url_of(server), timeout_s=0.2)


@pytest.mark.parametrize("words", [b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\n\r\n"])
async def test_a_peer_that_does_not_speak_websocket_is_reported(words: bytes) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(words)

    async with RawServer(answer) as server:
        with pytest.raises(ConnectionLost):
            await RecordingClient().connect(url_of(server))


async def test_a_missing_server() -> None:
    async with RawServer(accept) as server:
        pass
    with pytest.raises(ConnectionLost, match=r"127\.0\.0\.1"):
        await RecordingClient().connect(url_of(server))


async def test_a_certificate_is_verified() -> None:
    async with websockets.asyncio.server.serve(
        lambda _: asyncio.sleep(0), "127.0.0.1", 0, ssl=server_context()
    ) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        with pytest.raises(ConnectionLost, match="CERTIFICATE_VERIFY_FAILED"):
            await RecordingClient().connect(
                f"wss://127.0.0.1:{port}/", ssl.create_default_context()
            )


async def test_a_connection_cut_by_the_other_side_is_reported() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        await reader.readexactly(1)
        writer.transport.abort()

    async with RawServer(answer) as server:
        connection = await RecordingClient().connect(url_of(server))
        connection.send_text(b"go")
        assert await connection.closed
        connection.send_text(b"gone")
        connection.close()


async def test_a_close_that_is_not_answered_ends_in_a_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(websocket, "CLOSE_TIMEOUT_S", 0.05)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        await reader.read()

    async with RawServer(answer) as server:
        connection = await RecordingClient().connect(url_of(server))
        connection.close()
        async with asyncio.timeout(PATIENCE_S):
            await connection.closed
