"""The floor: epoll and recv_into a fixed buffer, nothing parsed, nothing written.

It opens as many connections as the collector. Without parsing it can't count messages: it counts
bytes, and reads, which show that in the paced loads a read brings one message.
"""

import select
import signal
import socket
import ssl
from collections.abc import Callable
from urllib.parse import urlsplit

from websockets.client import ClientProtocol
from websockets.protocol import OPEN
from websockets.uri import parse_uri

from bench.contenders import common
from bench.contenders.common import Arguments

TOPICS_A_CONNECTION = 550  # as the collector's default
BUFFER_SIZE = 256 * 1024


def connect(options: Arguments, symbols: list[str]) -> socket.socket:
    """Open a connection and subscribe to *symbols*."""
    parts = urlsplit(options.ws_url)
    sock = socket.create_connection((parts.hostname, parts.port))
    tls = options.tls
    if tls is not None:
        sock = tls.wrap_socket(sock, server_hostname=parts.hostname)
    protocol = ClientProtocol(parse_uri(options.ws_url))
    protocol.send_request(protocol.connect())
    while True:
        for data in protocol.data_to_send():
            sock.sendall(data)
        if protocol.state is OPEN:
            break
        protocol.receive_data(sock.recv(4096))
    for request in common.subscriptions(symbols):
        protocol.send_text(request)
    for data in protocol.data_to_send():
        sock.sendall(data)
    # Blocking up to here for simplicity; from now on epoll decides when to read.
    sock.setblocking(False)
    return sock


def main() -> None:
    """Read all streams until the process is killed."""
    options = common.arguments()
    listed = common.symbols(options)
    count = -(-len(listed) // TOPICS_A_CONNECTION)
    sockets = [connect(options, listed[number::count]) for number in range(count)]
    epoll = select.epoll()
    readers: dict[int, Callable[[memoryview], int]] = {}
    for sock in sockets:
        epoll.register(sock, select.EPOLLIN)
        readers[sock.fileno()] = sock.recv_into
    buffer = memoryview(bytearray(BUFFER_SIZE))
    size = reads = 0

    def report(*_: object) -> None:
        common.report_status(bytes=size, reads=reads)

    # A signal instead of a timeout of epoll: the loop has no clock to read.
    signal.signal(signal.SIGALRM, report)
    signal.setitimer(signal.ITIMER_REAL, 1, 1)
    while True:
        for number, _ in epoll.poll():
            try:
                size += readers[number](buffer)
            except ssl.SSLWantReadError:
                continue  # a part of a record
            reads += 1


if __name__ == "__main__":
    main()
