"""What a WebSocket over it does not show: back-pressure, the ends of TLS, and resets."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import Callable

import pytest

from fastopts.net import manual_transport
from fastopts.net.manual_transport import ManualTransport
from tests.support.certificates import client_context, server_context
from tests.support.loops import LOOPS

pytestmark = pytest.mark.usefixtures("strict_loop")

SMALL = 8 * 1024


class RecordingReceiver:
    """Records a transport's calls and data, received through a buffer of *size* bytes."""

    def __init__(self, size: int = 65536) -> None:
        self.got = bytearray()
        self.calls: list[str] = []
        self.lost: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self.on_data: Callable[[], None] = lambda: None
        self._buffer = bytearray(size)
        self._arrived = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.calls.append("made")

    def get_buffer(self, sizehint: int) -> memoryview:
        return memoryview(self._buffer)

    def buffer_updated(self, nbytes: int) -> None:
        self.got += self._buffer[:nbytes]
        self._arrived.set()
        self.on_data()

    def eof_received(self) -> bool:
        self.calls.append("eof")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self.calls.append("lost")
        self.lost.set_result(exc)

    async def wait(self, count: int) -> None:
        while len(self.got) < count:
            self._arrived.clear()
            await self._arrived.wait()


class Plain:
    """The other side of a connection."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self._loop = asyncio.get_running_loop()

    async def shake_hands(self) -> None:
        """Nothing to do without TLS."""

    async def send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self.sock, data)

    async def receive(self) -> bytes:
        """Some bytes, or none at the end."""
        return await self._loop.sock_recv(self.sock, 65536)

    async def rest(self) -> bytes:
        got = bytearray()
        while data := await self.receive():
            got += data
        return bytes(got)

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


class Secure(Plain):
    """The same behind TLS, with each packet in the test's hands."""

    def __init__(
        self,
        sock: socket.socket,
        version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3,
        packet_size: int = 1 << 20,
    ) -> None:
        super().__init__(sock)
        context = server_context()
        context.maximum_version = version
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._packet_size = packet_size

    async def shake_hands(self) -> None:
        while True:
            try:
                self._tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                if not await self._fill():
                    raise ConnectionError("the client left") from None
            except ssl.SSLError:
                await self._flush()
                raise
            else:
                return await self._flush()

    async def send(self, data: bytes) -> None:
        self._tls.write(data)
        await self._flush()

    async def send_and_say_goodbye(self, data: bytes, more: bytes = b"") -> None:
        """Data, close_notify and *more* in one packet; the socket stays open."""
        self._tls.write(data)
        with pytest.raises(ssl.SSLWantReadError):
            self._tls.unwrap()
        self._outgoing.write(more)
        await self._flush()

    async def receive(self) -> bytes:
        while True:
            try:
                return self._tls.read(65536)
            except ssl.SSLWantReadError:
                if not await self._fill():
                    return b""

    async def _fill(self) -> bool:
        data = await self._loop.sock_recv(self.sock, 65536)
        self._incoming.write(data)
        return bool(data)

    async def _flush(self) -> None:
        while self._outgoing.pending:
            packet = self._outgoing.read(self._packet_size)
            await self._loop.sock_sendall(self.sock, packet)


def sockets() -> tuple[socket.socket, socket.socket]:
    """The two ends of a TCP connection that holds little: Unix sockets know no reset."""
    with socket.socket() as listener, socket.socket() as client:
        for end in (listener, client):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SMALL)
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        client.connect(listener.getsockname())
        server, _ = listener.accept()
        for end in (client, server):
            end.setblocking(False)
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return client.dup(), server


async def connected(secure: bool, receiver: RecordingReceiver) -> tuple[ManualTransport, Plain]:
    client, server = sockets()
    peer = Secure(server) if secure else Plain(server)
    transport, _ = await asyncio.gather(
        manual_transport.connect(
            receiver, client, client_context() if secure else None, "localhost"
        ),
        peer.shake_hands(),
    )
    return transport, peer


async def turns(count: int = 10) -> None:
    """Let the loop look at its sockets a few times."""
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.mark.parametrize("anyio_backend", LOOPS)
@pytest.mark.parametrize("secure", [False, True])
async def test_what_the_other_side_does_not_take_yet_is_sent_later_in_order(secure: bool) -> None:
    pieces = [bytes([i]) * 300_000 for i in range(8)]

    receiver = RecordingReceiver()
    transport, peer = await connected(secure, receiver)
    for piece in pieces:
        transport.write(piece)
        await turns(2)
    transport.close()
    transport.write(b"too late")
    await turns()
    assert not receiver.lost.done(), "all of it fitted: nothing was held back"
    assert await peer.rest() == b"".join(pieces)
    assert await receiver.lost is None
    assert receiver.calls == ["made", "lost"]
    peer.sock.close()


@pytest.mark.parametrize("anyio_backend", LOOPS)
@pytest.mark.parametrize("secure", [False, True])
async def test_reading_continues_while_a_write_waits(secure: bool) -> None:
    data = b"w" * 1_000_000

    receiver = RecordingReceiver()
    transport, peer = await connected(secure, receiver)
    transport.write(data)
    await peer.send(b"one")
    await receiver.wait(3)
    await peer.send(b"two")
    await receiver.wait(6)
    assert receiver.got == b"onetwo"
    got = bytearray()
    while len(got) < len(data):
        got += await peer.receive()
    assert got == data
    transport.write(b"more")
    assert await peer.receive() == b"more"
    transport.abort()
    assert await receiver.lost is None
    peer.sock.close()


@pytest.mark.parametrize("anyio_backend", LOOPS)
@pytest.mark.parametrize("secure", [False, True])
async def test_an_abort_drops_what_waits(secure: bool) -> None:
    receiver = RecordingReceiver()
    transport, peer = await connected(secure, receiver)
    transport.write(b"x" * 2_000_000)
    transport.abort()
    assert await receiver.lost is None
    got = 0
    with contextlib.suppress(ConnectionError):
        while data := await peer.receive():
            got += len(data)
    assert got < 2_000_000
    peer.sock.close()


@pytest.mark.parametrize("anyio_backend", LOOPS)
@pytest.mark.parametrize("secure", [False, True])
async def test_a_reset_while_a_write_waits_is_reported_once(secure: bool) -> None:
    receiver = RecordingReceiver()
    transport, peer = await connected(secure, receiver)
    transport.write(b"x" * 2_000_000)
    peer.reset()
    assert isinstance(await receiver.lost, ConnectionError)
    await turns()
    assert receiver.calls == ["made", "lost"]


@pytest.mark.parametrize("anyio_backend", LOOPS)
@pytest.mark.parametrize("secure", [False, True])
async def test_a_write_that_meets_a_reset_does_not_raise_and_ends_the_connection(
    secure: bool,
) -> None:
    receiver = RecordingReceiver()
    transport, peer = await connected(secure, receiver)
    transport.pause_reading()
    peer.reset()
    while not receiver.lost.done():
        transport.write(b"x")
        await asyncio.sleep(0)
    assert isinstance(receiver.lost.result(), ConnectionError)
    assert receiver.calls == ["made", "lost"]


@pytest.mark.parametrize("anyio_backend", LOOPS)
@pytest.mark.parametrize("secure", [False, True])
async def test_a_read_that_meets_a_reset_does_not_raise_and_ends_the_connection(
    secure: bool,
) -> None:
    receiver = RecordingReceiver()
    transport, peer = await connected(secure, receiver)
    transport.pause_reading()
    peer.reset()
    while not receiver.lost.done():
        transport.read()
        await asyncio.sleep(0)
    assert isinstance(receiver.lost.result(), ConnectionError)
    assert receiver.calls == ["made", "lost"]


@pytest.mark.parametrize("anyio_backend", LOOPS)
@pytest.mark.parametrize("secure", [False, True])
async def test_after_the_end_every_call_is_harmless(secure: bool) -> None:
    receiver = RecordingReceiver()
    transport, peer = await connected(secure, receiver)
    peer.reset()
    await receiver.lost
    transport.write(b"x")
    transport.read()
    transport.pause_reading()
    transport.resume_reading()
    transport.write_eof()
    transport.close()
    transport.abort()
    await turns()
    assert receiver.calls == ["made", "lost"]
    assert receiver.got == b""


@pytest.mark.parametrize("anyio_backend", LOOPS)
async def test_half_a_connection_can_be_closed() -> None:
    receiver = RecordingReceiver()
    transport, peer = await connected(False, receiver)
    assert transport.can_write_eof()
    transport.write(b"last words")
    transport.write_eof()
    assert await peer.rest() == b"last words"
    await peer.send(b"answer")
    await receiver.wait(6)
    assert receiver.got == b"answer"
    peer.sock.close()
    assert await receiver.lost is None
    assert receiver.calls == ["made", "eof", "lost"]


@pytest.mark.parametrize("anyio_backend", LOOPS)
@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("size", [1, 1000, 5000, 65536])
async def test_a_buffer_of_any_size_takes_all_that_arrives(secure: bool, size: int) -> None:
    data = bytes(range(250)) * 20

    receiver = RecordingReceiver(size)
    transport, peer = await connected(secure, receiver)
    transport.pause_reading()
    for _ in range(3):
        receiver.got.clear()
        await peer.send(data)
        while len(receiver.got) < len(data):
            transport.read()
            await asyncio.sleep(0)
        assert receiver.got == data
    transport.abort()
    await receiver.lost
    peer.sock.close()


@pytest.mark.parametrize("anyio_backend", LOOPS)
@pytest.mark.parametrize("size", [1, 1000, 5000, 65536])
async def test_one_read_takes_all_that_has_arrived(size: int) -> None:
    data = bytes(range(250)) * 20

    receiver = RecordingReceiver(size)
    client, server = sockets()
    transport = await manual_transport.connect(receiver, client, None, "localhost")
    transport.pause_reading()
    await Plain(server).send(data)
    client.setblocking(True)
    assert client.recv(len(data), socket.MSG_PEEK | socket.MSG_WAITALL) == data
    client.setblocking(False)
    transport.read()
    assert receiver.got == data
    transport.abort()
    await receiver.lost
    server.close()


@pytest.mark.parametrize("anyio_backend", LOOPS)
@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("way", ["abort", "close"])
async def test_a_connection_ended_during_a_read_delivers_nothing_more(
    secure: bool, way: str
) -> None:
    receiver = RecordingReceiver(10)
    transport, peer = await connected(secure, receiver)
    receiver.on_data = getattr(transport, way)
    await peer.send(b"0123456789" * 10)
    assert await receiver.lost is None
    assert receiver.got == b"0123456789"
    assert receiver.calls == ["made", "lost"]
    peer.sock.close()


@pytest.mark.parametrize("anyio_backend", LOOPS)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("size", [7, 14, 65536])
async def test_a_close_notify_ends_the_connection_after_the_data_before_it(
    version: ssl.TLSVersion, size: int
) -> None:
    receiver = RecordingReceiver(size)
    client, server = sockets()
    peer = Secure(server, version)
    transport, _ = await asyncio.gather(
        manual_transport.connect(receiver, client, client_context(), "localhost"),
        peer.shake_hands(),
    )
    assert not transport.can_write_eof()
    await peer.send_and_say_goodbye(b"the last words", more=b"\x17\x03\x03\x00\x05noise")
    assert await receiver.lost is None
    assert receiver.got == b"the last words"
    assert receiver.calls == ["made", "eof", "lost"]
    server.close()


@pytest.mark.parametrize("anyio_backend", LOOPS)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_handshake_in_single_bytes_is_one_handshake(version: ssl.TLSVersion) -> None:
    receiver = RecordingReceiver()
    client, server = sockets()
    peer = Secure(server, version, packet_size=1)
    transport, _ = await asyncio.gather(
        manual_transport.connect(receiver, client, client_context(), "localhost"),
        peer.shake_hands(),
    )
    await peer.send(b"hello")
    await receiver.wait(5)
    assert receiver.got == b"hello"
    transport.write(b"you")
    assert await peer.receive() == b"you"
    transport.abort()
    await receiver.lost
    server.close()


@pytest.mark.parametrize("anyio_backend", LOOPS)
@pytest.mark.parametrize(
    ("name", "trusts", "words"),
    [
        ("localhost", False, "unable to get local issuer|self-signed|self signed"),
        ("venue.test", True, r"Hostname mismatch.*'venue\.test'"),
    ],
)
async def test_a_certificate_of_another_host_ends_the_handshake_with_an_alert(
    name: str, trusts: bool, words: str
) -> None:
    async def in_full(peer: Secure) -> None:
        await peer.shake_hands()
        await peer.receive()  # with TLS 1.3 the client's alert comes after the handshake

    receiver = RecordingReceiver()
    client, server = sockets()
    context = client_context() if trusts else ssl.create_default_context()
    refused, heard = await asyncio.gather(
        manual_transport.connect(receiver, client, context, name),
        in_full(Secure(server)),
        return_exceptions=True,
    )
    assert isinstance(refused, ssl.SSLCertVerificationError)
    with pytest.raises(ssl.SSLError, match=words):
        raise refused
    with pytest.raises(ssl.SSLError, match=r"(?i)alert.*(unknown ca|bad certificate)"):
        raise heard  # type: ignore[misc]
    assert client.fileno() == -1
    assert receiver.calls == []
    server.close()


@pytest.mark.parametrize("anyio_backend", LOOPS)
@pytest.mark.parametrize("way", ["noise", "leave", "reset"])
async def test_a_peer_that_does_not_shake_hands_is_an_oserror_and_the_socket_is_closed(
    way: str,
) -> None:
    receiver = RecordingReceiver()
    client, server = sockets()

    async def spoil() -> None:
        peer = Plain(server)
        assert (await peer.receive())[0] == 22  # a TLS handshake record
        if way == "noise":
            await peer.send(b"SSH-2.0-OpenSSH_9.6\r\n")
        elif way == "leave":
            server.shutdown(socket.SHUT_WR)
        else:
            peer.reset()

    refused, _ = await asyncio.gather(
        manual_transport.connect(receiver, client, client_context(), "localhost"),
        spoil(),
        return_exceptions=True,
    )
    assert isinstance(refused, ssl.SSLError if way == "noise" else ConnectionError)
    assert client.fileno() == -1
    assert receiver.calls == []
    server.close()


@pytest.mark.parametrize("anyio_backend", LOOPS)
async def test_a_handshake_that_is_cancelled_closes_the_socket() -> None:
    receiver = RecordingReceiver()
    client, server = sockets()
    peer = Plain(server)
    task = asyncio.create_task(
        manual_transport.connect(receiver, client, client_context(), "localhost")
    )
    assert await peer.receive()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert client.fileno() == -1
    assert await peer.rest() == b""
    assert receiver.calls == []
    server.close()
