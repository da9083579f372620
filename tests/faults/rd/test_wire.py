"""The wire between the collector and Redis: slow, hung, cut anywhere; and answers that are odd."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import pytest
import redis

from fastopts import keys
from fastopts.collector.store import writer as writer_module
from fastopts.net.redis import pipeline as channel
from fastopts.session.backoff import Backoff
from tests.faults.rd.logs import told
from tests.support.broken_valkey import BrokenValkey
from tests.support.collector_limits import quicken
from tests.support.fault_proxy import Ending, FaultProxy, Way
from tests.support.scripted_redis import CLOSE, ODD, ScriptedCommand, ScriptedRedis, honest
from tests.support.waiting import PATIENCE_S
from tests.support.writer_harness import SYMBOLS, RunningWriter, WriterHarness, until

WRONGTYPE = b"-WRONGTYPE Operation against a key holding the wrong kind of value\r\n"


@pytest.fixture
def proxy(server: BrokenValkey) -> Iterator[FaultProxy]:
    with FaultProxy(server.port) as made:
        yield made


@pytest.fixture
def scripted(server: BrokenValkey) -> Iterator[ScriptedRedis]:
    with ScriptedRedis(server.port) as made:
        yield made


def set_timeouts(monkeypatch: pytest.MonkeyPatch, timeout_s: float) -> None:
    quicken(monkeypatch, exchange_within_s=timeout_s, connect_within_s=timeout_s)
    monkeypatch.setattr(channel.PipelineConnection.ask, "__kwdefaults__", {"timeout_s": timeout_s})


@pytest.fixture
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """No timeout ends anything, however busy the machine is."""
    set_timeouts(monkeypatch, PATIENCE_S)


@pytest.fixture
def _quick_to_reconnect(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hardly a pause between two tries."""
    quick = partial(Backoff, base_s=0.002, cap_s=0.01)
    monkeypatch.setattr(writer_module, "Backoff", lambda **_: quick())


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch, _quick_to_reconnect: None) -> None:
    """Timeouts of a second: they are waited out, and a busy machine answers within them."""
    set_timeouts(monkeypatch, 1.0)


@contextmanager
def paused(server: BrokenValkey, client: redis.Redis) -> Iterator[None]:
    """Commands that write wait meanwhile."""
    client.execute_command("CLIENT", "PAUSE", "600000", "WRITE")  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        client.execute_command("CLIENT", "UNPAUSE")  # type: ignore[no-untyped-call]


def frozen(server: BrokenValkey, client: redis.Redis) -> AbstractContextManager[None]:
    """All commands wait meanwhile."""
    return server.frozen()


def is_consistent(harness: WriterHarness) -> bool:
    table = harness.table
    return (
        table.received == table.applied + table.older + sum(table.rejected.values())
        and table.applied == table.written + table.conflated + table.pending
    )


@pytest.mark.usefixtures("_patient")
@pytest.mark.parametrize("stalled", [paused, frozen])
async def test_RD_04_a_stall_is_absorbed_by_conflation_and_one_batch_waits(
    server: BrokenValkey,
    caplog: pytest.LogCaptureFixture,
    stalled: Callable[[BrokenValkey, redis.Redis], AbstractContextManager[None]],
) -> None:
    async with RunningWriter(WriterHarness(server.port)) as harness:
        harness.tick()
        await until(lambda: harness.table.pending == 0 and not harness.table.dirty)
        client = server.client
        before = client.info("stats")["total_connections_received"]
        with stalled(server, client):
            while not await is_stalled(harness):
                harness.tick(markPrice="1")
            batches, conflated = harness.writer.flusher.batches, harness.table.conflated
            for number in range(50):
                harness.tick(markPrice=str(number + 2))
                await asyncio.sleep(0.002)
            assert harness.writer.flusher.batches == batches
            assert harness.table.pending <= 40
            assert harness.table.conflated - conflated >= 48 * len(SYMBOLS)
        await until(lambda: harness.table.pending == 0)
        assert harness.stands_in(client)
        assert is_consistent(harness)
        assert client.info("stats")["total_connections_received"] == before
    assert told(caplog, "kept in memory") == 0


async def is_stalled(harness: WriterHarness) -> bool:
    """Whether a batch is under way and remains so: of a server that is stalled already."""
    batches = harness.writer.flusher.batches
    await asyncio.sleep(0.05)
    return harness.writer.flusher.batches == batches and not harness.writer.flusher.batch.done


@pytest.mark.usefixtures("_impatient")
async def test_RD_05_a_hung_server_is_given_up_and_used_again_once_it_answers(
    server: BrokenValkey, caplog: pytest.LogCaptureFixture
) -> None:
    async with RunningWriter(WriterHarness(server.port)) as harness:
        harness.tick()
        await until(lambda: harness.table.pending == 0)
        epoch = harness.writer.lease.epoch
        with server.frozen():
            harness.tick(markPrice="1")
            await until(lambda: not harness.writer.is_writing)
            harness.tick(markPrice="2")
            await until(lambda: told(caplog, "no answer in 1 s") == 1)
        await until(lambda: harness.table.pending == 0)
        client = server.client
        assert harness.stands_in(client)
        assert client.hget(keys.FEED, "epoch") == str(epoch)
        assert is_consistent(harness)
        # what hung is closed on both sides
        await until(lambda: client.info("clients")["connected_clients"] == 2)
    assert told(caplog, "kept in memory") == 1
    assert told(caplog, "accepts data again") == 1


@pytest.mark.usefixtures("_impatient")
async def test_RD_23_no_number_of_timeouts_leaves_a_client_that_never_recovers(
    server: BrokenValkey, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cluster is refused (RD-22); what is left of this: each failure ends in a new connection."""
    attempts = [0]
    connect = channel.connect

    async def counted(*args: Any) -> channel.PipelineConnection:
        attempts[0] += 1
        return await connect(*args)

    monkeypatch.setattr(channel, "connect", counted)
    async with RunningWriter(WriterHarness(server.port)) as harness:
        for number in range(3):
            harness.tick(markPrice=str(number + 1))
            await until(lambda: harness.table.pending == 0)
            connected = server.client.info("stats")["total_connections_received"]
            with server.frozen():
                harness.tick(markPrice=str(number + 70))
                await until(lambda: told(caplog, "kept in memory") == number + 1)  # noqa: B023
                # and again, while it connects
                tried = attempts[0]
                await until(lambda: attempts[0] >= tried + 2)  # noqa: B023
            await until(lambda: harness.table.pending == 0)
            assert harness.stands_in(server.client)
            found = server.client.info("stats")["total_connections_received"]
            assert found >= connected + 2
    assert told(caplog, "accepts data again") == 3


@pytest.mark.usefixtures("_patient", "_quick_to_reconnect")
@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize("first", range(2))
async def test_RD_16_a_connection_may_be_cut_at_any_byte_and_the_newest_state_goes_again(
    server: BrokenValkey, proxy: FaultProxy, direction: str, first: int
) -> None:
    async with RunningWriter(WriterHarness(proxy.port)) as harness:
        for offset in range(41 * first, 12_000, 499):
            accepted = proxy.accepted
            ending = Ending.RST if offset % 2 else Ending.FIN
            setattr(proxy, direction, Way(cut_after=offset, cut_with=ending))
            proxy.drop()
            while proxy.accepted < accepted + 2:  # made again, and cut, and made again
                harness.tick(markPrice=str(offset + 1), bidIv="" if offset % 3 else "0.5")
                await asyncio.sleep(0.001)
            assert is_consistent(harness)
        setattr(proxy, direction, Way())
        proxy.drop()
        harness.tick(markPrice="77777")
        await until(lambda: harness.table.pending == 0 and not harness.table.dirty)
        assert harness.stands_in(server.client)
        assert server.client.hget(keys.FEED, "epoch") == str(harness.writer.lease.epoch)


async def test_RD_16_a_killed_client_writes_what_is_newest_by_then(server: BrokenValkey) -> None:
    async with RunningWriter(WriterHarness(server.port)) as harness:
        client = server.client
        for number in range(10):
            harness.tick(markPrice=str(number + 1))
            writer = str(client.hget(keys.FEED, "writer")).partition(":")[2]
            client.client_kill_filter(_id=writer)
            harness.tick(markPrice=str(number + 100), askIv="" if number % 2 else "0.5")
            await until(lambda: harness.table.pending == 0)
            assert harness.stands_in(client)
        assert is_consistent(harness)


KINDS = ("option", "optrec")


class NthTickReply:
    """Changes the reply to the *k*-th command on the keys of ticks, once: *symbols*' ticks, not
    the whole writes that go round once a minute."""

    def __init__(self, k: int, reply: bytes | None, symbols: Sequence[str]) -> None:
        self.key = b""
        self._keys = {f"{kind}:{symbol}".encode() for symbol in symbols for kind in KINDS}
        self._left = k
        self._reply = reply

    def __call__(self, said: ScriptedCommand) -> bytes | None:
        if said.name in (b"HSET", b"SET") and said.command[1] in self._keys:
            self._left -= 1
            if self._left == 0:
                self.key = said.command[1]
                return self._reply
        return said.answer


async def test_RD_18_an_error_as_any_of_the_replies_is_that_symbols_alone(
    server: BrokenValkey, scripted: ScriptedRedis
) -> None:
    async with RunningWriter(WriterHarness(scripted.port)) as harness:
        client = server.client
        harness.tick()
        await until(lambda: harness.table.pending == 0 and not harness.table.dirty)
        for k in range(1, 2 * 6 + 1):
            scripted.script = kth = NthTickReply(k, WRONGTYPE, SYMBOLS[:6])
            harness.tick(SYMBOLS[:6], markPrice=str(k))
            await until(lambda: harness.table.pending == 1)
            frames = dict(harness.frames)
            del harness.frames[kth.key.decode().partition(":")[2]]
            # the replies behind it were read as what they are
            await until(lambda: harness.stands_in(client))
            harness.frames = frames
            assert harness.table.release() == 1
            harness.writer.flusher.wake()
            await until(lambda: harness.table.pending == 0 and not harness.table.dirty)
            assert harness.stands_in(client)
            assert is_consistent(harness)
        assert scripted.accepted == 1


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("reply", [b"", b"+OK\r\n+OK\r\n", CLOSE], ids=["few", "many", "none"])
async def test_RD_18_too_few_and_too_many_replies_end_the_connection(
    server: BrokenValkey, scripted: ScriptedRedis, reply: bytes | None
) -> None:
    async with RunningWriter(WriterHarness(scripted.port)) as harness:
        harness.tick()
        await until(lambda: harness.table.pending == 0 and not harness.table.dirty)
        for k in (1, 18, 40):
            accepted = scripted.accepted
            scripted.script = NthTickReply(k, reply, SYMBOLS)
            harness.tick(markPrice=str(k))
            await until(lambda: scripted.accepted > accepted)  # noqa: B023
            await until(lambda: harness.table.pending == 0 and not harness.table.dirty)
            assert harness.stands_in(server.client)
            assert is_consistent(harness)


@pytest.mark.usefixtures("_impatient")
@pytest.mark.parametrize("what", ODD)
async def test_RD_26_an_odd_reply_to_a_writer_ends_the_connection_and_no_more(
    server: BrokenValkey, scripted: ScriptedRedis, what: str
) -> None:
    """To a tick's command, which the core reads, and to a heartbeat's, which hiredis does."""

    async with RunningWriter(WriterHarness(scripted.port)) as harness:
        harness.tick()
        await until(lambda: harness.table.pending == 0 and not harness.table.dirty)
        for script in (NthTickReply(3, ODD[what], SYMBOLS), Once(b"TIME", ODD[what])):
            accepted = scripted.accepted
            scripted.script = script
            harness.tick(markPrice="5")
            await until(lambda: scripted.accepted > accepted)  # noqa: B023
            await until(lambda: harness.table.pending == 0 and not harness.table.dirty)
            assert harness.stands_in(server.client)
            assert is_consistent(harness)


class Once:
    """Changes the next reply to the command *name*."""

    def __init__(self, name: bytes, reply: bytes) -> None:
        self._name = name
        self._reply: bytes | None = reply

    def __call__(self, said: ScriptedCommand) -> bytes | None:
        if said.name == self._name and self._reply is not None:
            reply, self._reply = self._reply, None
            return reply
        return honest(said)


@pytest.mark.parametrize("rtt_ms", [1, 50, 300])
async def test_RD_31_over_a_slow_link_batches_grow_and_what_stands_there_is_right(
    server: BrokenValkey, proxy: FaultProxy, rtt_ms: int
) -> None:
    proxy.up.latency_s = proxy.down.latency_s = rtt_ms / 2000

    async with RunningWriter(WriterHarness(proxy.port)) as harness:
        for number in range(200):
            harness.tick(markPrice=str(number + 1))
            await asyncio.sleep(0.005)
        await until(lambda: harness.table.pending == 0)
        assert harness.stands_in(server.client)
        assert is_consistent(harness)
        assert harness.table.written + harness.table.conflated == 200 * len(SYMBOLS)
        assert harness.table.written >= len(SYMBOLS)
        if rtt_ms >= 50:
            assert harness.table.conflated > harness.table.written
