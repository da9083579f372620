"""The writer's announcements, received by a real subscriber over a real Valkey."""

import asyncio
from collections.abc import Iterator

import pytest
import redis

from fastopts import keys
from fastopts.embedded import EmbeddedValkey
from tests.support.collector_limits import quicken
from tests.support.oracle import Update, read_update
from tests.support.store import STORE
from tests.support.writer_harness import SYMBOLS, RunningWriter, WriterHarness, until


class Listener:
    """A subscriber; `heard` are the messages so far."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self.updates: list[Update] = []
        self._pubsub = client.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]

    def subscribe(self) -> None:
        store = store_of(self.client)
        assert store is not None
        self.channel = keys.updates(store)
        self._pubsub.subscribe(self.channel)

    def unsubscribe(self) -> None:
        self._pubsub.unsubscribe(self.channel)

    def close(self) -> None:
        self._pubsub.close()

    def listen(self) -> int:
        """Take what has come; return how many messages there are by now."""
        while (message := self._pubsub.get_message(timeout=0)) is not None:
            if message["channel"] == self.channel.encode():  # not of a store that was emptied
                self.updates.append(read_update(message["data"]))
        return len(self.updates)

    async def next(self) -> Update:
        """Forget what has come, and wait for one message more."""
        self.listen()
        self.updates.clear()
        await until(lambda: self.listen() > 0)
        return self.updates[0]

    async def all_heard(self) -> None:
        """Wait for two pulses: before the second everything written so far was announced."""
        count = self.listen()
        await until(lambda: self.listen() > 0 and len(pulses(self.updates[count:])) >= 2)

    def records(self) -> dict[str, bytes]:
        """The last record of each symbol."""
        return {symbol: record for update in self.updates for symbol, record in update.records}

    def numbers(self) -> list[int]:
        return [update.number for update in self.updates]

    def stored(self) -> dict[str, bytes]:
        found = self.client.mget(map(keys.record, SYMBOLS))
        return {s: r for s, r in zip(SYMBOLS, found, strict=True) if isinstance(r, bytes)}


@pytest.fixture
def listener(valkey: EmbeddedValkey) -> Iterator[Listener]:
    with redis.Redis.from_url(valkey.url, protocol=2) as client:
        made = Listener(client)
        try:
            yield made
        finally:
            made.close()


@pytest.fixture(autouse=True)
def _quick_heart(monkeypatch: pytest.MonkeyPatch) -> None:
    quicken(monkeypatch, heartbeat_s=0.05)


def store_of(client: redis.Redis) -> str | None:
    store = client.hget(keys.FEED, "store")
    return store.decode() if isinstance(store, bytes) else None


def calls(client: redis.Redis, command: str, kind: str = "calls") -> int:
    statistics = client.info("commandstats")
    return int(statistics.get(f"cmdstat_{command}", {}).get(kind, 0))


def pulses(updates: list[Update]) -> list[Update]:
    return [update for update in updates if not update.records]


def grant(client: redis.Redis, user: str, *rules: str) -> None:
    client.execute_command("ACL", "SETUSER", user, *rules)  # type: ignore[no-untyped-call]


async def beats(client: redis.Redis, count: int) -> None:
    """Let some heartbeats pass."""
    target = calls(client, "pexpire") + count
    await until(lambda: calls(client, "pexpire") >= target)


def consecutive(numbers: list[int]) -> bool:
    return numbers == list(range(numbers[0], numbers[0] + len(numbers)))


async def test_nothing_is_sent_without_subscribers(
    valkey: EmbeddedValkey, client: redis.Redis
) -> None:
    async with RunningWriter(WriterHarness(valkey.port)) as harness:
        for _ in range(3):
            harness.tick()
            await beats(client, 1)
        await until(lambda: harness.table.pending == 0)
        assert harness.stands_in(client)
    assert calls(client, "publish") == 0


async def test_a_subscriber_receives_the_last_record_of_every_tick(
    valkey: EmbeddedValkey, client: redis.Redis, listener: Listener
) -> None:
    async with RunningWriter(WriterHarness(valkey.port)) as harness:
        listener.subscribe()
        await until(lambda: listener.listen() > 0)
        pulse = listener.updates[0]
        assert (pulse.number, pulse.epoch) == (1, harness.writer.lease.epoch)
        assert pulse.records == []
        for count in range(50):
            harness.tick(SYMBOLS[count % 7 :], markPrice=str(count))
            await asyncio.sleep(0)
            listener.listen()
        await until(lambda: harness.table.pending == 0 and not harness.table.dirty)
        await listener.all_heard()
        assert listener.records() == listener.stored()
        assert listener.stored().keys() == set(SYMBOLS)
        assert consecutive(listener.numbers())
        assert {update.epoch for update in listener.updates} == {harness.writer.lease.epoch}
        assert max(update.size for update in listener.updates) <= 65_536
        # beside the ticks, only the one symbol per beat that is due is written whole
        rolling = sum(len(u.records) for u in listener.updates) - harness.table.written
        assert 0 <= rolling <= len(pulses(listener.updates))


async def test_what_is_announced_can_be_read(
    valkey: EmbeddedValkey, client: redis.Redis, listener: Listener
) -> None:
    def time_ms(record: bytes) -> int:
        return int.from_bytes(record[8:16], "little")

    async with RunningWriter(WriterHarness(valkey.port)) as harness:
        listener.subscribe()
        await listener.next()
        for count in range(30):
            listener.updates.clear()
            harness.tick(markPrice=str(count))
            await until(lambda: listener.listen() > 0 and bool(listener.records()))
            stored = listener.stored()
            for symbol, record in listener.records().items():
                assert time_ms(stored[symbol]) >= time_ms(record)


async def test_a_large_market_is_announced_in_several_messages(
    valkey: EmbeddedValkey, client: redis.Redis, listener: Listener
) -> None:
    symbols = [f"ETH-27NOV26-{strike}-C-USDT" for strike in range(1000)]

    harness = WriterHarness(valkey.port)
    for symbol in symbols:
        harness.table.add(symbol, 4_000_000_000_000, 1.0, "C", "USDT")
    async with RunningWriter(harness):
        listener.subscribe()
        await listener.next()
        harness.tick(symbols)
        await until(lambda: listener.listen() > 0 and len(listener.records()) == 1000)
        sizes = sorted((update.size for update in listener.updates), reverse=True)
        assert 65_536 - 300 < sizes[0] <= 65_536
        assert consecutive(listener.numbers())
        held = listener.client.mget(map(keys.record, symbols))
        assert listener.records() == dict(zip(symbols, held, strict=True))


async def test_a_subscriber_that_leaves_switches_it_off_and_a_new_one_on_again(
    valkey: EmbeddedValkey, client: redis.Redis, listener: Listener
) -> None:
    async with RunningWriter(WriterHarness(valkey.port)) as harness:
        listener.subscribe()
        await listener.next()
        listener.unsubscribe()
        await until(lambda: not harness.writer.flusher.batch.publishing)
        before = calls(client, "publish")
        harness.tick()
        await until(lambda: harness.table.pending == 0)
        await beats(client, 2)
        assert calls(client, "publish") == before
        listener.subscribe()
        await listener.next()
        # what was written before the first message is there to be read
        assert listener.stored().keys() == set(SYMBOLS)
        assert len(listener.records()) <= 1
        harness.tick(SYMBOLS[:3], markPrice="8")
        await until(lambda: listener.listen() > 0 and len(listener.records()) >= 3)
        assert listener.records().items() <= listener.stored().items()


async def test_a_subscriber_that_stays_while_the_connection_is_lost_finds_a_gap(
    valkey: EmbeddedValkey, client: redis.Redis, listener: Listener
) -> None:
    async with RunningWriter(WriterHarness(valkey.port)) as harness:
        listener.subscribe()
        harness.tick()
        await until(lambda: listener.listen() > 0 and len(listener.records()) == 20)
        number = str(client.hget(keys.FEED, "writer")).partition(":")[2]
        assert client.client_kill_filter(_id=number) == 1
        await until(lambda: listener.listen() > 0 and not consecutive(listener.numbers()))
        harness.tick(SYMBOLS[:1], markPrice="7")
        await until(lambda: harness.table.pending == 0)
        await until(lambda: listener.listen() > 0 and listener.records() == listener.stored())
        numbers = listener.numbers()
        assert numbers == sorted(set(numbers))
        assert {update.epoch for update in listener.updates} == {harness.writer.lease.epoch}


async def test_an_emptied_server_is_filled_and_all_of_it_announced(
    valkey: EmbeddedValkey, client: redis.Redis, listener: Listener
) -> None:
    async with RunningWriter(WriterHarness(valkey.port)) as harness:
        harness.tick()
        await until(lambda: harness.table.pending == 0)
        listener.subscribe()
        await listener.next()
        assert len(listener.records()) <= 1
        before = listener.channel
        client.flushall()
        await until(lambda: store_of(listener.client) not in (None, before.rpartition(":")[2]))
        listener.updates.clear()
        listener.subscribe()
        # a snapshot of now would hold nothing: what quiet symbols say must come again
        await until(lambda: listener.listen() > 0 and len(listener.records()) == 20)
        assert listener.records() == listener.stored()


async def test_without_the_right_to_the_channel_there_is_one_warning_and_all_else_works(
    valkey: EmbeddedValkey,
    client: redis.Redis,
    listener: Listener,
    caplog: pytest.LogCaptureFixture,
) -> None:
    grant(client, "listener", "on", "nopass", "allkeys", "allchannels", "+@all")
    listener.client.connection_pool.connection_kwargs.update(username="listener", password="")
    async with RunningWriter(WriterHarness(valkey.port)) as harness:
        listener.subscribe()
        await listener.next()
        grant(client, "default", "resetchannels")
        harness.tick()
        await until(lambda: not harness.writer.flusher.batch.publishing)
        await until(lambda: harness.table.pending == 0)
        refused = calls(client, "publish", "rejected_calls")
        assert refused > 0
        harness.tick(markPrice="9")
        await beats(client, 3)
        await until(lambda: harness.table.pending == 0)
        assert harness.stands_in(client)
        assert harness.writer.is_writing
        assert calls(client, "publish", "rejected_calls") == refused
        # with the right given back, the next connection announces again
        grant(client, "default", "allchannels")
        number = str(client.hget(keys.FEED, "writer")).partition(":")[2]
        client.client_kill_filter(_id=number)
        await listener.next()
    told = [record.message for record in caplog.records if "not announced" in record.message]
    assert len(told) == 1
    assert "NOPERM" in told[0]
    assert "&fastopts:updates:*" in told[0]


async def test_without_the_right_to_count_no_mirror_subscribes(
    valkey: EmbeddedValkey,
    client: redis.Redis,
    listener: Listener,
    caplog: pytest.LogCaptureFixture,
) -> None:
    grant(client, "default", "-pubsub")
    async with RunningWriter(WriterHarness(valkey.port)) as harness:
        listener.subscribe()
        harness.tick()
        await beats(client, 3)
        await until(lambda: harness.table.pending == 0)
        assert harness.stands_in(client)
        assert calls(client, "publish") == 0
        assert calls(client, "pubsub|numsub", "rejected_calls") == 1
    told = [record.message for record in caplog.records if "not announced" in record.message]
    assert len(told) == 1
    assert "+pubsub|numsub" in told[0]


async def test_a_server_that_refuses_everything_for_a_while_ends_no_announcements(
    valkey: EmbeddedValkey,
    client: redis.Redis,
    listener: Listener,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    # no heartbeat may meet the refusal before the batch does
    quicken(monkeypatch, heartbeat_s=3600.0)
    client.config_set("busy-reply-threshold", "1")

    def is_busy() -> bool:
        try:
            return not client.ping()
        except redis.ResponseError as error:
            return "BUSY" in str(error)

    client.hset(keys.FEED, mapping={"store": STORE, "db": "0"})
    listener.subscribe()
    async with RunningWriter(WriterHarness(valkey.port)) as harness:
        harness.tick()
        await until(lambda: listener.listen() > 0 and len(listener.records()) == 20)
        await until(lambda: not harness.table.dirty)
        looping = asyncio.create_task(asyncio.to_thread(client.eval, "while true do end", 0))
        await until(is_busy)
        harness.tick(markPrice="9")
        await until(lambda: not harness.writer.flusher.batch.publishing)
        client.script_kill()
        with pytest.raises(redis.ResponseError):
            await looping
        await until(lambda: harness.table.pending == 0)
        listener.updates.clear()
        harness.writer.conn_closed(2)  # leads to a heartbeat
        await listener.next()
        harness.tick(markPrice="10")
        await until(lambda: listener.listen() > 0 and len(listener.records()) == 20)
        assert listener.records() == listener.stored()
    assert "BUSY" in caplog.text
    assert "not announced" not in caplog.text
