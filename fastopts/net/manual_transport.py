"""An asyncio transport that reads on demand: no poll, no wake-up and no timer between two reads.

At 2,600 messages a second with one message in a write of the peer, waking up for each message costs
more than parsing and encoding it. While ticks are dense, the collector reads all its sockets with
each flush, which has a clock anyway: 190 wake-ups a second, and ticks reach Redis no later. The
transports of asyncio and uvloop can pause and resume reading, but each turn costs them several
system calls and a wake-up that finds nothing to do.
"""

import asyncio
import contextlib
import socket
import ssl
from typing import Final, Protocol, cast

__all__ = ("ManualReading", "ManualTransport", "connect")

READ_SIZE: Final = 64 * 1024
# For one call of `read`: a peer that sends without end must not keep the other connections waiting.
READ_BYTES_MAX: Final = 2 << 20


class Receiver(Protocol):
    """The methods of an asyncio.BufferedProtocol whose buffers are memoryviews."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is open."""

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return memory to read into."""

    def buffer_updated(self, nbytes: int) -> None:
        """That many bytes of it were filled."""

    def eof_received(self) -> bool:
        """The peer will send nothing more."""

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is closed."""


class ManualTransport(asyncio.Transport):
    """The part of a transport that a client needs, and `read`.

    It reads whenever data arrives until `pause_reading`; from then on only when `read` is called.
    """

    def __init__(self, sock: socket.socket, layer: "TlsLayer | None", protocol: Receiver) -> None:
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
        """Read only when `read` is called."""
        if not self._is_lost:
            self._loop.remove_reader(self._sock)

    def resume_reading(self) -> None:
        """Read as data arrives."""
        if not self._is_lost:
            self._loop.add_reader(self._sock, self.read)

    def read(self) -> bool:
        """Pass the data that has arrived to the protocol, at most about READ_BYTES_MAX.

        Returns whether more may be waiting.
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
        except Exception as error:  # noqa: BLE001 - as in any loop, it ends the connection
            message = "Fatal error: a protocol failed"
            self._loop.call_exception_handler({"message": message, "exception": error})
            self._lose(None)
            return False
        if not is_open and not self._is_lost:
            self._protocol.eof_received()
            self._lose(None)
        return self._has_more and not self._is_lost

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send *data* now, or as soon as the socket takes it. Ignored on a closed connection."""
        if self._is_closing or self._is_lost:
            return
        self._unsent += data if self._layer is None else self._layer.encrypt(data)
        self._send()

    def can_write_eof(self) -> bool:
        """Whether the connection can be closed in one direction: not with TLS."""
        return self._layer is None

    def write_eof(self) -> None:
        """Announce the end of our data, unless some of it is still unsent."""
        if not self._unsent and not self._is_lost:
            with contextlib.suppress(OSError):  # the peer has closed the connection already
                self._sock.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        """Close the connection once everything is sent."""
        self._is_closing = True
        if not self._unsent:
            self._lose(None)

    def abort(self) -> None:
        """Close the connection at once."""
        self._lose(None)

    def _read_plain(self) -> bool:
        total = 0
        while total < READ_BYTES_MAX:
            buffer = self._protocol.get_buffer(-1)
            count = self._recv_into(buffer)
            if not count:
                return False
            self._protocol.buffer_updated(count)
            # A read that did not fill the buffer has emptied the socket: asking again would cost a
            # system call and an exception.
            if count < len(buffer) or self._is_lost:
                return True
            total += count
        self._has_more = True
        return True

    def _read_secure(self, layer: "TlsLayer") -> bool:
        for _ in range(READ_BYTES_MAX // READ_SIZE):
            count = self._recv_into(layer.view)
            if not count or not self._decrypt(layer, count):
                return False
            if count < READ_SIZE or self._is_lost:
                return True
        self._has_more = True
        return True

    def _decrypt(self, layer: "TlsLayer", count: int) -> bool:
        """Decrypt *count* bytes into the protocol's buffer; return False at the end of the stream.

        A TLS record of a feed holds one message only: the protocol gets the content of all records
        of a read at once.
        """
        layer.incoming.write(layer.view[:count])
        while not self._is_lost:
            buffer = self._protocol.get_buffer(-1)
            size, is_over = layer.fill(buffer)
            if size:
                self._protocol.buffer_updated(size)
            if is_over or size < len(buffer):
                self._send_pending(layer)
                return not is_over
        return True

    def _send_pending(self, layer: "TlsLayer") -> None:
        """Send what TLS itself has to send, such as the reply to a key update."""
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


class TlsLayer:
    """TLS between two memory buffers; `view` is where encrypted data is read into.

    With buffers in memory, one read of the socket and one call decrypt everything that has arrived.
    """

    def __init__(self, context: ssl.SSLContext, name: str) -> None:
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname=name)
        self.view = memoryview(bytearray(READ_SIZE))

    def encrypt(self, data: bytes | bytearray | memoryview) -> bytes:
        """Return *data* encrypted."""
        self.tls.write(data)
        return self.outgoing.read()

    def fill(self, buffer: memoryview) -> tuple[int, bool]:
        """Decrypt into *buffer*; return the number of bytes, and whether the stream has ended."""
        size = 0
        try:
            while size < len(buffer):
                count = cast("int", self.tls.read(len(buffer) - size, buffer[size:]))
                if not count:
                    return size, True
                size += count
                if not self.incoming.pending:
                    # All records were complete. Reading on would raise SSLWantReadError, which
                    # costs as much as decrypting a message.
                    return size, False
        except ssl.SSLWantReadError:
            return size, False
        except ssl.SSLZeroReturnError:
            return size, True
        return size, False

    async def shake_hands(self, sock: socket.socket) -> None:
        """Do the TLS handshake over *sock*. Raises OSError, of which ssl.SSLError is a subclass."""
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
                await self._send(sock)  # the alert with the reason, for the peer
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
    """Connect *protocol* to a connected, non-blocking socket, with TLS if there is a *context*.

    *name* is the host name that the certificate must have. Raises OSError; the socket is closed
    then.
    """
    try:
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        layer = TlsLayer(context, name) if context is not None else None
        if layer is not None:
            await layer.shake_hands(sock)
    except BaseException:
        sock.close()
        raise
    return ManualTransport(sock, layer, protocol)
