"""The wire's own cost: a PING, and the replies that our reader asks for, left unparsed."""

import re
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

from bench.reader.contenders.common import Call, Market, serve
from fastopts import keys
from fastopts.core import mget
from fastopts.model import RECORD
from fastopts.net.redis.resp import pack

__all__ = ("END_SIZE", "Unparsed", "commands", "is_end")

BUFFER_SIZE = 64 * 1024  # as our reader's
END_SIZE = 40
# The answer to TIME is last; its second word has as many digits as the microseconds happen to.
_END = re.compile(rb"\*2\r\n\$10\r\n\d{10}\r\n\$\d\r\n\d+\r\n\Z")


class Unparsed:
    """Sends *asked*, commands of which the last is TIME, and reads until that is answered."""

    def __init__(self, url: str, asked: bytes) -> None:
        self._socket = connect(url)
        self._asked = asked
        self._view = memoryview(bytearray(BUFFER_SIZE))

    def __call__(self) -> int:
        """Return the bytes that came."""
        view, receive = self._view, self._socket.recv_into
        self._socket.sendall(self._asked)
        size, end = 0, b""
        while not is_end(end):
            count = receive(view)
            if not count:
                raise ConnectionResetError("closed by the server")
            size += count
            end = (end + view[max(0, count - END_SIZE) : count])[-END_SIZE:]
        return size

    def close(self) -> None:
        self._socket.close()


def commands(symbols: Sequence[str], between: bytes = b"") -> bytes:
    """What our reader asks for *symbols*, once it knows their terms."""
    return mget(symbols) + between + pack("HGETALL", keys.FEED) + pack("TIME")


def is_end(data: bytes) -> bool:
    """Whether *data* ends with a whole answer to TIME."""
    return _END.search(data) is not None


def connect(url: str) -> socket.socket:
    parts = urlsplit(url)
    connection = socket.create_connection((parts.hostname, parts.port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def ping(market: Market) -> Call:
    connection = connect(market.url)

    def run() -> bytes:
        connection.sendall(b"*1\r\n$4\r\nPING\r\n")
        return connection.recv(64)

    return Call(run, lambda answer: answer == b"+PONG\r\n")


def one(market: Market) -> Call:
    return _records(market, market.symbols[:1])


def many(market: Market) -> Call:
    return _records(market, market.symbols)


def series(market: Market) -> Call:
    return _records(market, market.series)


def everything(market: Market) -> Call:
    return _records(market, market.everything)


def texts(market: Market) -> Call:
    hashes = b"".join(pack("HGETALL", keys.option(symbol)) for symbol in market.symbols)
    return _records(market, market.symbols, hashes)


def _records(market: Market, symbols: Sequence[str], between: bytes = b"") -> Call:
    unparsed = Unparsed(market.url, commands(symbols, between))
    return Call(unparsed, lambda size: size > len(symbols) * RECORD.size)


if __name__ == "__main__":
    serve(ping, one, many, series, everything, texts)
