"""Messages of which nothing can be used."""

import asyncio
import ctypes
import logging
import mmap
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from pathlib import Path
from typing import Any

import orjson
import pytest
from websockets.protocol import State

from fastopts.core.pure.table import SAMPLE_SIZE
from fastopts.embedded import EmbeddedValkey
from fastopts.logs import set_up_logging
from fastopts.sim.feed import text_frame
from fastopts.venues.bybit.fields import TICKER_FIELDS, TOPIC_PREFIX
from fastopts.venues.bybit.session import UNREADABLE_MAX
from tests.support import payloads
from tests.support.collector_harness import until
from tests.support.oracle import expected_hash
from tests.support.payloads import dump
from tests.support.scripted_venue import CALL, ScriptedVenueHarness, scripted_collector

HTML = b"<html>\r\n<head><title>502 Bad Gateway</title></head>" + b"<p>" * 1000
BYTES = (b"\xff\xfe", b"\xc0\xaf", b"\xed\xa0\x80", b'{"topic":"tickers.\xff', bytes(range(256)))


async def alive(harness: ScriptedVenueHarness) -> None:
    """The next good tick arrives."""
    frame = harness.venue.ticker()
    await harness.push(frame)
    assert expected_hash(frame).items() <= harness.held().items()


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.message for r in caplog.records if r.message.startswith("rejected")]


async def test_DC_01_no_prefix_of_a_message_is_taken_and_the_socket_is_kept(
    tmp_path: Path, shared_valkey: EmbeddedValkey
) -> None:
    async with scripted_collector(tmp_path, shared_valkey) as harness:
        good = harness.venue.ticker(markPrice="7")
        cut = dump(harness.venue.ticker(markPrice="666"))
        for start in range(0, len(cut), UNREADABLE_MAX - 1):
            sizes = range(start, min(start + UNREADABLE_MAX - 1, len(cut)))
            await harness.push(*(cut[:size] for size in sizes), good)
        assert (
            harness.table.rejected["not_json"] == len(cut) == sum(harness.table.rejected.values())
        )
        assert harness.held()["mp"] == "7"
        assert harness.venue.opened == 1


async def test_DC_01_the_first_is_shown_bounded_and_escaped(
    tmp_path: Path, shared_valkey: EmbeddedValkey, caplog: pytest.LogCaptureFixture
) -> None:
    async with scripted_collector(tmp_path, shared_valkey, status_s=0.05) as harness:
        await harness.push(HTML, b'{"topic":', HTML)
        await until(lambda: bool(told(caplog)))
        await alive(harness)
        assert harness.venue.opened == 1
    [line] = told(caplog)
    assert line == f"rejected (not_json), for example: {HTML[:SAMPLE_SIZE]!r}"
    assert line.isprintable()


async def test_DC_01_after_twenty_in_a_row_the_connection_is_replaced(
    tmp_path: Path, shared_valkey: EmbeddedValkey, caplog: pytest.LogCaptureFixture
) -> None:
    async with scripted_collector(tmp_path, shared_valkey) as harness:
        await harness.push(*[HTML] * UNREADABLE_MAX)
        await harness.connected(2)
        await alive(harness)
    assert "20 unreadable messages in a row" in caplog.text


@contextmanager
def logging_as_the_product_does(path: Path, form: str) -> Iterator[None]:
    """Redirect standard error to *path*, including logging's reports of its own errors."""
    root = logging.getLogger("fastopts")
    before = root.handlers[:], root.level, root.propagate
    with path.open("w", buffering=1) as terminal, redirect_stderr(terminal):
        handler = set_up_logging(form)
        try:
            yield
        finally:
            handler.close()
            root.handlers[:], root.level, root.propagate = before


@pytest.mark.parametrize("form", ["text", "json"])
async def test_DC_02_bytes_that_are_no_text_are_reported_escaped(
    tmp_path: Path, shared_valkey: EmbeddedValkey, form: str
) -> None:
    stderr = tmp_path / "stderr"

    with logging_as_the_product_does(stderr, form):
        async with scripted_collector(tmp_path, shared_valkey, status_s=0.05) as harness:
            await harness.push(*BYTES)
            await until(lambda: b"rejected (not_utf8)" in stderr.read_bytes())
            await alive(harness)
        logging.getLogger("fastopts").warning("%s", "half a pair: \ud800")
    lines = stderr.read_text().splitlines()
    assert not [line for line in lines if "Logging error" in line or "Traceback" in line]
    messages = [orjson.loads(line)["message"] if form == "json" else line for line in lines]
    [shown] = [message for message in messages if "rejected (not_utf8)" in message]
    assert shown.endswith("for example: b'\\xff\\xfe'")
    assert messages[-1].endswith("half a pair: \\ud800")


@pytest.mark.parametrize(
    "opening", [b"[" * 1_000_000, b'{"a":' * 150_000, b'[{"topic":"tickers.",' * 40_000]
)
async def test_DC_04_deep_nesting_is_no_json(
    tmp_path: Path, shared_valkey: EmbeddedValkey, opening: bytes
) -> None:
    async with scripted_collector(tmp_path, shared_valkey) as harness:
        await harness.push(opening)
        assert harness.table.rejected["not_json"] == 1
        await alive(harness)


async def test_DC_04_a_deep_value_in_the_data_spoils_its_message_or_its_field_alone(
    tmp_path: Path, shared_valkey: EmbeddedValkey
) -> None:
    async with scripted_collector(tmp_path, shared_valkey) as harness:
        for depth, reasons in ((16, 0), (50_000, 1)):
            deep: bytes = b"[" * depth + b"1" + b"]" * depth
            frame = harness.venue.ticker(bidIv="@@")
            await harness.push(dump(frame).replace(b'"@@"', deep))
            assert harness.table.rejected["not_json"] == reasons
        assert "biv" not in harness.held()
        await alive(harness)


# In a process of its own: what it proves is that it is not killed.
GUARDED = """
import sys
from tests.faults.dc.test_unreadable import read_at_the_end_of_memory
read_at_the_end_of_memory(sys.argv[1])
"""


def read_at_the_end_of_memory(how: str) -> None:
    """Put frames where the next byte behind them can't be read."""
    from fastopts.core.table import Table
    from fastopts.core.ticker import Grammar

    page = mmap.PAGESIZE
    region = mmap.mmap(-1, 2 * page)
    address = ctypes.addressof(ctypes.c_char.from_buffer(region))
    libc = ctypes.CDLL(None, use_errno=True)
    protect = libc.mprotect(ctypes.c_void_p(address + page), ctypes.c_size_t(page), 0)
    assert protect == 0, ctypes.get_errno()
    if how == "beyond":
        ctypes.string_at(address + page, 1)
        return
    readable = memoryview((ctypes.c_char * page).from_address(address)).cast("B")
    table = Table(Grammar(TOPIC_PREFIX, TICKER_FIELDS))
    table.add(payloads.SYMBOL, 4_000_000_000_000, 90_000.0, "C", "USDT")
    inlet = table.inlet(1)
    whole = dump(payloads.ticker())
    plain = [whole[:size] for size in range(len(whole))]
    ended = [whole[:size] + end for size in range(len(whole)) for end in (b'"', b"}", b"1", b"-")]
    reordered = dump(payloads.in_2023_order(payloads.ticker()))
    for payload in (*plain, *ended, reordered, whole):
        frame = text_frame(payload)
        start = page - len(frame)
        readable[start:] = frame
        assert inlet.scan(readable, start, page, payloads.T0) == page
        # and a frame of which the rest has not come
        for missing in (1, 2, len(frame) // 2):
            begun = frame[: len(frame) - missing]
            readable[page - len(begun) :] = begun
            assert inlet.scan(readable, page - len(begun), page, payloads.T0) == page - len(begun)
    assert table.applied == 3  # one of the ended is whole
    assert table.fields(payloads.SYMBOL)["mp"] == payloads.NUMBERS["markPrice"]


def run_guarded(how: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-X", "faulthandler=0", "-c", GUARDED, how]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.skipif(sys.platform == "win32", reason="no mprotect")
def test_DC_05_the_scan_reads_no_byte_behind_its_buffer() -> None:
    assert run_guarded("beyond").returncode == -signal.SIGSEGV  # the guard works
    done = run_guarded("within")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("megabytes", [1, 8, 64])
async def test_DC_24_a_frame_beyond_the_cap_ends_the_connection_and_is_not_kept(
    tmp_path: Path, shared_valkey: EmbeddedValkey, megabytes: int
) -> None:
    size = megabytes << 20
    is_legal = megabytes == 1

    async def pour(harness: ScriptedVenueHarness, left: int) -> None:
        """Send what the frame is announced to hold, no faster than it is read."""
        [connection] = harness.venue.connections
        chunk = b"[" * 65_536
        while left and connection.state is State.OPEN:
            part = chunk[:left]
            connection.transport.write(part)
            left -= len(part)
            while connection.transport.get_write_buffer_size() > 1 << 18:  # noqa: ASYNC110
                await asyncio.sleep(0.001)

    async with scripted_collector(tmp_path, shared_valkey) as harness:
        tracemalloc.start()
        try:
            harness.venue.write(b"\x81\x7f" + size.to_bytes(8, "big"))
            await pour(harness, size)
            if is_legal:
                await harness.settled(3)
                assert harness.table.rejected["not_json"] == 1
            else:
                await until(lambda: harness.venue.closings == [1009])
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 8 << 20
        await harness.connected(1 if is_legal else 2)
        await alive(harness)


async def test_DC_24_an_array_of_tickers_as_large_as_may_be_is_no_ticker(
    tmp_path: Path, shared_valkey: EmbeddedValkey
) -> None:
    async with scripted_collector(tmp_path, shared_valkey) as harness:
        one: dict[str, Any] = harness.venue.ticker(CALL, markPrice="666")
        array = dump([one] * (1_000_000 // len(dump(one)) - 1))
        before = harness.table.received
        await harness.venue.push(array)
        await harness.push(dump({**one, "data": [one["data"]] * 900}))
        assert (harness.table.received, harness.table.rejected["no_data"]) == (before + 1, 1)
        assert harness.held()["mp"] != "666"
        await alive(harness)
