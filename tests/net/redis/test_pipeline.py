"""Exchanges with a real Valkey, and with a peer that says what no Valkey would."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from fastopts.embedded import EmbeddedValkey
from fastopts.errors import StoreError, StoreUnavailable
from fastopts.net.redis import pipeline
from fastopts.net.redis.address import Address
from fastopts.net.redis.pipeline import PipelineConnection
from fastopts.net.redis.resp import ReplyList, pack
from tests.support.certificates import client_context, server_context
from tests.support.waiting import PATIENCE_S


@pytest.fixture(scope="module")
def valkey() -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey() as server:
        yield server


@asynccontextmanager
async def connected(
    address: Address, tls: ssl.SSLContext | None = None
) -> AsyncIterator[PipelineConnection]:
    opened = await pipeline.connect(address, tls, 5.0)
    try:
        yield opened
    finally:
        opened.abort()
        async with asyncio.timeout(PATIENCE_S):
            await opened.closed.wait()


@asynccontextmanager
async def peer(script: Any) -> AsyncIterator[Address]:
    """A server that answers PING, then does what *script* says."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(len(pack("PING")))
        writer.write(b"+PONG\r\n")
        await script(reader, writer)
        writer.close()
        ended.set()

    ended = asyncio.Event()
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield Address("127.0.0.1", server.sockets[0].getsockname()[1])
        async with asyncio.timeout(PATIENCE_S):
            await ended.wait()


async def test_commands_go_out_and_replies_come_back(valkey: EmbeddedValkey) -> None:
    async with connected(Address("127.0.0.1", valkey.port, db=3)) as opened:
        replies = await opened.ask(
            ("SET", "k", b"\x00\xff"), ("STRLEN", "k"), ("LPUSH", "k", "x"), ("GET", "none")
        )
        assert replies[:2] == ["OK", 2]
        assert isinstance(replies[2], StoreError)
        assert replies[2].reply.startswith("WRONGTYPE")
        assert replies[3] is None
        big = "x" * 300_000
        assert await opened.ask(("SET", "big", big), ("GET", "big")) == ["OK", big]
        assert await opened.ask(("CLIENT", "LIST")) != []


async def test_a_password_is_sent_and_a_wrong_one_is_an_error() -> None:
    with EmbeddedValkey(password="s3cret") as server:
        port = server.port
        async with connected(Address("127.0.0.1", port, password="s3cret")) as opened:
            assert await opened.ask(("PING",)) == ["PONG"]
        for address, words in (
            (Address("127.0.0.1", port, password="hunter2"), "WRONGPASS"),
            (Address("127.0.0.1", port), "NOAUTH"),
            (Address("127.0.0.1", port, username="nobody", password="hunter2"), "WRONGPASS"),
        ):
            with pytest.raises(StoreError, match=words) as caught:
                await pipeline.connect(address, None, 5.0)
            assert "hunter2" not in str(caught.value)


async def test_a_unix_socket_serves_as_well(tmp_path: Any) -> None:
    tasks_before = asyncio.all_tasks()
    with EmbeddedValkey() as valkey:
        port = valkey.port
        path = str(tmp_path / "s")
        async with connected(Address("127.0.0.1", port)) as opened:
            [reply] = await opened.ask(("CONFIG", "SET", "proto-max-bulk-len", "512mb"))
            assert reply == "OK"

        async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await relay(reader, writer, port)

        async with await asyncio.start_unix_server(forward, path):
            async with connected(Address(path=path)) as opened:
                assert await opened.ask(("ECHO", "hello")) == ["hello"]
            await settled(tasks_before)


async def test_tls_is_spoken_and_verified(valkey: EmbeddedValkey) -> None:
    tasks_before = asyncio.all_tasks()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await relay(reader, writer, valkey.port)

    server = await asyncio.start_server(forward, "127.0.0.1", 0, ssl=server_context())
    address = Address("127.0.0.1", server.sockets[0].getsockname()[1], tls=True)
    async with server:
        async with connected(address, client_context()) as opened:
            assert await opened.ask(("ECHO", "hello")) == ["hello"]
        with pytest.raises(StoreUnavailable, match="is from an unknown CA"):
            await pipeline.connect(address, ssl.create_default_context(), 5.0)
        await settled(tasks_before)


async def relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """Carry bytes to the server at *port* and back, until either side ends."""
    inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65536):
                target.write(data)
        except ConnectionError:
            return
        finally:
            target.close()

    await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))


async def settled(tasks_before: set[asyncio.Task[Any]]) -> None:
    """Wait until every other task has ended."""
    others = asyncio.all_tasks() - tasks_before
    if others:
        await asyncio.wait(others, timeout=5)


async def test_a_missing_server() -> None:
    with pytest.raises(StoreUnavailable, match=r"redis://127.0.0.1:1: "):
        await pipeline.connect(Address("127.0.0.1", 1), None, 5.0)
    with pytest.raises(StoreUnavailable, match="unix:///nowhere"):
        await pipeline.connect(Address(path="/nowhere"), None, 5.0)


async def test_a_hung_server_is_given_up_and_its_connection_never_used_again() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with peer(silent) as address, connected(address) as opened:
        with pytest.raises(StoreUnavailable, match=r"no answer in 0\.1 s"):
            await opened.ask(("PING",), timeout_s=0.1)
        with pytest.raises(StoreUnavailable):
            await opened.ask(("PING",))


@pytest.mark.parametrize("cut", range(6))
async def test_a_reply_cut_anywhere_is_no_reply(cut: int) -> None:
    async def cutting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b"+OK\r\n+OK\r\n"[: 5 + cut][:9])

    async with peer(cutting) as address, connected(address) as opened:
        with pytest.raises(StoreUnavailable, match="connection was lost"):
            await opened.ask(("SET", "a", "1"), ("SET", "b", "1"))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (b"HTTP/1.1 400\r\n", "Protocol error"),
        (b"+OK\r\n+OK\r\n", "more replies"),
        (b"*3333333333\r\n", "more elements than memory"),
    ],
)
async def test_nonsense_ends_the_connection(words: bytes, message: str) -> None:
    async def lying(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(words)
        await reader.read()

    async with peer(lying) as address, connected(address) as opened:
        with pytest.raises(StoreError, match=message):
            await opened.ask(("SET", "a", "1"))
        with pytest.raises(StoreUnavailable):
            await opened.ask(("PING",))


async def test_an_unrequested_reply_ends_the_connection() -> None:
    is_connected = asyncio.Event()

    async def chatty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await is_connected.wait()
        writer.write(b"+hello\r\n")
        await reader.read()

    async with peer(chatty) as address, connected(address) as opened:
        is_connected.set()
        async with asyncio.timeout(PATIENCE_S):
            await opened.closed.wait()
        with pytest.raises(StoreUnavailable):
            await opened.ask(("PING",))


async def test_a_cancelled_exchange_poisons_the_connection() -> None:
    async def slow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionResetError):
            await reader.readuntil(b"another's\r\n")
            writer.write(b"+mine\r\n")  # the answer to the cancelled command

    async with peer(slow) as address, connected(address) as opened:
        task = asyncio.create_task(opened.ask(("GET", "mine")))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        with pytest.raises(StoreUnavailable):
            await opened.ask(("GET", "another's"))


async def test_exchanges_do_not_overlap(valkey: EmbeddedValkey) -> None:
    async with connected(Address("127.0.0.1", valkey.port)) as opened:
        first = asyncio.create_task(opened.ask(("PING",)))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="in progress"):
            await opened.exchange(pack("PING"), ReplyList(1), 1.0)
        assert await first == ["PONG"]
