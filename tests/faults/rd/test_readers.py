"""Readers whose Redis lies, hangs up, mixes up, stalls: right values or errors, none wrong."""

import asyncio
import gc
import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Self

import pytest
import redis

from fastopts import keys
from fastopts.errors import FastoptsError, StoreError, StoreUnavailable
from fastopts.net.redis.resp import pack, reply_reader
from fastopts.reader import AsyncOptionReader, OptionReader
from tests.reader.racing import SOMETIMES
from tests.reader.racing import SYMBOLS as RACING
from tests.reader.test_live import is_there, racing
from tests.reader.test_threads import SYMBOLS, forks, in_child, in_threads, many, strike_of, wrong
from tests.support.broken_valkey import BrokenValkey
from tests.support.fault_proxy import FaultProxy
from tests.support.loops import LOOPS
from tests.support.processes import environ
from tests.support.scripted_redis import ODD, ScriptedCommand, ScriptedRedis, honest
from tests.support.store import SHORT, Store
from tests.support.waiting import PATIENCE_S
from tests.support.writer_harness import SYMBOLS as LISTED
from tests.support.writer_harness import RunningWriter, WriterHarness
from tests.support.writer_harness import until as at_last

__all__ = ("many",)

ROOT = Path(__file__).parents[3]
ASK = ("get", "get_many", "text", "snapshot", "feed")


@pytest.fixture
def port(store: Store) -> int:
    return int(store.url.rsplit(":", 1)[1])


def ask(reader: OptionReader, how: str) -> object:
    """Ask for the first of SYMBOLS, or for all."""
    match how:
        case "get_many":
            return reader.get_many(SYMBOLS)
        case "snapshot":
            return reader.snapshot()
        case "feed":
            return reader.feed()
        case _:
            return getattr(reader, how)(SYMBOLS[0])


@pytest.mark.parametrize("anyio_backend", LOOPS)
async def test_RD_17_a_read_cancelled_anywhere_leaves_no_answer_to_the_next(
    many: Store, port: int
) -> None:
    """Each option's values encode its strike: an answer that belongs to another would show."""
    chance = random.Random(17)
    many.feed({1: 0}, heartbeat_limit_ms=600_000, watchdog_limit_ms=600_000)
    with FaultProxy(port) as proxy:
        proxy.down.jitter_s = 0.001
        async with AsyncOptionReader(f"redis://127.0.0.1:{proxy.port}") as reader:
            cancelled = 0
            while cancelled < 80:
                doomed = asyncio.create_task(reader.get(chance.choice(SYMBOLS)))
                await asyncio.sleep(chance.random() * 0.003)
                cancelled += doomed.cancel()
                await asyncio.wait([doomed])
                symbol = chance.choice(SYMBOLS)
                option = await reader.get(symbol)
                assert (option.symbol, option.mark_price) == (symbol, strike_of(symbol) / 8)


@pytest.mark.parametrize("how", ASK)
def test_RD_18_an_error_as_any_of_the_replies_is_an_error_and_the_next_is_right(
    many: Store, port: int, how: str
) -> None:
    with ScriptedRedis(port) as server, OptionReader(server.url, timeout_s=PATIENCE_S) as reader:
        for k in range(replies_of(server, reader, how)):
            server.script = NthReply(k, b"-LOADING the data\r\n", server.accepted)
            with pytest.raises(StoreError, match="LOADING"):
                ask(reader, how)
            server.script = honest
            assert [wrong(reader, symbol) for symbol in SYMBOLS[:3]] == [None] * 3


def replies_of(server: ScriptedRedis, reader: OptionReader, how: str) -> int:
    """How many replies the server gives to one repetition of the read *how*."""
    ask(reader, how)
    counted = NthReply(-1, b"")
    server.script = counted
    ask(reader, how)
    assert counted.said > 1
    return counted.said


class NthReply:
    """Changes the reply to the *k*-th command from now on, counted from 0.

    Connections before the one numbered *since* are left alone: what their clients hung up on may
    still have commands to be answered.
    """

    def __init__(self, k: int, reply: bytes, since: int = 1) -> None:
        self.said = 0
        self._k = k
        self._reply = reply
        self._since = since

    def __call__(self, said: ScriptedCommand) -> bytes:
        if said.connection < self._since:
            return said.answer
        self.said += 1
        return self._reply if self.said == self._k + 1 else said.answer


@contextmanager
def raced(store: Store) -> Iterator[redis.Redis]:
    """A client of a server to which a writer writes without rest, all symbols there."""
    store.list(*RACING)
    store.feed({1: 0}, heartbeat_limit_ms=600_000, watchdog_limit_ms=600_000)
    client = redis.Redis.from_url(store.url, protocol=2, decode_responses=True)
    with client, racing(store.url):
        with OptionReader(store.url) as reader:
            while not is_there(reader):
                time.sleep(0.01)
        yield client


def test_RD_19_no_hash_is_ever_half_of_one_tick_and_half_of_another(store: Store) -> None:
    """All numbers of a tick are one number: any client's HGETALL shows whether they are."""
    sometimes = {"c24", "g", "bq"}
    assert len(SOMETIMES) == len(sometimes)
    with raced(store) as client:
        rounds, until = 0, time.monotonic() + 1.5
        seen: set[str] = set()
        while time.monotonic() < until or len(seen) < 10:
            for symbol in RACING:
                held: dict[str, str] = client.hgetall(keys.option(symbol))  # type: ignore[assignment]
                numbers = {held[short] for short in (*SHORT.values(), "sq") if short in held}
                lacking = set(SHORT.values()) - held.keys()
                assert len(numbers) == 1, held
                assert lacking in (set(), sometimes), held
                seen |= numbers
            rounds += 1
    assert rounds > 10


def test_RD_20_no_key_is_ever_missing_while_it_is_written(store: Store) -> None:
    both = [*map(keys.option, RACING), *map(keys.record, RACING)]
    with raced(store) as client:
        before, until = client.hget(keys.option(RACING[0]), "sq"), time.monotonic() + 1
        while time.monotonic() < until or client.hget(keys.option(RACING[0]), "sq") == before:
            assert client.exists(*both) == len(both)


@forks
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_RD_24_child_and_parent_of_a_reader_in_use_read_right(
    many: Store, caplog: pytest.LogCaptureFixture
) -> None:
    with OptionReader(many.url) as reader:

        def child() -> object:
            caplog.clear()
            faults = [wrong(reader, symbol) for symbol in SYMBOLS * 3]
            said = [r.message for r in caplog.records if r.levelno == logging.WARNING]
            return set(faults), said

        until = time.monotonic() + 1.5
        busy = threading.Thread(target=in_threads, args=(partial(wrong, reader), until))
        busy.start()
        told = []
        while time.monotonic() < until:
            told.append(in_child(child))
        busy.join()
        said = "this process was forked: it opens a Redis connection of its own"
        # the first child logs it, for all of them
        assert told == [repr(({None}, [said])), *[repr(({None}, []))] * (len(told) - 1)]
        assert len(told) > 1
        assert wrong(reader, SYMBOLS[0]) is None
        assert not caplog.records


@forks
def test_RD_24_a_child_that_closes_its_reader_leaves_the_parents_open(many: Store) -> None:
    with OptionReader(many.url) as reader:
        assert wrong(reader, SYMBOLS[0]) is None
        before = many.client.info("stats")["total_connections_received"]
        assert in_child(lambda: reader.close()) == "None"  # noqa: PLW0108
        assert wrong(reader, SYMBOLS[1]) is None
        assert many.client.info("stats")["total_connections_received"] == before


def growth(work: Callable[[], object], times: int) -> int:
    """How many blocks of memory *times* calls of *work* leave behind, once it is warm."""
    for _ in range(times):
        work()
    gc.collect()
    before = sys.getallocatedblocks()
    for _ in range(times):
        work()
    gc.collect()
    return sys.getallocatedblocks() - before


def resident_kb() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") // 1024


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("protocol", [2, 3])
def test_RD_25_answers_in_either_protocol_leave_no_memory_behind(protocol: int) -> None:
    """The client's C parser once leaked every map of RESP3."""
    head = b"%%%d\r\n" % 30 if protocol == 3 else b"*60\r\n"
    answer = head + b"".join(pack("x" * n, "7")[4:] for n in range(30))
    reader = reply_reader()

    def work() -> None:
        reader.feed(answer)
        found = reader.gets()
        assert len(found) == (30 if protocol == 3 else 60)

    assert growth(work, 2000) < 1000
    before = resident_kb()
    for _ in range(30_000):
        work()
    # the leak was of whole answers: 30,000 of them are some 100 MB
    assert resident_kb() - before < 4096


def test_RD_25_reads_leave_no_memory_behind(many: Store) -> None:
    # The feed stays alive however long this takes.
    limits = {"heartbeat_limit_ms": 600_000, "watchdog_limit_ms": 600_000}
    many.client.hset(keys.FEED, mapping=limits)  # type: ignore[arg-type]
    with OptionReader(many.url) as reader:
        for how in ASK:
            assert growth(partial(ask, reader, how), 300) < 250


def first_answer(reader: OptionReader) -> object:
    """What is wrong with its next answer: on a busy machine, one may take longer than it waits."""
    while True:
        try:
            return wrong(reader, SYMBOLS[1])
        except StoreUnavailable as error:
            if "no answer in" not in str(error):
                raise


@pytest.mark.parametrize("what", ODD)
@pytest.mark.parametrize("how", ["get", "get_many", "text"])
def test_RD_26_an_unexpected_reply_is_an_error_and_the_next_read_works(
    many: Store, port: int, how: str, what: str
) -> None:
    with ScriptedRedis(port) as server, OptionReader(server.url, timeout_s=0.15) as reader:
        # counted by one that waits: a read that is repeated after a timeout has more replies
        with OptionReader(server.url, timeout_s=PATIENCE_S) as patient:
            count = replies_of(server, patient, how)
        server.script = honest
        assert first_answer(reader) is None
        for k in range(count):
            server.script = NthReply(k, ODD[what], server.accepted)
            with pytest.raises(StoreError):
                ask(reader, how)
            server.script = honest
            assert first_answer(reader) is None


@pytest.mark.parametrize(("how", "step"), [("get", 1), ("text", 5), ("get_many", 97)])
def test_RD_27_an_answer_cut_at_any_byte_is_none(
    many: Store, port: int, how: str, step: int
) -> None:
    with FaultProxy(port) as proxy:
        url = f"redis://127.0.0.1:{proxy.port}"
        offset, told = 0, 0
        while True:
            proxy.down.cut_after = offset
            with OptionReader(url, timeout_s=PATIENCE_S) as reader:
                try:
                    ask(reader, how)
                except StoreUnavailable:
                    told += 1
                else:
                    break
            offset += step
        assert told * step > 300
        proxy.down.cut_after = None
        with OptionReader(url, timeout_s=PATIENCE_S) as reader:
            assert wrong(reader, SYMBOLS[0]) is None


class Mirroring:
    """A mirror in another process: ask it for a symbol."""

    def __init__(self, url: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.rd.mirroring", url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=environ(),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGCONT)
        self.process.communicate(timeout=20)

    def ask(self, symbol: str) -> str:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(symbol + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()


async def test_RD_32_a_subscriber_that_sleeps_is_cut_off_and_reads_anew(
    server: BrokenValkey,
) -> None:
    """It costs the server bounded memory, the collector nothing; awake, it shows nothing old."""
    client = server.client
    client.config_set("client-output-buffer-limit", "pubsub 262144 0 0")

    async with RunningWriter(WriterHarness(server.port)) as harness:
        harness.tick(markPrice="1")
        await at_last(lambda: harness.table.pending == 0)
        with Mirroring(server.url) as mirror:
            assert await asyncio.to_thread(mirror.ask, LISTED[3]) == "1.0"
            mirror.process.send_signal(signal.SIGSTOP)
            number, memory = 1, client.info("memory")["used_memory"]
            while subscribers(client):
                number += 1
                harness.tick(markPrice=str(number))
                await asyncio.sleep(0.002)
            assert client.info("memory")["used_memory"] - memory < 8 << 20
            harness.tick(markPrice="77777")
            await at_last(lambda: harness.table.pending == 0)
            assert harness.stands_in(client)
            mirror.process.send_signal(signal.SIGCONT)
            told = set()
            while "77777.0" not in told:
                told.add(await asyncio.to_thread(mirror.ask, LISTED[3]))
            assert told <= {"77777.0", "FeedDown"}


def subscribers(client: redis.Redis) -> int:
    store = client.hget(keys.FEED, "store")
    assert isinstance(store, str)
    [(_, count)] = client.pubsub_numsub(keys.updates(store))
    return int(count)


def test_RD_15_a_reader_that_is_one_too_many_is_reported(server: BrokenValkey) -> None:
    client = server.client
    client.ping()
    client.config_set("maxclients", 1)
    with OptionReader(server.url) as reader, pytest.raises(FastoptsError) as caught:
        reader.feed()
    assert isinstance(caught.value, StoreError)
    client.config_set("maxclients", 100)


def test_RD_05_a_reader_of_a_hung_server_fails_in_time(server: BrokenValkey) -> None:
    with OptionReader(server.url, timeout_s=0.2) as reader:
        reader.feed()
        with server.frozen():
            for _ in range(2):  # over the connection that stands, and over a new one
                with pytest.raises(StoreUnavailable, match=r"no answer in 0.2 s"):
                    reader.feed()
        reader.feed()
