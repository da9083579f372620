"""The fault proxy does what it says: else the tests that stand on it prove nothing."""

import socket
import threading
from collections.abc import Iterator
from typing import Self

import pytest

from tests.support.fault_proxy import Ending, FaultProxy, Passage, Way

WORDS = bytes(range(256)) * 40


class Echo:
    """Sends back what it reads."""

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                opened, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._echo, args=(opened,), daemon=True).start()

    def _echo(self, opened: socket.socket) -> None:
        with opened:
            try:
                while data := opened.recv(1 << 16):
                    opened.sendall(data)
            except OSError:
                return


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    with Echo() as echo, FaultProxy(echo.port) as made:
        yield made


def client(proxy: FaultProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=10)


def read(opened: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (more := opened.recv(size - len(data))):
        data += more
    return data


@pytest.mark.parametrize("slice_bytes", [None, 1, 7])
def test_an_open_way_changes_nothing(proxy: FaultProxy, slice_bytes: int | None) -> None:
    proxy.down.slice_bytes = slice_bytes
    with client(proxy) as opened:
        opened.sendall(WORDS)
        assert read(opened, len(WORDS)) == WORDS
    assert proxy.accepted == 1


@pytest.mark.parametrize("size", [0, 1, 1000, len(WORDS)])
def test_a_cut_comes_after_exactly_so_many_bytes(proxy: FaultProxy, size: int) -> None:
    proxy.down.cut_after = size
    with client(proxy) as opened:
        opened.sendall(WORDS)
        assert read(opened, len(WORDS) + 1) == WORDS[:size]


def test_a_reset_is_one(proxy: FaultProxy) -> None:
    with client(proxy) as opened:
        opened.sendall(b"x")
        assert opened.recv(1) == b"x"
        proxy.drop(Ending.RST)
        with pytest.raises(ConnectionResetError):
            opened.recv(1)


def test_one_byte_is_turned_over(proxy: FaultProxy) -> None:
    proxy.up.flip_at = 300
    with client(proxy) as opened:
        opened.sendall(WORDS)
        came = read(opened, len(WORDS))
    assert [at for at, (a, b) in enumerate(zip(came, WORDS, strict=True)) if a != b] == [300]
    assert came[300] == WORDS[300] ^ 0xFF


def test_lost_bytes_never_arrive_and_delayed_ones_do(proxy: FaultProxy) -> None:
    with client(proxy) as opened:
        proxy.up = Way(passage=Passage.LOST)
        opened.sendall(b"lost")
        opened.settimeout(0.2)
        with pytest.raises(TimeoutError):
            opened.recv(1)
        proxy.up = Way()
        opened.settimeout(10)
        opened.sendall(b"behind a gap")
        with pytest.raises(ConnectionResetError):
            opened.recv(1)
    with client(proxy) as opened:
        proxy.up = Way(passage=Passage.HELD)
        opened.sendall(b"held")
        opened.settimeout(0.2)
        with pytest.raises(TimeoutError):
            opened.recv(1)
        proxy.up = Way()
        opened.settimeout(10)
        assert read(opened, 4) == b"held"


def test_refused_callers_get_nothing(proxy: FaultProxy) -> None:
    proxy.is_refusing = True
    with pytest.raises(ConnectionResetError), client(proxy) as opened:  # or even connecting fails
        opened.recv(1)


def test_bytes_from_an_offset_on_are_lost(proxy: FaultProxy) -> None:
    proxy.down.lost_after = 3
    with client(proxy) as opened:
        opened.sendall(WORDS)
        assert read(opened, 3) == WORDS[:3]
        proxy.down.lost_after = None
        opened.sendall(WORDS)
        assert read(opened, len(WORDS)).endswith(WORDS[-10:])
