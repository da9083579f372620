"""A transport that reads when it is told to: no poll, no wake-up and no timer between two reads.

An event loop's own transports can pause and resume, but each turn costs them several system calls
and a wake-up that finds nothing to do.
"""

import asyncio
import contextlib
import socket
import ssl
from typing import Protocol, cast

__all__ = ("ManualReading", "ManualTransport", "connect")

READ_SIZE = 64 * 1024
# Of one call of `read`: a connection that delivers without end must not keep the others waiting.
READ_BYTES_MAX = 2 << 20


class Receiver(Protocol):
    """The methods of an asyncio.BufferedProtocol, whose buffers are memoryviews."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None: ...
    def get_buffer(self, sizehint: int) -> memoryview: ...
    def buffer_updated(self, nbytes: int) -> None: ...
    def eof_received(self) -> bool: ...
    def connection_lost(self, exc: Exception | None) -> None: ...


class ManualTransport(asyncio.Transport):
    """The methods of a transport that a client needs, and `read`.

    It reads at each arrival, as others do, until `pause_reading`; from then on at each `read`.
    """

    def __init__(self, sock: socket.socket, layer: "Layer | None", protocol: Receiver) -> None:
        super().__init__({"socket": sock})
        self._loop = asyncio.get_running_loop()
        self._sock = sock
        self._recv_into = sock.recv_into
        self._layer = layer
        self._protocol = protocol
        self._unsent = bytearray()
        self._is_closing = False
        self._is_lost = False
        self._has_more = False
        self.resume_reading()
        protocol.connection_made(self)

    def pause_reading(self) -> None:
        if not self._is_lost:
            self._loop.remove_reader(self._sock)

    def resume_reading(self) -> None:
        if not self._is_lost:
            self._loop.add_reader(self._sock, self.read)

    def read(self) -> bool:
        """Give the protocol what has arrived, READ_BYTES_MAX and one buffer at most.

        Return whether there may be more.
        """
        self._has_more = False
        if self._is_lost:
            return False
        try:
            is_open = self._read_plain() if self._layer is None else self._read_secure(self._layer)
        except BlockingIOError:
            return False
        except OSError as error:
            self._lose(error)
            return False
        except Exception as error:  # noqa: BLE001 - the protocol's fault ends the connection, as in any loop
            words = "Fatal error: a protocol failed"
            self._loop.call_exception_handler({"message": words, "exception": error})
            self._lose(None)
            return False
        if not is_open and not self._is_lost:
            self._protocol.eof_received()
            self._lose(None)
        return self._has_more and not self._is_lost

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if self._is_closing or self._is_lost:
            return
        self._unsent += data if self._layer is None else self._layer.encrypted(data)
        self._send()

    def can_write_eof(self) -> bool:
        return self._layer is None

    def write_eof(self) -> None:
        if not self._unsent and not self._is_lost:
            with contextlib.suppress(OSError):  # the other side was quicker
                self._sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close once everything is sent."""
        self._is_closing = True
        if not self._unsent:
            self._lose(None)

    def abort(self) -> None:
        self._lose(None)

    def _read_plain(self) -> bool:
        taken = 0
        while taken < READ_BYTES_MAX:
            buffer = self._protocol.get_buffer(-1)
            count = self._recv_into(buffer)
            if not count:
                return False
            self._protocol.buffer_updated(count)
            if count < len(buffer) or self._is_lost:
                return True
            taken += count
        self._has_more = True
        return True

    def _read_secure(self, layer: "Layer") -> bool:
        for _ in range(READ_BYTES_MAX // READ_SIZE):
            count = self._recv_into(layer.view)
            if not count or not self._decrypt(layer, count):
                return False
            if count < READ_SIZE or self._is_lost:
                return True
        self._has_more = True
        return True

    def _decrypt(self, layer: "Layer", count: int) -> bool:
        """Hand *count* bytes through the layer; False when it says that no more will come.

        A record holds but one message: the protocol hears of all of them at once.
        """
        layer.incoming.write(layer.view[:count])
        while not self._is_lost:
            buffer = self._protocol.get_buffer(-1)
            filled, is_over = layer.fill(buffer)
            if filled:
                self._protocol.buffer_updated(filled)
            if is_over or filled < len(buffer):
                self._answer(layer)
                return not is_over
        return True

    def _answer(self, layer: "Layer") -> None:
        """Send what TLS itself has to say, such as the reply to a change of keys."""
        if layer.outgoing.pending:
            self._unsent += layer.outgoing.read()
            self._send()

    def _send(self) -> None:
        try:
            while self._unsent:
                del self._unsent[: self._sock.send(self._unsent)]
        except BlockingIOError:
            self._loop.add_writer(self._sock, self._send)
            return
        except OSError as error:
            self._lose(error)
            return
        self._loop.remove_writer(self._sock)
        if self._is_closing:
            self._lose(None)

    def _lose(self, error: OSError | None) -> None:
        if self._is_lost:
            return
        self._is_lost = True
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        self._sock.close()
        self._loop.call_soon(self._protocol.connection_lost, error)


class ManualReading:
    """For a protocol: reading on demand, where it was connected over a `ManualTransport`.

    On any other transport nothing is read on demand, and pausing and resuming do nothing.
    """

    _manual: ManualTransport | None = None

    def read(self) -> bool:
        """Read what has arrived, within bounds; return whether more may be waiting."""
        return self._manual is not None and self._manual.read()

    def pause_reading(self) -> None:
        """Read only when `read` is called: data and the end of the connection wait until then."""
        if self._manual is not None:
            self._manual.pause_reading()

    def resume_reading(self) -> None:
        """Read as data arrives."""
        if self._manual is not None:
            self._manual.resume_reading()


class Layer:
    """TLS between two memories; `view` is where what arrives is put first."""

    def __init__(self, context: ssl.SSLContext, name: str) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name)
        self.view = memoryview(bytearray(READ_SIZE))

    def encrypted(self, data: bytes | bytearray | memoryview) -> bytes:
        self.tls.write(data)
        return self.outgoing.read()

    def fill(self, buffer: memoryview) -> tuple[int, bool]:
        """Decrypt into *buffer*; return how much, and whether no more will ever come."""
        filled = 0
        try:
            while filled < len(buffer):
                taken = cast("int", self.tls.read(len(buffer) - filled, buffer[filled:]))
                if not taken:
                    return filled, True
                filled += taken
                if not self.incoming.pending:
                    # All records were whole. Asking for more would cost an exception, as much as
                    # decrypting a message.
                    return filled, False
        except ssl.SSLWantReadError:
            return filled, False
        except ssl.SSLZeroReturnError:
            return filled, True
        return filled, False

    async def shake_hands(self, sock: socket.socket) -> None:
        """Raises OSError, of which ssl.SSLError is one."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                self.tls.do_handshake()
            except ssl.SSLWantReadError:
                await self._send(sock)
                data = await loop.sock_recv(sock, READ_SIZE)
                if not data:
                    raise ConnectionError("closed during the TLS handshake") from None
                self.incoming.write(data)
            except ssl.SSLError:
                await self._send(sock)  # the alert that tells the other side why
                raise
            else:
                break
        await self._send(sock)

    async def _send(self, sock: socket.socket) -> None:
        await asyncio.get_running_loop().sock_sendall(sock, self.outgoing.read())


async def connect(
    protocol: Receiver,
    sock: socket.socket,
    context: ssl.SSLContext | None,
    name: str,
) -> ManualTransport:
    """Put *protocol* on a connected, non-blocking socket, behind TLS when *context* is given.

    Raises OSError; the socket is closed then.
    """
    try:
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        layer = Layer(context, name) if context is not None else None
        if layer is not None:
            await layer.shake_hands(sock)
    except BaseException:
        sock.close()
        raise
    return ManualTransport(sock, layer, protocol)
