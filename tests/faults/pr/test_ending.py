"""However a collector is stopped, it ends, and everything that it had received is in Redis."""

import asyncio
import json
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from fastopts import keys
from fastopts.embedded import EmbeddedValkey
from fastopts.sim import SimSettings, SimVenue
from tests.support.collector_harness import until
from tests.support.fault_proxy import FaultProxy, Passage
from tests.support.oracle import expected_hash
from tests.support.processes import environ, finish, start, started, wait_for_line
from tests.support.raw import RawServer
from tests.support.waiting import PATIENCE_S

WRITING = " ms · loop "  # in the status, once Redis takes batches
OURS = {"rt", "cn"}  # to choose
LAST = re.compile(r"received ([\d,]+) .* pending 0 ")


class RecordingVenue(SimVenue):
    """Keeps every ticker that it wrote, in order."""

    def __init__(self, settings: SimSettings) -> None:
        super().__init__(settings)
        self.written: list[bytes] = []

    def _write(self, link: Any, frames: bytes) -> bool:
        is_written = super()._write(link, frames)
        if is_written:
            self.written.append(frames)
        return is_written

    def tickers(self) -> list[dict[str, Any]]:
        messages = map(json.loads, payloads(b"".join(self.written)))
        return [message for message in messages if "topic" in message]


def payloads(frames: bytes) -> Iterator[bytes]:
    """The texts of a server's unmasked frames."""
    at = 0
    while at < len(frames):
        size, start = frames[at + 1], at + 2
        if size == 126:
            size, start = int.from_bytes(frames[at + 2 : at + 4]), at + 4
        at = start + size
        yield frames[start:at]


def words_for(venue: SimVenue, valkey: EmbeddedValkey) -> list[str]:
    return [
        *("--venue", "sim", "--coins", "BTC,ETH,SOL,XRP", "--redis-url", valkey.url),
        *("--rest-url", venue.rest_url, "--ws-url", venue.ws_url),
    ]


@pytest.mark.parametrize("seed", [1, 2])
async def test_PR_01_what_was_taken_before_a_sigterm_stands_in_redis(
    tmp_path: Path, valkey: EmbeddedValkey, client: redis.Redis, seed: int
) -> None:
    """One connection delivers in order: the collector counts a prefix of the messages sent."""

    sim = SimSettings(seed=seed, symbols=200, rate=4000)
    async with RecordingVenue(sim) as venue:
        with started(*words_for(venue, valkey), cwd=tmp_path) as process:
            await asyncio.to_thread(wait_for_line, process.stderr, WRITING)
            await asyncio.sleep(random.Random(seed).uniform(0, 0.5))
            process.send_signal(signal.SIGTERM)
            code, _, err = await asyncio.to_thread(finish, process)
        assert code == 0
        found = LAST.search(err)
        assert found is not None, err
        received = int(found[1].replace(",", ""))
        last = {m["data"]["symbol"]: m for m in venue.tickers()[:received]}
        assert len(last) == len(venue.symbols)
    for symbol, frame in last.items():
        held: dict[str, str] = client.hgetall(keys.option(symbol))  # type: ignore[assignment]
        assert {name: held[name] for name in held.keys() - OURS} == expected_hash(frame)
    stats: dict[str, str] = client.hgetall(keys.STATS)  # type: ignore[assignment]
    assert stats["total_messages"] == str(received)
    assert float(stats["shutdown_time"]) > float(stats["started_at"])
    assert client.hget(keys.FEED, "heartbeat_ms") == "0"
    assert client.exists(keys.LEASE) == 0


async def test_PR_02_it_ends_though_neither_redis_nor_the_venue_answers(
    tmp_path: Path, valkey: EmbeddedValkey
) -> None:
    async with SimVenue(SimSettings(seed=5, symbols=40, rate=400)) as venue:
        with FaultProxy(venue.port) as proxy:
            words = words_for(venue, valkey)
            words[-1] = venue.ws_url.replace(f":{venue.port}/", f":{proxy.port}/")
            with started(*words, cwd=tmp_path) as process:
                await asyncio.to_thread(wait_for_line, process.stderr, WRITING)
                proxy.up.passage = proxy.down.passage = Passage.HELD
                os.kill(valkey.pid, signal.SIGSTOP)
                process.send_signal(signal.SIGTERM)
                try:
                    code, _, err = await asyncio.to_thread(finish, process)
                finally:
                    os.kill(valkey.pid, signal.SIGCONT)
            assert code == 0
            assert "the end of the feed could not be written to Redis" in err


def test_PR_02_a_second_signal_ends_it_at_once(
    tmp_path: Path, sim: list[str], valkey: EmbeddedValkey
) -> None:
    with started(*sim, "--redis-url", valkey.url, cwd=tmp_path) as process:
        wait_for_line(process.stderr, WRITING)
        os.kill(valkey.pid, signal.SIGSTOP)
        process.send_signal(signal.SIGINT)
        wait_for_line(process.stderr, "SIGINT: stopping")
        process.send_signal(signal.SIGTERM)
        try:
            assert finish(process)[0] == -signal.SIGTERM
        finally:
            os.kill(valkey.pid, signal.SIGCONT)


def differing(client: redis.Redis, venue: SimVenue) -> list[str]:
    """Symbols whose hash is not the venue's last frame."""
    symbols = []
    for symbol in venue.symbols:
        stored: dict[str, str] = client.hgetall(keys.option(symbol))  # type: ignore[assignment]
        fields = {name: stored[name] for name in stored.keys() - OURS}
        try:
            expected = expected_hash(venue.last_frame(symbol))
        except KeyError:  # not subscribed yet
            expected = {}
        if not expected or fields != expected:
            symbols.append(symbol)
    return symbols


async def test_PR_18_a_crash_in_native_code_leaves_a_trace_and_the_next_run_converges(
    tmp_path: Path, valkey: EmbeddedValkey, client: redis.Redis
) -> None:
    async with SimVenue(SimSettings(seed=5, symbols=60, rate=1500)) as venue:
        with started(*words_for(venue, valkey), cwd=tmp_path) as process:
            await asyncio.to_thread(wait_for_line, process.stderr, WRITING)
            process.send_signal(signal.SIGSEGV)
            code, _, err = await asyncio.to_thread(finish, process)
        assert code == -signal.SIGSEGV
        assert "Fatal Python error: Segmentation fault" in err
        assert "track.py" in err  # where it was
        first = client.hget(keys.FEED, "epoch")
        with started(*words_for(venue, valkey), cwd=tmp_path) as process:
            await asyncio.to_thread(wait_for_line, process.stderr, WRITING)
            venue.pause()
            # Frames may still be on their way, and symbols be subscribed.
            await until(lambda: differing(client, venue) == [], PATIENCE_S)
            process.send_signal(signal.SIGTERM)
            assert (await asyncio.to_thread(finish, process))[0] == 0
        assert int(client.hget(keys.FEED, "epoch") or 0) > int(first or 0)
        assert differing(client, venue) == []


@pytest.mark.parametrize(
    ("words", "holds", "code"),
    [
        (["--duration", "0.5s"], "sim", 0),
        (["--duration", "0.5s"], "bybit", 1),  # another venue's data
        (["--flush-ms", "0"], "sim", 2),
    ],
)
def test_PR_05_the_exit_code_says_how_it_ended(
    tmp_path: Path,
    sim: list[str],
    valkey: EmbeddedValkey,
    client: redis.Redis,
    words: list[str],
    holds: str,
    code: int,
) -> None:
    client.hset(keys.FEED, "venue", holds)
    returned, _, err = finish(start(*sim, "--redis-url", valkey.url, *words, cwd=tmp_path))
    assert returned == code, err


async def test_PR_05_an_interrupted_fetch_has_its_exit_code(tmp_path: Path) -> None:
    """Its venue takes the request, and never answers."""

    asked = asyncio.Event()

    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await reader.read()

    async with RawServer(mute) as server:
        url = f"127.0.0.1:{server.port}"
        words = ("--venue", "sim", "--rest-url", f"http://{url}", "--ws-url", f"ws://{url}")
        with started("fetch", *words, cwd=tmp_path) as process:
            await asked.wait()
            process.send_signal(signal.SIGINT)
            assert (await asyncio.to_thread(finish, process))[0] == 130


def test_PR_05_a_bug_ends_it_with_a_code_and_a_line(
    tmp_path: Path, sim: list[str], valkey: EmbeddedValkey
) -> None:
    program = (
        "import asyncio, sys; from fastopts import track;"
        "from fastopts.collector.venue.universe import InstrumentUniverse;"
        "InstrumentUniverse.keep_fresh = lambda *_: asyncio.sleep(0.2);"
        "sys.exit(track.main())"
    )
    command = [sys.executable, "-c", program, *sim, "--redis-url", valkey.url]
    with subprocess.Popen(
        command, stderr=subprocess.PIPE, text=True, cwd=tmp_path, env=environ()
    ) as process:
        code, _, err = finish(process)
    assert code == 1
    assert err.splitlines()[-1] == "RuntimeError: the task 'universe' has ended: a bug"
