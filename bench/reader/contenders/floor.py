"""The floor: a PING, and the replies that fastopts requests, received but not parsed."""

import re
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

from bench.reader.contenders.common import Call, Workload, serve
from fastopts import keys
from fastopts.core import mget
from fastopts.model import RECORD
from fastopts.net.redis.resp import pack

__all__ = ("END_SIZE", "Unparsed", "commands", "is_end")

BUFFER_SIZE = 64 * 1024  # as OptionReader's
END_SIZE = 40
# The reply to TIME comes last. Its second string are the microseconds, with 1 to 6 digits: the
# size of the whole reply varies, so the end is detected by its content.
_END = re.compile(rb"\*2\r\n\$10\r\n\d{10}\r\n\$\d\r\n\d+\r\n\Z")


class Unparsed:
    """Send *request*, commands that end with TIME, and read up to the end of its reply."""

    def __init__(self, url: str, request: bytes) -> None:
        self._socket = connect(url)
        self._request = request
        self._view = memoryview(bytearray(BUFFER_SIZE))

    def __call__(self) -> int:
        """Return the number of bytes received."""
        view, receive = self._view, self._socket.recv_into
        self._socket.sendall(self._request)
        size, end = 0, b""
        while not is_end(end):
            count = receive(view)
            if not count:
                raise ConnectionResetError("connection closed by Redis")
            size += count
            # The end may be split over two reads.
            end = (end + view[max(0, count - END_SIZE) : count])[-END_SIZE:]
        return size

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()


def commands(symbols: Sequence[str], between: bytes = b"") -> bytes:
    """Return the commands of an OptionReader for *symbols* whose terms it has cached."""
    return mget(symbols) + between + pack("HGETALL", keys.FEED) + pack("TIME")


def is_end(data: bytes) -> bool:
    """Whether *data* ends with a complete reply to TIME."""
    return _END.search(data) is not None


def connect(url: str) -> socket.socket:
    """Open a blocking connection to Redis."""
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname, parts.port))
    # Without it, Nagle's algorithm can delay a request by the peer's delayed acknowledgement.
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def ping(workload: Workload) -> Call:
    """A bare round trip."""
    connection = connect(workload.url)

    def run() -> bytes:
        connection.sendall(b"*1\r\n$4\r\nPING\r\n")
        return connection.recv(64)

    return Call(run, lambda reply: reply == b"+PONG\r\n")


def single(workload: Workload) -> Call:
    """The record of one option."""
    return _records(workload, workload.symbols[:1])


def many(workload: Workload) -> Call:
    """The records of 100 options."""
    return _records(workload, workload.symbols)


def series(workload: Workload) -> Call:
    """The records of a chain."""
    return _records(workload, workload.series)


def universe(workload: Workload) -> Call:
    """The records of all options."""
    return _records(workload, workload.universe)


def texts(workload: Workload) -> Call:
    """The records and hashes of 100 options."""
    hashes = b"".join(pack("HGETALL", keys.option(symbol)) for symbol in workload.symbols)
    return _records(workload, workload.symbols, hashes)


def _records(workload: Workload, symbols: Sequence[str], between: bytes = b"") -> Call:
    unparsed = Unparsed(workload.url, commands(symbols, between))
    return Call(unparsed, lambda size: size > len(symbols) * RECORD.size)


if __name__ == "__main__":
    serve(ping, single, many, series, universe, texts)
