"""Conversations over real sockets, by a thread and by callbacks."""

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest

from fastopts.errors import StoreError
from fastopts.net import tls
from fastopts.net.redis.address import Address
from fastopts.net.redis.push_asyncio import AsyncPushConnection
from fastopts.net.redis.push_blocking import BlockingPushConnection
from tests.support import loops
from tests.support.certificates import client_context, server_context

Run = Callable[["Count", Address, float], None]


class Enough(StoreError):
    """What ends a conversation by its own rules."""


class Count:
    """Sends numbers, one after each that it receives; and the word `tick` at its deadline."""

    def __init__(self, last: int = 5, every_s: float = float("inf")) -> None:
        self.received = b""
        self.ticks = 0
        self._last = last
        self._every_s = every_s
        self._tick_at = float("inf")
        self._out = b""

    def start(self, introduction: Iterable[tuple[str, ...]]) -> None:
        self._out = b"".join(b" ".join(map(str.encode, words)) for words in introduction) + b"0"
        self._tick_at = time.monotonic() + self._every_s

    def receive(self, data: bytes, now: float) -> None:
        self.received += data
        if len(self.received) >= self._last:
            raise Enough("enough")
        self._out += str(len(self.received)).encode()

    def data_to_send(self) -> bytes:
        out, self._out = self._out, b""
        return out

    def next_deadline(self) -> float:
        return self._tick_at

    def tick(self, now: float) -> None:
        if now >= self._tick_at:
            self.ticks += 1
            self._tick_at = now + self._every_s
            self._out += b"t"


def _run_thread(count: Count, address: Address, timeout_s: float) -> None:
    BlockingPushConnection(address, count, timeout_s).run()


def _run_loop(loop: str) -> Run:
    def run(count: Count, address: Address, timeout_s: float) -> None:
        async def main() -> None:
            await AsyncPushConnection(address, count, timeout_s).run()

        loops.run(loop, main())

    return run


@pytest.fixture(params=["thread", *loops.NAMES])
def run(request: pytest.FixtureRequest) -> Run:
    return _run_thread if request.param == "thread" else _run_loop(request.param)


@contextlib.contextmanager
def serving(
    serve: Callable[[socket.socket], None],
    path: Path | None = None,
    context: ssl.SSLContext | None = None,
) -> Iterator[Address]:
    """A server of one connection."""
    family = socket.AF_INET if path is None else socket.AF_UNIX
    with socket.socket(family) as listener:
        listener.bind(("127.0.0.1", 0) if path is None else str(path))
        listener.listen()

        def accept() -> None:
            connection, _ = listener.accept()
            with contextlib.suppress(OSError):
                if context is not None:
                    connection = context.wrap_socket(connection, server_side=True)
                serve(connection)
            connection.close()

        thread = threading.Thread(target=accept)
        thread.start()
        if path is None:
            yield Address("127.0.0.1", listener.getsockname()[1], tls=context is not None)
        else:
            yield Address(path=str(path))
        thread.join()


def echo(connection: socket.socket) -> None:
    while data := connection.recv(100):
        connection.sendall(data)


def silence(connection: socket.socket) -> None:
    while connection.recv(100):
        pass


def test_messages_arrive_until_the_rules_end_the_connection(run: Run) -> None:
    count = Count()
    with serving(echo) as address, pytest.raises(Enough):
        run(count, address, 5.0)
    assert count.received == b"01234"


def test_over_a_unix_socket(run: Run, tmp_path: Path) -> None:
    count = Count()
    with serving(echo, tmp_path / "socket") as address, pytest.raises(Enough):
        run(count, address, 5.0)
    assert count.received == b"01234"


def test_over_tls(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tls, "context", lambda host, insecure, files=None: client_context())
    count = Count()
    with serving(echo, context=server_context()) as address, pytest.raises(Enough):
        run(count, address, 5.0)
    assert count.received == b"01234"


def test_it_begins_with_the_introduction_of_the_address(run: Run) -> None:
    count = Count(last=15)
    with serving(echo) as plain:
        address = Address(plain.host, plain.port, username="me", password="secret")
        with pytest.raises(Enough):
            run(count, address, 5.0)
    assert count.received.startswith(b"AUTH me secret0")


def test_what_is_due_is_said_in_silence(run: Run) -> None:
    def answer_ticks(connection: socket.socket) -> None:
        while data := connection.recv(100):
            connection.sendall(b"t" * data.count(b"t"))

    count = Count(last=4, every_s=0.02)
    with serving(answer_ticks) as address, pytest.raises(Enough):
        run(count, address, 5.0)
    assert count.received == b"tttt"
    assert count.ticks >= 4


def test_a_silent_server_is_given_up(run: Run) -> None:
    count = Count(every_s=0.05)
    with serving(silence) as address, pytest.raises(TimeoutError, match=r"no answer in 0\.3 s"):
        run(count, address, 0.3)
    assert count.ticks >= 1
    assert count.received == b""


def test_a_server_that_closes_is_reported(run: Run) -> None:
    with (
        serving(lambda connection: None) as address,
        pytest.raises((ConnectionResetError, BrokenPipeError)),
    ):
        run(Count(), address, 5.0)


def test_where_nobody_listens_is_reported(run: Run) -> None:
    with serving(lambda connection: None) as address, pytest.raises(OSError):  # noqa: PT011
        run(Count(), address, 5.0)
    with pytest.raises(ConnectionRefusedError):
        run(Count(), address, 5.0)


def test_it_ends_from_another_thread() -> None:
    with serving(silence) as address:
        talk = BlockingPushConnection(address, Count(), 20.0)
        running = threading.Thread(target=talk.run)
        running.start()
        while talk._socket is None:
            time.sleep(0.001)
        talk.end()
        running.join(10)
        assert not running.is_alive()


def test_ended_with_something_left_to_send_it_returns() -> None:
    class Ended(Count):
        def tick(self, now: float) -> None:
            talk.end()

    count = Ended()
    with serving(silence) as address:
        talk = BlockingPushConnection(address, count, 5.0)
        talk.run()
    assert count.received == b""


def test_a_command_ended_before_it_began_prints_nothing() -> None:
    count = Count()
    with serving(silence) as address:
        talk = BlockingPushConnection(address, count, 5.0)
        talk.end()
        talk.run()
    assert count.received == b""


@pytest.mark.parametrize("anyio_backend", loops.LOOPS)
async def test_cancelled_it_leaves_nothing_behind() -> None:
    tasks_before = asyncio.all_tasks()
    with serving(silence) as address:
        talking = asyncio.create_task(AsyncPushConnection(address, Count(), 20.0).run())
        await asyncio.sleep(0.05)
        talking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await talking
    assert asyncio.all_tasks() == tasks_before
