"""Reading and flushing on one clock, in virtual time, between a feed and a store of our own."""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Any, cast

import hiredis
import pytest

from fastopts.collector.cycle import Cycle
from fastopts.collector.store.flusher import Flusher
from fastopts.core import Table
from fastopts.errors import StoreError
from fastopts.net.redis.pipeline import OnDone, PipelineConnection
from fastopts.net.redis.resp import Replies
from fastopts.venues.bybit.ticker_table import new_table
from tests.support import payloads
from tests.support.collector_limits import current, quicken
from tests.support.payloads import T0, dump
from tests.support.virtual_loop import VirtualLoop

pytestmark = [
    pytest.mark.usefixtures("strict_loop"),
    pytest.mark.virtual_time,
]

SYMBOLS = [f"BTC-27NOV99-{strike}-C-USDT" for strike in range(1, 41)]
EXPIRY_MS = 4_000_000_000_000
FLUSH_S = 0.005
SLACK_S = 1e-6
DENSE_S = 0.0004  # from tick to tick, as at 2,500 a second


@pytest.fixture
def anyio_backend() -> tuple[str, dict[str, Any]]:
    return "asyncio", {"loop_factory": VirtualLoop}


class InstantStore:
    """Stands in for a channel: notes when each field `tm` was written, and answers at once."""

    def __init__(self) -> None:
        self.written: dict[int, float] = {}
        self.batches: list[float] = []
        self.answer_s = 0.0
        self.is_paused = False
        self.reads = 0
        self._arrived: deque[tuple[bytes, Replies, OnDone]] = deque()
        self._fields: dict[bytes, set[bytes]] = {}
        self._loop = asyncio.get_running_loop()

    @property
    def is_busy(self) -> bool:
        return bool(self._arrived)

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False
        self._loop.call_soon(self.read)

    def send(self, payload: bytes, replies: Replies, timeout_s: float, done: OnDone) -> None:
        self.batches.append(self._loop.time())
        reader = hiredis.Reader()
        reader.feed(payload)
        answers = b""
        while command := reader.gets():
            answers += self._answer(command)
        self._loop.call_later(self.answer_s, self._arrive, answers, replies, done)

    def _arrive(self, answers: bytes, replies: Replies, done: OnDone) -> None:
        self._arrived.append((answers, replies, done))
        if not self.is_paused:
            self.read()

    def read(self) -> None:
        self.reads += 1
        while self._arrived:
            answers, replies, done = self._arrived.popleft()
            replies.acknowledge(memoryview(answers), 0, len(answers))
            done(None)

    def _answer(self, command: list[bytes]) -> bytes:
        if command[0] != b"HSET":
            return b":1\r\n" if command[0] == b"EXPIRE" else b"+OK\r\n"
        fields = dict(zip(command[2::2], command[3::2], strict=True))
        if b"tm" in fields:
            self.written.setdefault(int(fields[b"tm"]), self._loop.time())
        known = self._fields.setdefault(command[1], set())
        added = len(fields.keys() - known)
        known.update(fields)
        return b":%d\r\n" % added


@dataclass
class PausableFeed:
    """One connection to the venue: what arrives is read at once, unless reading is paused."""

    harness: "CycleHarness"
    conn: int
    reads_max: int = 1000
    is_paused: bool = True
    reads: int = 0

    def __post_init__(self) -> None:
        self.inlet = self.harness.table.inlet(self.conn)
        self._queue: deque[bytes] = deque()

    def arrive(self, payload: bytes) -> None:
        self._queue.append(payload)
        if not self.is_paused:
            self.read()

    def read(self) -> bool:
        self.reads += 1
        for _ in range(min(len(self._queue), self.reads_max)):
            self.inlet.message(self._queue.popleft(), T0)
            self.harness.cycle.arrived()
        return bool(self._queue)

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False
        if self._queue:
            asyncio.get_running_loop().call_soon(self.read)


class CycleHarness:
    """Four connections, a cycle and a store; `arrivals` has the time of each tick by its `tm`."""

    def __init__(self, latency_s: float | None = None, reads_max: int = 1000) -> None:
        self.loop = asyncio.get_running_loop()
        self.table: Table = new_table()
        self.table.epoch = 1
        for symbol in SYMBOLS:
            self.table.add(symbol, EXPIRY_MS, 1.0, "C", "USDT")
        self.store = InstantStore()
        self.flusher = Flusher(self.table, FLUSH_S, lambda: T0, self._over, current())
        self.cycle = Cycle(self.table, self.flusher, FLUSH_S, latency_s)
        self.feeds = [PausableFeed(self, conn, reads_max) for conn in range(1, 5)]
        for feed in self.feeds:
            self.cycle.add(cast("Any", feed))
        self.flusher.resume(cast("PipelineConnection", self.store))
        self.arrivals: dict[int, float] = {}

    def is_on_clock(self) -> bool:
        return self.cycle.is_on_timer

    def tick(self) -> int:
        """Let a tick arrive now; return its `tm`."""
        ts = T0 + len(self.arrivals)
        index = len(self.arrivals) % len(SYMBOLS)
        self.arrivals[ts] = self.loop.time()
        self.feeds[index % 4].arrive(dump(payloads.ticker(SYMBOLS[index], ts, sequence=ts)))
        return ts

    async def begin(self) -> None:
        """Let each symbol tick for the first time: it is written twice, the second time whole."""
        await self.ticks(len(SYMBOLS), 3 * FLUSH_S)
        assert not self.is_on_clock()

    async def ticks(self, count: int, apart_s: float) -> list[int]:
        """Let *count* ticks arrive; return the `tm` of each."""
        numbers = []
        for _ in range(count):
            numbers.append(self.tick())
            await asyncio.sleep(apart_s)
        return numbers

    def delays_s(self, numbers: list[int]) -> list[float]:
        """From arrival to Redis, of each of these ticks: none may be missing."""
        return [self.store.written[number] - self.arrivals[number] for number in numbers]

    def has_everything(self) -> bool:
        """Whether the newest tick of each symbol was written, and each tick is accounted for."""
        newest = list(self.arrivals)[-len(SYMBOLS) :]
        table = self.table
        is_accounted = table.received == len(self.arrivals) == table.applied
        return is_accounted and table.pending == 0 and self.store.written.keys() >= set(newest)

    def _over(self, error: StoreError | None) -> None:
        assert error is None
        assert not self.flusher.refusals


async def new_harness(latency_s: float | None = None, reads_max: int = 1000) -> CycleHarness:
    harness = CycleHarness(latency_s, reads_max)
    await harness.begin()
    return harness


async def test_sparse_ticks_are_read_and_written_at_once() -> None:
    harness = await new_harness()
    numbers = await harness.ticks(200, 0.007)
    assert not harness.is_on_clock()
    assert max(harness.delays_s(numbers)) < SLACK_S
    assert harness.has_everything()


async def test_dense_ticks_are_read_with_each_flush_and_written_within_one_interval() -> None:
    harness = await new_harness()
    await harness.ticks(200, DENSE_S)
    assert harness.is_on_clock()
    assert all(feed.is_paused for feed in harness.feeds)
    reads, batches = sum(feed.reads for feed in harness.feeds), len(harness.store.batches)
    numbers = await harness.ticks(2500, DENSE_S)
    assert harness.is_on_clock()
    turns = len(harness.store.batches) - batches
    assert turns == pytest.approx(200, abs=2), "one flush for each interval of 5 ms"
    assert sum(feed.reads for feed in harness.feeds) - reads == pytest.approx(4 * turns, abs=8)
    await asyncio.sleep(2 * FLUSH_S)
    assert max(harness.delays_s(numbers)) <= FLUSH_S + SLACK_S
    assert harness.has_everything()


async def test_answers_are_read_with_the_next_turn_and_at_once_when_they_come_late() -> None:
    harness = await new_harness()
    await harness.ticks(200, DENSE_S)
    assert harness.is_on_clock()
    assert harness.store.is_paused
    batches, reads = len(harness.store.batches), harness.store.reads
    await harness.ticks(500, DENSE_S)
    turns = len(harness.store.batches) - batches
    assert harness.store.reads - reads == pytest.approx(turns, abs=2)
    await asyncio.sleep(0.2)
    assert not harness.is_on_clock()
    assert not harness.store.is_paused


async def test_waiters_for_a_batch_need_not_wait_for_a_turn() -> None:
    harness = await new_harness()
    await harness.ticks(200, DENSE_S)
    while not harness.store.is_busy:
        await harness.ticks(1, DENSE_S)
    began = harness.loop.time()
    harness.store.batches.clear()
    await asyncio.wait_for(harness.flusher.drain(), FLUSH_S / 10)
    assert harness.loop.time() - began < SLACK_S
    assert not harness.store.is_paused


async def test_a_feed_that_thins_out_is_read_at_once_again() -> None:
    harness = await new_harness()
    dense = await harness.ticks(500, DENSE_S)
    assert harness.is_on_clock()
    await asyncio.sleep(0.1)
    assert not harness.is_on_clock()
    assert not any(feed.is_paused for feed in harness.feeds)
    sparse = await harness.ticks(100, 0.01)
    assert max(harness.delays_s(sparse)) < SLACK_S
    assert max(harness.delays_s(dense[-40:])) <= FLUSH_S + SLACK_S
    assert harness.has_everything()


async def test_a_tick_amid_the_change_from_dense_to_sparse_waits_for_one_interval_at_most() -> None:
    for pause_ms in range(0, 80, 3):
        harness = await new_harness()
        await harness.ticks(300, DENSE_S)
        await asyncio.sleep(pause_ms / 1000)
        numbers = await harness.ticks(3, 0.002)
        await asyncio.sleep(2 * FLUSH_S)
        assert max(harness.delays_s(numbers)) <= FLUSH_S + SLACK_S
        assert harness.has_everything()


async def test_bursts_and_pauses_in_turn_lose_and_delay_nothing() -> None:
    harness = await new_harness()
    states = set()
    for size in (1, 30, 500, 3, 200, 1, 1000):
        numbers = await harness.ticks(size, DENSE_S)
        states.add(harness.is_on_clock())
        await asyncio.sleep(2 * FLUSH_S)
        assert max(harness.delays_s(numbers)) <= FLUSH_S + SLACK_S
        await asyncio.sleep(0.2)
        assert not harness.is_on_clock()
    assert states == {False, True}
    assert harness.has_everything()


async def test_a_rate_between_the_bounds_does_not_switch_back_and_forth() -> None:
    harness = await new_harness()
    await harness.ticks(1000, FLUSH_S / 3)
    assert not harness.is_on_clock()
    await harness.ticks(500, DENSE_S)
    states = set()
    for _ in range(100):
        await harness.ticks(10, FLUSH_S / 3)
        states.add(harness.is_on_clock())
    assert states == {True}


async def test_what_the_bound_on_a_read_leaves_behind_does_not_wait_for_the_next_interval() -> None:
    harness = await new_harness(reads_max=3)
    await harness.ticks(200, DENSE_S)
    assert harness.is_on_clock()
    numbers = [harness.tick() for _ in range(len(SYMBOLS))]
    await asyncio.sleep(FLUSH_S + SLACK_S)
    assert harness.table.received == len(harness.arrivals), "all of it was read in one interval"
    await asyncio.sleep(2 * FLUSH_S)
    assert max(harness.delays_s(numbers)) <= 2 * FLUSH_S + SLACK_S
    assert harness.has_everything()


@pytest.mark.parametrize("latency_s", [0.01, 0.002])
async def test_a_clock_that_was_asked_for_is_kept_while_nothing_comes(latency_s: float) -> None:
    harness = CycleHarness(latency_s)
    assert all(feed.is_paused for feed in harness.feeds)
    await asyncio.sleep(1)
    assert harness.feeds[0].reads == pytest.approx(1 / latency_s, abs=2)
    numbers = await harness.ticks(50, 0.037)
    assert harness.is_on_clock()
    await asyncio.sleep(2 * latency_s)
    assert 0 < max(harness.delays_s(numbers)) <= latency_s + SLACK_S
    assert harness.has_everything()


async def test_without_a_clock_dense_ticks_are_read_at_each_arrival() -> None:
    harness = await new_harness(0.0)
    assert not harness.cycle.uses_timer
    await harness.ticks(2000, DENSE_S)
    assert not harness.is_on_clock()
    assert sum(feed.reads for feed in harness.feeds) == len(harness.arrivals)
    await asyncio.sleep(2 * FLUSH_S)
    assert harness.has_everything()


async def test_an_answer_that_comes_late_is_followed_by_the_next_batch_without_a_turn() -> None:
    harness = await new_harness()
    harness.store.answer_s = 0.0135
    await harness.ticks(2500, DENSE_S)
    assert harness.is_on_clock()
    gaps = [b - a for a, b in zip(harness.store.batches, harness.store.batches[1:], strict=False)]
    assert max(gaps[20:]) < 0.0135 + 0.001, "it is not rounded up to the clock"
    await asyncio.sleep(0.05)
    assert harness.has_everything()


async def test_a_connection_that_opens_while_ticks_are_dense_is_on_the_clock_from_the_first() -> (
    None
):
    harness = await new_harness()
    await harness.ticks(200, DENSE_S)
    fifth = PausableFeed(harness, 5)
    harness.cycle.add(cast("Any", fifth))
    assert fifth.is_paused
    await harness.ticks(50, DENSE_S)
    assert fifth.reads > 2
    harness.cycle.discard(cast("Any", fifth))
    harness.cycle.discard(cast("Any", fifth))
    reads = fifth.reads
    await harness.ticks(50, DENSE_S)
    assert fifth.reads == reads
    await asyncio.sleep(0.2)
    assert fifth.is_paused, "it is not the cycle's any more"
    late = PausableFeed(harness, 6)
    harness.cycle.add(cast("Any", late))
    assert not late.is_paused


async def test_a_cycle_that_was_stopped_reads_nothing() -> None:
    harness = await new_harness()
    await harness.ticks(200, DENSE_S)
    harness.cycle.stop()
    reads = harness.feeds[0].reads
    await asyncio.sleep(0.1)
    assert harness.feeds[0].reads == reads


async def test_what_does_not_fit_into_a_batch_follows_at_its_answer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quicken(monkeypatch, batch_bytes=2000)

    harness = await new_harness()
    batches = len(harness.store.batches)
    numbers = [harness.tick() for _ in SYMBOLS]
    await asyncio.sleep(FLUSH_S)
    assert len(harness.store.batches) - batches > 4
    assert max(harness.delays_s(numbers)) < SLACK_S, "none waits for the clock"
    assert harness.has_everything()
