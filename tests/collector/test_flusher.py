"""Flushes into a real Valkey, through a gate that holds and cuts the connection on demand."""

import asyncio
import itertools
import random
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import redis

from fastopts import keys
from fastopts.collector.store.flusher import Flusher
from fastopts.embedded import EmbeddedValkey
from fastopts.errors import StoreError, StoreUnavailable
from fastopts.net.redis import pipeline as net
from fastopts.net.redis.address import Address
from fastopts.net.redis.pipeline import PipelineConnection
from fastopts.venues.bybit.ticker_table import new_table
from tests.support import payloads
from tests.support.collector_limits import current
from tests.support.oracle import expected_hash
from tests.support.payloads import T0, dump

EXPIRY_MS = 4_000_000_000_000
SYMBOLS = [f"BTC-27NOV26-{strike}-C-USDT" for strike in range(1, 11)]
FLUSH_S = 0.001


@pytest.fixture
def client(shared_valkey: EmbeddedValkey) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(shared_valkey.url, protocol=2, decode_responses=True) as opened:
        opened.flushall()
        yield opened


class Gate:
    """Relays to the server on *port*; `held` keeps its answers back, `cut` ends the connection."""

    def __init__(self, port: int) -> None:
        self.received = 0
        self.answered = 0
        self._port = port
        self._may_ask = asyncio.Event()
        self._may_answer = asyncio.Event()
        self._changed = asyncio.Event()
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self.open()

    async def __aenter__(self) -> "Gate":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.address = Address("127.0.0.1", self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        self.open()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def open(self) -> None:
        self._may_ask.set()
        self._may_answer.set()

    def hold_answers(self) -> None:
        self._may_answer.clear()

    def hold_questions(self) -> None:
        self._may_ask.clear()

    def cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    async def has_received(self, more_than: int) -> None:
        """Wait until more than so many bytes came from the client."""
        while self.received <= more_than:
            self._changed.clear()
            await self._changed.wait()

    async def has_answered(self, more_than: int) -> None:
        """Wait until more than so many bytes came from the server, held back or not."""
        while self.answered <= more_than:
            self._changed.clear()
            await self._changed.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers += [writer, inner_writer]
        await asyncio.gather(
            self._copy(reader, inner_writer, "received", self._may_ask),
            self._copy(inner_reader, writer, "answered", self._may_answer),
        )

    async def _copy(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        count: str,
        may_pass: asyncio.Event,
    ) -> None:
        with suppress(ConnectionError):
            while data := await source.read(1 << 20):
                setattr(self, count, getattr(self, count) + len(data))
                self._changed.set()
                await may_pass.wait()
                target.write(data)
        target.close()


# A symbol is written once more after its first tick: its key's expiry waits for the first answer.
FIRST_BATCHES = 2


class FlusherHarness:
    """A table that ticks, its flusher, and the results that it reported of its batches."""

    def __init__(self, gate: Gate, flush_s: float) -> None:
        self.gate = gate
        self.table = new_table()
        self.table.epoch = 7
        for symbol in SYMBOLS:
            self.table.add(symbol, EXPIRY_MS, 1.0, "C", "USDT")
        self.flusher = Flusher(self.table, flush_s, lambda: T0, self._over, current())
        self.over: list[StoreError | None] = []
        self.on_over: Callable[[], None] = lambda: None
        self.sent: dict[str, dict[str, Any]] = {}
        self._inlet = self.table.inlet(1)
        self._clock = itertools.count(T0)
        self._told = asyncio.Event()
        self._channels: list[PipelineConnection] = []

    def tick(self, *symbols: str) -> None:
        """A tick of each of *symbols* (none given: of all)."""
        for symbol in symbols or SYMBOLS:
            ts = next(self._clock)
            price = str(ts % 100_000)
            self.sent[symbol] = payloads.ticker(symbol, ts, sequence=ts, markPrice=price)
            self._inlet.message(dump(self.sent[symbol]), ts)
        self.flusher.wake()

    async def connect(self) -> PipelineConnection:
        opened = await net.connect(self.gate.address, None, 5.0)
        self._channels.append(opened)
        return opened

    async def batches_over(self, count: int) -> None:
        while len(self.over) < count:
            self._told.clear()
            await self._told.wait()

    async def written_out(self) -> None:
        while self.table.dirty or self.table.pending:
            await self.batches_over(len(self.over) + 1)

    async def timers_pass(self) -> None:
        """Whatever a wake has started so far is done after this: timers go off in their order."""
        await asyncio.sleep(FLUSH_S * 5)

    async def end(self) -> None:
        for opened in self._channels:
            opened.abort()
            await opened.closed.wait()

    def adds_up(self) -> bool:
        table = self.table
        return table.applied == table.written + table.conflated + table.pending

    def stands_in(self, client: redis.Redis) -> bool:
        """Whether what was sent last stands there, and nothing else."""
        held = {str(key).removeprefix(keys.option("")) for key in client.keys(keys.option("*"))}
        return held == self.sent.keys() and all(
            expected_hash(frame).items() <= client.hgetall(keys.option(symbol)).items()
            and client.exists(keys.record(symbol))
            for symbol, frame in self.sent.items()
        )

    def _over(self, error: StoreError | None) -> None:
        self.over.append(error)
        self._told.set()
        self.on_over()


@asynccontextmanager
async def flushing(
    valkey: EmbeddedValkey, flush_s: float = FLUSH_S
) -> AsyncIterator[FlusherHarness]:
    """A flusher with *valkey* behind a gate; every tick is accounted for at its end."""
    async with Gate(valkey.port) as gate:
        harness = FlusherHarness(gate, flush_s)
        try:
            yield harness
            assert harness.adds_up()
        finally:
            await harness.end()


@pytest.fixture
async def harness(
    strict_loop: None, shared_valkey: EmbeddedValkey
) -> AsyncIterator[FlusherHarness]:
    async with flushing(shared_valkey) as harness:
        yield harness


async def test_what_is_dirty_goes_out_and_so_does_what_comes_later(
    harness: FlusherHarness, client: redis.Redis
) -> None:
    harness.tick(*SYMBOLS[:4])
    harness.flusher.resume(await harness.connect())
    await harness.batches_over(1)
    assert harness.stands_in(client)
    assert harness.table.written == 4
    harness.tick()
    await harness.written_out()
    assert harness.stands_in(client)
    assert (harness.table.written, harness.table.pending, harness.table.dirty) == (14, 0, 0)
    assert set(harness.over) == {None}
    assert harness.flusher.batches == len(harness.over)
    assert harness.flusher.lag.quantile_ms(0.5) is not None


async def test_nothing_dirty_is_no_batch(harness: FlusherHarness) -> None:
    harness.flusher.resume(await harness.connect())
    harness.flusher.wake()
    before = harness.gate.received
    await harness.timers_pass()
    assert harness.over == []
    assert harness.gate.received == before


async def test_nothing_is_flushed_while_suspended(
    harness: FlusherHarness, client: redis.Redis
) -> None:
    harness.tick()
    await harness.timers_pass()
    channel = await harness.connect()
    harness.flusher.resume(channel)
    harness.flusher.pause()
    harness.tick()
    await harness.timers_pass()
    assert harness.over == []
    assert client.keys("*") == []
    assert (harness.table.dirty, harness.table.pending, harness.table.conflated) == (10, 10, 10)
    harness.flusher.resume(channel)
    await harness.batches_over(1)
    assert harness.stands_in(client)


async def test_what_was_due_when_the_hold_came_goes_out_once_after_it(
    harness: FlusherHarness, client: redis.Redis
) -> None:
    channel = await harness.connect()
    harness.flusher.resume(channel)
    harness.tick()
    for _ in range(5):
        harness.flusher.pause()
        harness.flusher.resume(channel)
    await harness.written_out()
    await harness.timers_pass()
    assert harness.over == [None] * FIRST_BATCHES
    assert harness.stands_in(client)


@pytest.mark.usefixtures("strict_loop")
async def test_the_interval_lies_between_two_batches(
    shared_valkey: EmbeddedValkey, client: redis.Redis
) -> None:
    async with flushing(shared_valkey, flush_s=3600) as harness:
        channel = await harness.connect()
        harness.flusher.resume(channel)
        harness.tick(SYMBOLS[0])
        await harness.batches_over(1)
        assert harness.stands_in(client)
        harness.tick(SYMBOLS[1])
        harness.flusher.pause()
        harness.flusher.resume(channel)
        await harness.timers_pass()
        assert harness.over == [None]
        assert harness.table.dirty == FIRST_BATCHES


async def test_at_most_one_batch_is_under_way(harness: FlusherHarness, client: redis.Redis) -> None:
    channel = await harness.connect()
    harness.gate.hold_answers()
    before = harness.gate.received
    harness.flusher.resume(channel)
    harness.tick(*SYMBOLS[:2])
    await harness.gate.has_received(before)
    await harness.timers_pass()
    first = harness.gate.received
    for _ in range(3):
        harness.tick()
        harness.flusher.wake()
        harness.flusher.resume(channel)
        await harness.timers_pass()
    assert channel.is_busy
    assert harness.gate.received == first
    assert harness.over == []
    # two are on their way; of the thirty that came since, the last ten wait
    assert (harness.table.pending, harness.table.conflated, harness.table.dirty) == (12, 20, 10)
    assert harness.adds_up()
    harness.gate.open()
    await harness.batches_over(2)
    assert harness.stands_in(client)
    assert (harness.table.written, harness.table.conflated, harness.table.pending) == (12, 20, 0)


@pytest.mark.limits(batch_bytes=1)
async def test_what_does_not_fit_into_one_batch_goes_with_the_next(
    harness: FlusherHarness, client: redis.Redis
) -> None:
    harness.tick()
    harness.flusher.resume(await harness.connect())
    await harness.written_out()
    await harness.timers_pass()
    assert harness.over == [None] * 10 * FIRST_BATCHES
    assert harness.stands_in(client)


async def test_rest_waits_for_the_batch_under_way_and_starts_no_other(
    harness: FlusherHarness, client: redis.Redis
) -> None:
    channel = await harness.connect()
    harness.gate.hold_answers()
    before = harness.gate.received
    harness.flusher.resume(channel)
    harness.tick(*SYMBOLS[:3])
    await harness.gate.has_received(before)
    resting = asyncio.create_task(harness.flusher.drain())
    await harness.timers_pass()
    assert not resting.done()
    harness.tick(*SYMBOLS[3:])
    harness.gate.open()
    await resting
    assert not channel.is_busy
    assert harness.over == [None]
    assert harness.table.dirty == 10
    # the connection is ours alone now
    assert await channel.ask(("ECHO", "hello")) == ["hello"]
    await harness.timers_pass()
    assert harness.over == [None]
    assert harness.table.dirty == 10
    harness.flusher.resume(channel)
    await harness.batches_over(2)
    assert harness.stands_in(client)


async def test_rest_does_not_wait_when_nothing_is_under_way(harness: FlusherHarness) -> None:
    # A coroutine that awaits nothing ends at its first step.
    with pytest.raises(StopIteration):
        harness.flusher.drain().send(None)
    harness.flusher.resume(await harness.connect())
    with pytest.raises(StopIteration):
        harness.flusher.drain().send(None)
    harness.tick()
    await harness.timers_pass()
    assert harness.over == []


async def test_a_rest_that_is_cancelled_leaves_the_batch_to_end(
    harness: FlusherHarness, client: redis.Redis
) -> None:
    channel = await harness.connect()
    harness.gate.hold_answers()
    before = harness.gate.received
    harness.flusher.resume(channel)
    harness.tick()
    await harness.gate.has_received(before)
    resting = asyncio.create_task(harness.flusher.drain())
    await asyncio.sleep(0)
    resting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await resting
    harness.gate.open()
    await harness.batches_over(1)
    assert harness.over == [None]
    assert harness.stands_in(client)


async def test_rest_ends_when_the_connection_does(harness: FlusherHarness) -> None:
    channel = await harness.connect()
    harness.gate.hold_answers()
    before = harness.gate.received
    harness.flusher.resume(channel)
    harness.tick()
    await harness.gate.has_received(before)
    resting = asyncio.create_task(harness.flusher.drain())
    await asyncio.sleep(0)
    harness.gate.cut()
    await resting
    assert isinstance(harness.over[0], StoreUnavailable)


@pytest.mark.parametrize("arrives", [False, True])
async def test_what_was_under_way_when_the_connection_is_lost_goes_again_and_nothing_is_lost(
    harness: FlusherHarness, client: redis.Redis, arrives: bool
) -> None:
    channel = await harness.connect()
    received, answered = harness.gate.received, harness.gate.answered
    if arrives:
        harness.gate.hold_answers()
    else:
        harness.gate.hold_questions()
    harness.flusher.resume(channel)
    harness.tick()
    if arrives:
        await harness.gate.has_answered(answered)
    else:
        await harness.gate.has_received(received)
    harness.tick(*SYMBOLS[:3])
    assert (harness.table.pending, harness.table.dirty) == (13, 3)
    harness.gate.cut()
    await harness.batches_over(1)
    assert isinstance(harness.over[0], StoreUnavailable)
    assert harness.flusher.batches == 0
    harness.flusher.disconnect()
    # of three the older tick gave way to the newer
    assert (harness.table.dirty, harness.table.pending, harness.table.conflated) == (10, 10, 3)
    assert harness.table.written == 0
    assert harness.adds_up()
    assert bool(client.keys("*")) is arrives
    harness.tick(SYMBOLS[9])
    await harness.timers_pass()
    assert harness.over[1:] == []
    harness.gate.open()
    harness.flusher.resume(await harness.connect())
    await harness.batches_over(2)
    assert harness.over[1] is None
    assert harness.stands_in(client)
    assert (harness.table.written, harness.table.conflated, harness.table.pending) == (10, 4, 0)


@pytest.mark.limits(exchange_within_s=0.02)
async def test_a_server_that_does_not_answer_is_a_lost_connection(
    harness: FlusherHarness, client: redis.Redis
) -> None:
    channel = await harness.connect()
    harness.gate.hold_questions()
    harness.flusher.resume(channel)
    harness.tick()
    await harness.batches_over(1)
    assert str(harness.over[0]) == "no answer in 0.02 s"
    harness.tick()
    await harness.timers_pass()
    assert len(harness.over) == 1, "after a failure it waits for a call"
    harness.flusher.disconnect()
    assert harness.table.dirty == 10
    harness.gate.open()
    harness.flusher._timeout_s = 10.0
    harness.flusher.resume(await harness.connect())
    await harness.batches_over(2)
    assert harness.stands_in(client)


async def test_a_connection_that_is_already_lost_is_reported_like_any_loss(
    harness: FlusherHarness, client: redis.Redis
) -> None:
    channel = await harness.connect()
    channel.abort()
    harness.tick()
    harness.flusher.resume(channel)
    await harness.batches_over(1)
    assert isinstance(harness.over[0], StoreUnavailable)
    harness.flusher.disconnect()
    assert (harness.table.dirty, harness.table.pending) == (10, 10)
    harness.flusher.resume(await harness.connect())
    await harness.batches_over(2)
    assert harness.stands_in(client)


async def test_slots_that_the_server_refuses_are_reported_and_stay_pending(
    harness: FlusherHarness, client: redis.Redis
) -> None:
    client.set(keys.option(SYMBOLS[4]), "mine")

    refusals: list[tuple[str, str]] = []
    harness.on_over = lambda: refusals.extend(harness.flusher.refusals)
    harness.tick()
    harness.flusher.resume(await harness.connect())
    await harness.batches_over(1)
    [(symbol, words)] = refusals
    assert symbol == SYMBOLS[4]
    assert words.startswith("WRONGTYPE")
    assert harness.over == [None]
    assert (harness.table.written, harness.table.pending, harness.table.dirty) == (9, 1, 9)
    await harness.batches_over(FIRST_BATCHES)
    assert client.get(keys.option(SYMBOLS[4])) == "mine"
    assert client.ttl(keys.option(SYMBOLS[4])) == -1
    harness.on_over = lambda: None
    client.delete(keys.option(SYMBOLS[4]))
    harness.table.release()
    harness.flusher.wake()
    await harness.written_out()
    assert harness.flusher.refusals == []
    assert harness.stands_in(client)


async def test_a_callback_of_a_batch_may_suspend_the_next(harness: FlusherHarness) -> None:
    channel = await harness.connect()
    harness.on_over = harness.flusher.pause
    harness.gate.hold_answers()
    before = harness.gate.received
    harness.flusher.resume(channel)
    harness.tick()
    await harness.gate.has_received(before)
    harness.tick()
    harness.gate.open()
    await harness.batches_over(1)
    await harness.timers_pass()
    assert harness.over == [None]
    assert harness.table.dirty == 10


@pytest.mark.parametrize("seed", range(5))
async def test_every_tick_is_accounted_for_whatever_happens_to_connections(
    harness: FlusherHarness, client: redis.Redis, seed: int
) -> None:
    chance = random.Random(seed)

    channel = await harness.connect()

    async def reconnect() -> None:
        nonlocal channel
        harness.gate.cut()
        await channel.closed.wait()
        harness.flusher.disconnect()
        harness.gate.open()
        channel = await harness.connect()
        harness.flusher.resume(channel)

    async def rest() -> None:
        harness.gate.open()
        await harness.flusher.drain()
        harness.flusher.resume(channel)

    async def turn() -> None:
        await asyncio.sleep(chance.choice([0, 0.002]))

    async def hold() -> None:
        chance.choice([harness.gate.hold_answers, harness.gate.hold_questions])()

    harness.flusher.resume(channel)
    for _ in range(60):
        harness.tick(*chance.choices(SYMBOLS, k=chance.randint(1, 10)))
        [step] = chance.choices([turn, rest, reconnect, hold], [5, 2, 2, 1])
        await step()
        assert harness.adds_up()
        assert harness.table.applied == harness.table.received
    await reconnect()
    while harness.table.pending:
        await harness.batches_over(len(harness.over) + 1)
    assert harness.stands_in(client)
    assert harness.table.conflated > 0
    assert harness.table.applied == harness.table.written + harness.table.conflated
