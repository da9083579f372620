"""Bytes on a connection that are odd, too many, too few, or against the protocol."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from fastopts import keys
from fastopts.sim import SimSettings
from fastopts.sim.dialect import ack, snapshot
from fastopts.sim.feed import text_frame
from tests.faults.ws.proxied_collector import FEW, line_of, proxied
from tests.net.test_websocket import RecordingClient, accept
from tests.support.collector_harness import CollectorHarness, running_collector, until
from tests.support.fault_proxy import Ending
from tests.support.loops import LOOPS
from tests.support.raw import RawServer
from tests.support.waiting import PATIENCE_S

MB = 1024 * 1024
CONT, TEXT, BINARY, FIN, PING, PONG = 0x00, 0x01, 0x02, 0x80, 0x89, 0x8A


def held(harness: CollectorHarness, symbol: str) -> dict[str, str]:
    found: dict[str, str] = harness.client.hgetall(keys.option(symbol))  # type: ignore[assignment]
    return found


def tick(harness: CollectorHarness, symbol: str, sequence: int = 99) -> bytes:
    """A ticker message of *symbol* as it stands now."""
    harness.venue.clock.now_ms()
    return snapshot(harness.venue.market.options[symbol], sequence, "2026")


@asynccontextmanager
async def listening(
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any],
) -> AsyncIterator[int]:
    """The port of a server of raw bytes; a connection lasts until its client leaves it."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve(reader, writer)
        await reader.read()

    async with RawServer(converse) as server:
        yield server.port


@pytest.mark.parametrize("anyio_backend", LOOPS)
@pytest.mark.parametrize("latency_ms", [0, 5])
async def test_WS_08_what_comes_with_the_handshake_is_not_lost(
    tmp_path: Path, latency_ms: float
) -> None:
    """The answer, an ack and a ticker are one write of the venue's."""
    worlds: list[CollectorHarness] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await until(lambda: bool(worlds))
        symbol = worlds[0].venue.symbols[0]
        greeting = text_frame(ack("c", [], [f"tickers.{symbol}"]))
        await accept(reader, writer, greeting + text_frame(tick(worlds[0], symbol, 4711)))

    async with (
        listening(serve) as port,
        running_collector(tmp_path, FEW, ws_port=port, latency_ms=latency_ms) as harness,
    ):
        worlds.append(harness)
        await until(lambda: held(harness, harness.venue.symbols[0]).get("sq") == "4711")
        assert harness.collector.monitor.status().reconnects == 0


@pytest.mark.parametrize("anyio_backend", LOOPS)
@pytest.mark.parametrize("ending", list(Ending))
@pytest.mark.usefixtures("strict_loop")
async def test_WS_21_a_connection_may_end_at_any_byte(ending: Ending) -> None:
    texts = [b"x" * 20, b"y" * 130]
    close = b"\x88\x05\x03\xe9bye"
    stream = text_frame(texts[0]) + b"\x89\x01p" + text_frame(texts[1]) + close + b"\x89\x01q"
    ends = [22, 22 + 3 + 134]  # of whole texts
    at = [0]

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer, stream[: at[0]])
        await writer.drain()
        if ending is Ending.RST:
            writer.transport.abort()
        elif writer.can_write_eof():
            writer.write_eof()

    async with listening(serve) as port:
        for at[0] in range(len(stream) + 1):
            client = RecordingClient()
            try:
                connection = await client.connect(f"ws://127.0.0.1:{port}/")
            except Exception as error:  # noqa: BLE001 - a reset may overtake the handshake
                assert ending is Ending.RST, error  # noqa: PT017 - which of them it is
                continue
            async with asyncio.timeout(PATIENCE_S):
                assert await connection.closed
            whole = sum(end <= at[0] for end in ends)
            if ending is Ending.FIN:
                assert client.messages == texts[:whole]
            else:
                assert client.messages == texts[: len(client.messages)]


async def is_replaced(
    harness: CollectorHarness, frames: bytes, code: int, told: pytest.LogCaptureFixture
) -> None:
    """The sender of *frames* gets close code *code*; the next connection delivers everything."""
    await harness.covered()
    line = await line_of(harness)
    before = harness.collector.table.received
    harness.venue.write(frames)
    await until(lambda: line.reconnects == 1)
    assert f"sent {code}" in told.text
    await harness.covered()
    await harness.equal()
    assert harness.collector.table.received > before
    harness.check_books()


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("size", [MB + 1, 64 * MB, 1 << 62])
async def test_WS_25_a_message_too_large_is_refused_by_its_header(
    tmp_path: Path, size: int, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_collector(tmp_path, FEW) as harness:
        frames = bytes((FIN | TEXT, 127)) + size.to_bytes(8, "big") + b"x" * 1000
        await is_replaced(harness, frames, 1009, caplog)


@pytest.mark.usefixtures("eager")
async def test_WS_25_fragments_that_never_end_are_refused_at_the_same_size(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_collector(tmp_path, FEW) as harness:
        piece = bytes((CONT, 127)) + (60_000).to_bytes(8, "big") + b"x" * 60_000
        frames = bytes((TEXT, 1)) + b"x" + piece * 18
        await is_replaced(harness, frames, 1009, caplog)


@pytest.mark.usefixtures("eager")
async def test_WS_25_compression_is_neither_offered_nor_taken(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))

    async with listening(serve) as port, running_collector(tmp_path, FEW, ws_port=port):
        await until(lambda: bool(requests))
    assert b"upgrade: websocket" in requests[0].lower()
    assert b"extensions" not in requests[0].lower()
    async with running_collector(tmp_path, FEW) as harness:
        await is_replaced(harness, bytes((FIN | 0x40 | TEXT, 3)) + b"\x2a\x00\x00", 1002, caplog)


ILLEGAL = {
    "rsv1": b"\xc1\x01x",
    "rsv3": b"\x91\x01x",
    "unknown opcode": b"\x83\x00",
    "unknown control opcode": b"\x8b\x00",
    "masked": b"\x81\x81abcdx",
    "ping too long": b"\x89\x7e\x00\x7e" + b"x" * 126,
    "ping in fragments": b"\x09\x00",
    "continuation of nothing": b"\x80\x01x",
    "text within a text": b"\x01\x01x\x81\x01y",
    "close of one byte": b"\x88\x01\x03",
}


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("name", ILLEGAL)
async def test_WS_26_what_the_protocol_forbids_ends_the_connection_with_1002(
    tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_collector(tmp_path, FEW) as harness:
        await is_replaced(harness, ILLEGAL[name], 1002, caplog)


@pytest.mark.parametrize(
    "pieces", [1, 2, 700], ids=["whole and binary", "two fragments", "a byte each"]
)
async def test_WS_26_legal_oddities_are_read(tmp_path: Path, pieces: int) -> None:
    """Fragments with pings and pongs between them, empty ones, and another type of message."""

    def fragments(message: bytes) -> bytes:
        size = -(-len(message) // pieces)
        parts = [message[i : i + size] for i in range(0, len(message), size)] + [b""]
        kinds = [BINARY, *[CONT] * (len(parts) - 1)]
        frames = b""
        for kind, part in zip(kinds, parts, strict=True):
            first, size = kind | FIN * (part == b""), len(part)
            is_long = size > 125
            frames += (
                bytes((first, 126)) + size.to_bytes(2, "big") if is_long else bytes((first, size))
            )
            frames += part
            frames += bytes((PING, 1)) + b"?" + bytes((PONG, 0)) if part else b""
        return frames

    async with running_collector(tmp_path, FEW) as harness:
        await harness.covered()
        harness.venue.pause()
        symbol = harness.venue.symbols[0]
        harness.venue.write(fragments(tick(harness, symbol, 4711)))
        harness.venue.write(text_frame(tick(harness, harness.venue.symbols[1], 4712)))
        await until(lambda: held(harness, symbol).get("sq") == "4711")
        await until(lambda: held(harness, harness.venue.symbols[1]).get("sq") == "4712")
        assert harness.collector.monitor.status().reconnects == 0


async def test_WS_26_a_stream_in_single_bytes_is_read_alike(tmp_path: Path) -> None:
    sim = SimSettings(seed=5, symbols=16, rate=20)
    async with proxied(tmp_path, sim) as (harness, proxy):
        proxy.down.slice_bytes = 1
        await harness.covered()
        before = harness.collector.table.received
        await until(lambda: harness.collector.table.received > before + 10)
        assert harness.collector.monitor.status().reconnects == 0
        await harness.equal()
