import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from fastopts.net.dial import dial


@contextmanager
def refusing() -> Iterator[int]:
    """A port that refuses: bound, so that nobody else takes it, and not listening."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield held.getsockname()[1]


@contextmanager
def answering() -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        listener.settimeout(10)
        yield listener


class Names:
    """Stands in for the resolver, which knows no host with the addresses that a test needs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ports: list[int] = []
        self.asked: list[tuple[Any, ...]] = []
        monkeypatch.setattr(socket, "getaddrinfo", self._resolve)

    def _resolve(self, host: str, port: int, *rest: Any, **more: Any) -> list[Any]:
        self.asked.append((host, port))
        stream = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        return [(*stream, ("127.0.0.1", port)) for port in self.ports]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return Names(monkeypatch)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[socket.socket]:
    """Every socket that was made."""
    found: list[socket.socket] = []

    class Noted(socket.socket):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            found.append(self)

    monkeypatch.setattr("fastopts.net.dial.socket.socket", Noted)
    return found


async def test_a_host_that_answers_is_connected_to() -> None:
    with answering() as listener:
        sock = await dial("127.0.0.1", listener.getsockname()[1])
        peer, address = listener.accept()
        with sock, peer:
            assert sock.getsockname() == address
            assert sock.getblocking() is False
            sock.send(b"hello")
            assert peer.recv(10) == b"hello"


async def test_when_the_first_address_refuses_the_second_is_tried(names: Names) -> None:
    with refusing() as closed, answering() as listener, answering() as unused:
        open_port = listener.getsockname()[1]
        names.ports = [closed, open_port, unused.getsockname()[1]]
        with await dial("venue.test", 443) as sock:
            assert sock.getpeername() == ("127.0.0.1", open_port)
        assert names.asked == [("venue.test", 443)]
        unused.setblocking(False)
        with pytest.raises(BlockingIOError):
            unused.accept()


async def test_when_no_address_answers_the_last_failure_is_raised_and_no_socket_left_open(
    names: Names, made: list[socket.socket]
) -> None:
    with refusing() as first, refusing() as second:
        made.clear()
        names.ports = [first, second]
        with pytest.raises(ConnectionRefusedError, match=str(second)):
            await dial("venue.test", 443)
        assert [sock.fileno() for sock in made if sock.family == socket.AF_INET] == [-1, -1]


async def test_a_name_without_an_address_is_reported(names: Names) -> None:
    with pytest.raises(OSError, match=r"venue\.test"):
        await dial("venue.test", 443)


async def test_an_unknown_host_is_reported() -> None:
    with pytest.raises(socket.gaierror):
        await dial("nobody.invalid", 443)


async def test_an_attempt_that_is_cancelled_leaves_no_socket_open(
    names: Names, made: list[socket.socket]
) -> None:
    names.ports = [443, 444]

    async def hang(sock: socket.socket, address: Any) -> None:
        is_dialling.set()
        await asyncio.Event().wait()

    is_dialling = asyncio.Event()
    # No address is sure to swallow a SYN.
    asyncio.get_running_loop().sock_connect = hang  # type: ignore[method-assign]
    task = asyncio.create_task(dial("venue.test", 443))
    await is_dialling.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [sock.fileno() for sock in made if sock.family == socket.AF_INET] == [-1]


@pytest.mark.parametrize("host", ["a..b", ".", f"{'a' * 64}.test", "\ud800"])
async def test_an_invalid_host_name_is_an_unknown_host(host: str) -> None:
    with pytest.raises(OSError, match=r"not a host name|not known|No address"):
        await dial(host, 443)


NO_FAMILY = 99  # of no kernel


async def test_an_address_of_a_family_that_the_kernel_lacks_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with answering() as listener:
        found = [
            (NO_FAMILY, socket.SOCK_STREAM, 0, "", ("::1", 443, 0, 0)),
            (socket.AF_INET, socket.SOCK_STREAM, 0, "", listener.getsockname()),
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        with await dial("venue.test", 443) as sock:
            assert sock.getpeername() == listener.getsockname()
        del found[1]
        with pytest.raises(OSError, match="not supported"):
            await dial("venue.test", 443)
