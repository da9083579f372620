"""Dirty slots -> commands; replies -> written or refused."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastopts import keys
from fastopts.errors import StoreError
from fastopts.net.redis.resp import pack
from fastopts.venues.bybit.fields import TICKER_FIELDS, TOPIC_PREFIX
from tests.core.batch_harness import EXPIRY, BatchHarness
from tests.core.conftest import load
from tests.core.modelredis import ModelRedis
from tests.support import payloads
from tests.support.oracle import read_update
from tests.support.payloads import SYMBOL, T0, dump
from tests.support.store import CHANNEL

OPTION, RECORD = f"option:{SYMBOL}", f"optrec:{SYMBOL}"
HOUR = 3600 * 1000

# No EXPIRE before the key is known to be ours.
FIRST_WRITE = ["HSET", "SET", "HSET", "EXPIRE", "SET"]


def names(commands: list[list[Any]]) -> list[str]:
    return [command[0] for command in commands]


def test_nothing_dirty_encodes_to_nothing(harness: BatchHarness) -> None:
    assert harness.batch.encode(T0) == b""
    assert harness.batch.done


def test_the_first_tick_is_written_whole_with_expiries(harness: BatchHarness) -> None:
    harness.send(payloads.ticker())
    assert names(harness.flush()) == FIRST_WRITE
    assert harness.redis.hash(OPTION) == harness.table.fields(SYMBOL)
    assert list(harness.redis.hash(OPTION)) == list(harness.table.fields(SYMBOL))
    assert harness.redis.keys[RECORD] == harness.table.record(SYMBOL)
    assert harness.redis.ttl_s == {OPTION: 24 * 3600, RECORD: 24 * 3600}
    assert (harness.table.written, harness.table.pending) == (1, 0)


def test_then_only_what_changed_is_written(harness: BatchHarness) -> None:
    harness.send(payloads.ticker())
    harness.flush()
    harness.send(
        payloads.ticker(ts=T0 + 5, sequence=71_001, markPrice="7", bidPrice="8"), rt=T0 + 9
    )
    commands = harness.flush()
    assert commands[0] == [
        *("HSET", OPTION, "tm", str(T0 + 5), "rt", str(T0 + 9), "mp", "7", "bp", "8")
    ]
    assert commands[1][0::3] == ["SET", "KEEPTTL"]
    assert len(commands) == 2
    assert harness.redis.hash(OPTION) == harness.table.fields(SYMBOL)
    assert harness.redis.keys[RECORD] == harness.table.record(SYMBOL)


def test_the_same_tick_again_is_still_a_command_that_a_server_takes(harness: BatchHarness) -> None:
    harness.send(payloads.ticker(), rt=T0)
    harness.flush()
    harness.send(payloads.ticker(), rt=T0)
    assert harness.flush()[0] == ["HSET", OPTION, "tm", str(T0)]
    assert (harness.table.written, harness.table.pending) == (2, 0)


def test_a_field_that_is_no_more_goes_with_the_same_transaction(harness: BatchHarness) -> None:
    harness.send(payloads.ticker())
    harness.flush()
    harness.send(payloads.ticker(ts=T0 + 5, bidPrice="", bidIv=None))
    commands = harness.flush()
    assert names(commands) == ["MULTI", "HSET", "HDEL", "EXEC", "SET"]
    assert commands[2] == ["HDEL", OPTION, "bp", "biv"]
    assert harness.redis.hash(OPTION) == harness.table.fields(SYMBOL)
    harness.send(payloads.ticker(ts=T0 + 6))
    assert names(harness.flush()) == ["HSET", "SET"]
    assert harness.redis.hash(OPTION) == harness.table.fields(SYMBOL)
    assert harness.table.vanished == 0


def test_a_whole_write_clears_what_an_earlier_writer_left(harness: BatchHarness) -> None:
    harness.redis.keys[OPTION] = {b"bp": b"1", b"sq": b"9", b"mp": b"2"}
    harness.send(payloads.ticker(bidPrice="") | {"id": "x"})
    transaction = ["MULTI", "HSET", "HDEL", "EXEC"]
    assert names(harness.flush()) == [*transaction, "SET", *transaction, "EXPIRE", "SET"]
    assert harness.redis.hash(OPTION) == harness.table.fields(SYMBOL)


@pytest.mark.parametrize("with_hdel", [False, True])
def test_a_key_that_vanished_is_noticed_and_written_whole(
    harness: BatchHarness, with_hdel: bool
) -> None:
    harness.send(payloads.ticker())
    harness.flush()
    harness.redis.keys.clear()
    harness.redis.ttl_s.clear()
    harness.send(payloads.ticker(ts=T0 + 5, markPrice="7", bidIv="" if with_hdel else "0.1"))
    if with_hdel:
        harness.redis.keys[OPTION] = {b"biv": b"1"}
    harness.flush()
    assert harness.table.vanished == 1
    assert harness.redis.hash(OPTION) == harness.table.fields(SYMBOL)
    assert harness.redis.ttl_s == {OPTION: 24 * 3600, RECORD: 24 * 3600}
    assert (harness.table.written, harness.table.pending, harness.table.dirty) == (2, 0, 0)


def test_the_rolling_whole_write_reaches_every_symbol_once_a_round(harness: BatchHarness) -> None:
    symbols = [SYMBOL, *(f"BTC-27NOV26-{strike}-P" for strike in range(5))]
    for symbol in symbols[1:]:
        harness.table.add(symbol, EXPIRY, 1.0, "P", "USDC")
    for symbol in symbols[:-1]:
        harness.send(payloads.ticker(symbol))
    harness.flush()
    seen = []
    for _ in range(3):
        harness.table.mark_whole(2)
        commands = harness.flush()
        seen += [command[1] for command in commands if command[0] == "HSET"]
    assert seen == [f"option:{symbol}" for symbol in symbols[:-1]]  # the last holds nothing yet
    assert harness.table.written == 5


def test_a_rest_row_is_written_and_not_counted(harness: BatchHarness) -> None:
    harness.table.put_rest(SYMBOL, {"mp": "5"}, T0, T0)
    harness.flush()
    assert harness.redis.hash(OPTION)["cn"] == "rest"
    assert (harness.table.written, harness.table.pending, harness.table.applied) == (0, 0, 0)


def test_the_expiry_is_renewed_after_six_hours_and_ends_four_after_delivery(
    harness: BatchHarness,
) -> None:
    def ttl_s(now_ms: int) -> int:
        harness.table.mark_whole()
        harness.flush(now_ms)
        assert harness.redis.ttl_s[OPTION] == harness.redis.ttl_s[RECORD]
        return harness.redis.ttl_s[OPTION]

    harness.send(payloads.ticker())
    assert ttl_s(T0) == 24 * 3600
    assert ttl_s(T0 + HOUR) == 23 * 3600
    assert ttl_s(T0 + 6 * HOUR) == 24 * 3600
    assert ttl_s(EXPIRY - HOUR) == 5 * 3600
    assert ttl_s(EXPIRY + 6 * HOUR) == 60


def test_a_refused_slot_waits_for_its_release_and_conflates(harness: BatchHarness) -> None:
    harness.redis.refusing = {OPTION}
    harness.send(payloads.ticker())
    harness.flush()
    [(symbol, words)] = harness.batch.errors
    assert symbol == SYMBOL
    assert words.startswith("WRONGTYPE")
    harness.send(payloads.ticker(ts=T0 + 1))
    assert harness.flush() == []
    assert (harness.table.pending, harness.table.conflated, harness.table.written) == (1, 1, 0)
    harness.redis.refusing = set()
    assert harness.table.release() == 1
    assert names(harness.flush()) == FIRST_WRITE
    assert (harness.table.pending, harness.table.written) == (0, 1)
    assert harness.batch.errors == []
    assert harness.redis.hash(OPTION) == harness.table.fields(SYMBOL)


def test_one_refused_symbol_does_not_hold_up_the_others(harness: BatchHarness) -> None:
    other = "ETH-27NOV26-3000-P"
    harness.table.add(other, EXPIRY, 3_000.0, "P", "USDC")
    harness.redis.refusing = {OPTION}
    harness.send(payloads.ticker(bidIv=""))
    harness.send(payloads.ticker(other))
    harness.flush()
    assert [symbol for symbol, _ in harness.batch.errors] == [SYMBOL]
    assert harness.redis.hash(f"option:{other}") == harness.table.fields(other)
    assert harness.table.release(other) == 0
    assert harness.table.release(SYMBOL) == 1


def test_a_tick_that_comes_while_the_last_is_on_its_way_is_written_next(
    harness: BatchHarness,
) -> None:
    harness.send(payloads.ticker())
    payload = harness.batch.encode(T0)
    harness.send(payloads.ticker(ts=T0 + 1, markPrice="9"))
    assert (harness.table.pending, harness.table.conflated) == (2, 0)
    replies = harness.redis.feed(payload)
    harness.batch.acknowledge(memoryview(bytearray(replies)), 0, len(replies))
    assert (harness.table.pending, harness.table.written, harness.table.dirty) == (1, 1, 1)
    harness.flush()
    assert harness.redis.hash(OPTION)["mp"] == "9"
    harness.check_books()


def test_how_long_a_tick_waited_is_counted_when_it_is_sent_and_again_when_it_must_be(
    harness: BatchHarness,
) -> None:
    harness.send(payloads.ticker(), rt=T0)
    harness.batch.encode(T0 + 99_000, taken_ms=T0 + 4)
    assert harness.table.waits.counts[2] == 1
    assert harness.table.waits.sum_ms == 4
    harness.batch.abandon()
    harness.flush(T0 + 6)
    assert harness.table.waits.sum_ms == 10
    harness.table.mark_whole()
    harness.table.put_rest(SYMBOL, {"mp": "3"}, T0 + 1, T0 + 1)
    harness.flush(T0 + 99)
    assert (sum(harness.table.waits.counts), harness.table.waits.sum_ms) == (2, 10)


@pytest.mark.parametrize("newer", [False, True])
def test_an_abandoned_batch_goes_again_whole(harness: BatchHarness, newer: bool) -> None:
    harness.send(payloads.ticker())
    harness.flush()
    harness.send(payloads.ticker(ts=T0 + 1))
    harness.batch.encode(T0)
    if newer:
        harness.send(payloads.ticker(ts=T0 + 2))
    harness.batch.abandon()
    assert harness.batch.done
    assert (harness.table.pending, harness.table.conflated) == (1, int(newer))
    assert names(harness.flush()) == ["HSET", "EXPIRE", "SET"]
    assert harness.table.pending == 0
    harness.check_books()


def test_a_refused_slot_with_a_newer_tick_counts_one_pending(harness: BatchHarness) -> None:
    harness.redis.refusing = {OPTION}
    harness.send(payloads.ticker())
    replies = harness.redis.feed(harness.batch.encode(T0))
    harness.send(payloads.ticker(ts=T0 + 1))
    harness.batch.acknowledge(memoryview(bytearray(replies)), 0, len(replies))
    assert (harness.table.pending, harness.table.conflated, harness.table.dirty) == (1, 1, 0)
    harness.check_books()


def test_a_batch_is_bounded_and_the_longest_waiting_go_first(harness: BatchHarness) -> None:
    symbols = [f"BTC-27NOV26-{strike}-P" for strike in range(100)]
    for symbol in symbols:
        harness.table.add(symbol, EXPIRY, 1.0, "P", "USDC")
        harness.send(payloads.ticker(symbol))
    seen = []
    while harness.table.dirty:
        payload = harness.batch.encode(T0, limit=10_000)
        assert len(payload) < 14_096
        replies = harness.redis.feed(payload)
        harness.batch.acknowledge(memoryview(bytearray(replies)), 0, len(replies))
    seen = [command[1] for command in harness.redis.commands if command[0] == "HSET"]
    assert seen == 2 * [f"option:{symbol}" for symbol in symbols]


def test_a_retired_symbol_is_gone_once_written(harness: BatchHarness) -> None:
    harness.send(payloads.ticker())
    harness.table.retire(SYMBOL)
    harness.flush()
    assert SYMBOL not in harness.table
    assert len(harness.table) == 0


def test_replies_may_come_byte_by_byte(harness: BatchHarness) -> None:
    for i in range(3):
        harness.send(payloads.ticker(ts=T0 + i, bidIv="" if i == 1 else "0.1"))
        harness.flush(step=1)
    assert harness.table.written == 3


def test_a_batch_is_encoded_only_when_the_last_is_acknowledged(harness: BatchHarness) -> None:
    harness.send(payloads.ticker())
    harness.batch.encode(T0)
    with pytest.raises(RuntimeError, match="not acknowledged"):
        harness.batch.encode(T0)


@pytest.mark.parametrize("reply", [b"!x\r\n", b"HTTP/1.1 400\r\n", b":12x\r\n"])
def test_bytes_that_are_no_resp_are_an_error(harness: BatchHarness, reply: bytes) -> None:
    harness.send(payloads.ticker())
    harness.batch.encode(T0)
    with pytest.raises(StoreError, match="not RESP"):
        harness.batch.acknowledge(memoryview(bytearray(reply)), 0, len(reply))


SYMBOLS = ("BTC-27NOV26-1-C", "BTC-27NOV26-2-P-USDT", "ETH-27NOV26-3-C", "SOL-27NOV26-0.4-P-USDT")
TEXTS = st.sampled_from([None, "", "0", "1", "1.5", "x"])
FIELDS = st.dictionaries(st.sampled_from(["bidPrice", "markPrice", "delta"]), TEXTS)
STEPS = st.one_of(
    st.tuples(
        st.sampled_from(["tick", "delta"]),
        st.sampled_from(SYMBOLS),
        st.integers(0, 6),
        st.integers(1, 2),
        FIELDS,
    ),
    st.tuples(st.just("poison"), st.sampled_from(SYMBOLS), st.sampled_from([0, 10**15])),
    st.tuples(st.just("rest"), st.sampled_from(SYMBOLS), st.integers(0, 6), TEXTS),
    st.tuples(st.just("deliver"), st.integers(1, 2), st.booleans()),
    st.tuples(st.just("skew"), st.sampled_from([-70_000, -3, 0, 1500])),
    st.tuples(
        st.just("encode"), st.sampled_from([1, 3000, 1 << 20]), st.sampled_from([None, -9, 0, 4500])
    ),
    st.tuples(st.just("acknowledge"), st.integers(1, 400)),
    st.tuples(st.just("refuse"), st.sampled_from(SYMBOLS), st.booleans()),
    st.tuples(st.sampled_from(["abandon", "lose", "wipe", "release", "junk"])),
    st.tuples(st.sampled_from(["publish", "refuse_channel"]), st.booleans()),
    st.tuples(st.sampled_from(["retire", "add", "suspect"]), st.sampled_from(SYMBOLS)),
    st.tuples(st.just("whole"), st.sampled_from([None, 1, 2])),
)
COUNTERS = (
    *("received", "applied", "older", "written", "conflated", "pending", "bad_fields"),
    *("deltas", "vanished", "rejected", "dirty", "samples", "suspects", "suspects_now"),
    *("missing_fields", "ages", "waits"),
)


class SnapshotSubscriber:
    """Takes a snapshot with the first message and at each gap, and the records of the others."""

    def __init__(self, redis: ModelRedis) -> None:
        self.known: dict[str, bytes] = {}
        self._redis = redis
        self._number = -1

    def snapshot(self) -> dict[str, bytes]:
        prefix = keys.record("")
        held = self._redis.keys.items()
        return {k.removeprefix(prefix): v for k, v in held if k.startswith(prefix)}

    def listen(self) -> None:
        for _, message in self._redis.published:
            update = read_update(message)
            assert update.number > self._number
            if update.number != self._number + 1:
                self.known = self.snapshot()
            self.known.update(update.records)
            self._number = update.number
        self._redis.published.clear()


class Twin(BatchHarness):
    """One implementation walking through a random history."""

    def __init__(self, core: Any) -> None:
        super().__init__(core)
        self.now = T0
        self.replies = bytearray()
        self.unread = bytearray()
        self.unknown: list[list[str]] = []
        self.subscriber = SnapshotSubscriber(self.redis)
        self.is_wiped = False
        for symbol in SYMBOLS:
            self.table.add(symbol, EXPIRY, 1.0, "C", "USDT")

    def step(self, name: str, *args: Any) -> Any:
        self.now += 1_000
        return getattr(self, f"do_{name}")(*args)

    def _send(self, frame: dict[str, Any], conn: int) -> None:
        inlet = self.table.inlet(conn)
        inlet.message(dump(frame), self.now)
        self.unknown.append([symbol for symbol, _ in inlet.unknown_tickers])

    def do_tick(self, symbol: str, ts: int, conn: int, fields: dict[str, Any]) -> None:
        self._send(payloads.ticker(symbol, T0 + ts, sequence=ts % 3, **fields), conn)

    def do_delta(self, symbol: str, ts: int, conn: int, fields: dict[str, Any]) -> None:
        self._send(payloads.delta(symbol, T0 + ts, **fields), conn)

    def do_poison(self, symbol: str, ts: int) -> None:
        self._send(payloads.ticker(symbol, ts), 1)

    def do_rest(self, symbol: str, ts: int, text: str | None) -> Any:
        if symbol not in self.table:
            return None
        row = {"mp": "3"} if text is None else {"mp": "3", "bp": text}
        return self.table.put_rest(symbol, row, T0 + ts, self.now)

    def do_deliver(self, conn: int, on: bool) -> None:
        (self.table.delivering.add if on else self.table.delivering.discard)(conn)

    def do_skew(self, skew_ms: int) -> None:
        self.table.skew_ms = skew_ms

    def do_encode(self, limit: int, apart_ms: int | None) -> Any:
        if not self.batch.done:
            return None
        taken_ms = None if apart_ms is None else self.now + apart_ms
        payload = self.batch.encode(self.now, limit, taken_ms)
        self.replies += self.redis.feed(payload)
        self.subscriber.listen()
        return payload

    def do_acknowledge(self, size: int) -> Any:
        """Let *size* more bytes arrive."""
        self.unread += self.replies[:size]
        del self.replies[:size]
        view = memoryview(bytes(self.unread))
        del self.unread[: self.batch.acknowledge(view, 0, len(view))]
        if self.batch.done and self.batch.publish_error:
            self.batch.publishing = False
        return self.batch.done, sorted(self.batch.errors), self.batch.publish_error

    def do_refuse(self, symbol: str, on: bool) -> None:
        (self.redis.refusing.add if on else self.redis.refusing.discard)(f"option:{symbol}")

    def do_abandon(self) -> None:
        self.batch.abandon()
        self.replies.clear()
        self.unread.clear()

    def do_lose(self) -> Any:
        """Lose the connection before a batch arrives."""
        payload = self.batch.encode(self.now) if self.batch.done else None
        self.do_abandon()
        return payload

    def do_publish(self, on: bool) -> Any:
        """Do as at a heartbeat: no batch is under way then."""
        if not self.batch.done:
            return None
        self.batch.publishing = on
        if not on:
            return None
        pulse = self.batch.pulse()
        if self.redis.feed(pack("PUBLISH", CHANNEL, pulse)) != b":1\r\n":
            self.batch.publishing = False
        self.subscriber.listen()
        return pulse

    def do_refuse_channel(self, on: bool) -> None:
        (self.redis.refusing.add if on else self.redis.refusing.discard)(CHANNEL)

    def do_wipe(self) -> None:
        self.redis.keys.clear()
        self.is_wiped = True

    def do_release(self) -> Any:
        return self.table.release()

    def do_junk(self) -> None:
        self.table.inlet(1).message(b"{", self.now)

    def do_retire(self, symbol: str) -> None:
        if symbol in self.table:
            self.table.retire(symbol)

    def do_suspect(self, symbol: str) -> Any:
        return self.table.mark_suspect(symbol) if symbol in self.table else None

    def do_add(self, symbol: str) -> None:
        self.table.add(symbol, EXPIRY, 1.0, "C", "USDT")

    def do_whole(self, count: int | None) -> None:
        self.table.mark_whole(count)

    def state(self) -> Any:
        table = self.table
        held = [symbol for symbol in SYMBOLS if symbol in table and table.origin_of(symbol)[0]]
        return (
            [getattr(table, name) for name in COUNTERS],
            [(s, table.fields(s), table.record(s), table.origin_of(s)[0]) for s in held],
            len(table),
            self.unknown,
        )

    def settle(self) -> None:
        """Let everything reach Redis, as after a reconnect."""
        self.redis.refusing.clear()
        self.do_abandon()
        self.table.release()
        self.table.mark_whole()
        self.do_publish(True)
        while self.table.dirty:
            self.flush(self.now)
        self.subscriber.listen()

    def catch_up(self) -> None:
        """Let all answers arrive, and write what is dirty while it is announced."""
        self.redis.refusing.clear()
        self.do_acknowledge(len(self.replies))
        self.do_publish(True)
        self.flush(self.now)
        self.subscriber.listen()

    def check_subscriber(self) -> None:
        """While changes are announced to it, its state equals that of Redis."""
        if self.batch.publishing and self.batch.done and not self.is_wiped:
            assert self.subscriber.known == self.subscriber.snapshot()


@settings(max_examples=300)
@given(st.lists(STEPS, max_size=60))
def test_both_implementations_walk_through_any_history_alike(steps: list[tuple[Any, ...]]) -> None:
    twins = [Twin(load("pure")), Twin(load("compiled"))]
    for step in steps:
        results = [twin.step(*step) for twin in twins]
        assert results[0] == results[1], step
        assert twins[0].state() == twins[1].state(), step
        for twin in twins:
            twin.check_books()
            twin.check_subscriber()
    for twin in twins:
        twin.catch_up()
        twin.check_subscriber()
        twin.settle()
        assert twin.subscriber.known == twin.subscriber.snapshot()
        assert twin.table.pending == 0
        for symbol in SYMBOLS:
            if symbol in twin.table and twin.table.origin_of(symbol)[0]:
                assert twin.redis.hash(f"option:{symbol}") == twin.table.fields(symbol)
                assert twin.redis.keys[f"optrec:{symbol}"] == twin.table.record(symbol)
        twin.check_books()
    assert twins[0].redis.keys == twins[1].redis.keys


def test_a_refusal_takes_only_its_own_slot_out_of_the_queue(harness: BatchHarness) -> None:
    other = "BTC-27NOV26-95000-C-USDT"
    harness.table.add(other, EXPIRY, 95_000.0, "C", "USDT")
    harness.redis.refusing = {keys.option(SYMBOL)}
    harness.send(payloads.ticker())
    payload = harness.batch.encode(T0)
    replies = harness.redis.feed(payload)
    for symbol in (other, SYMBOL):
        harness.send(payloads.ticker(symbol, ts=T0 + 1))
    harness.batch.acknowledge(memoryview(replies), 0, len(replies))
    assert [symbol for symbol, _ in harness.batch.errors] == [SYMBOL]
    assert harness.table.dirty == 1
    harness.flush()
    assert harness.redis.hash(keys.option(other))["tm"] == str(T0 + 1)
    assert keys.option(SYMBOL) not in harness.redis.keys
    harness.check_books()


def test_a_clock_before_1970_is_written_as_it_is(harness: BatchHarness) -> None:
    harness.send(payloads.ticker(), rt=-5)
    harness.flush()
    assert harness.redis.hash(keys.option(SYMBOL))["rt"] == "-5"


def test_a_refusal_without_words_is_one_too(harness: BatchHarness) -> None:
    harness.send(payloads.ticker())
    replies = b"-\r\n" * len(harness.redis.feed(harness.batch.encode(T0)).split(b"\r\n")[:-1])
    harness.batch.acknowledge(memoryview(replies), 0, len(replies))
    assert harness.batch.errors == [(SYMBOL, "")]


@pytest.mark.parametrize(("start", "end"), [(-1, 1), (0, 4), (2, 1)])
def test_a_part_outside_the_answer_is_an_error(core: Any, start: int, end: int) -> None:
    if core.name == "compiled":
        batch = core.Batch(core.Table(core.Grammar(TOPIC_PREFIX, TICKER_FIELDS)))
        with pytest.raises(ValueError, match="no such part"):
            batch.acknowledge(memoryview(b"+OK"), start, end)


def test_an_answer_to_nothing_is_seen_by_the_twin(harness: BatchHarness, core: Any) -> None:
    if core.name == "pure":
        with pytest.raises(StoreError, match="more replies than commands"):
            harness.batch.acknowledge(memoryview(b"+OK\r\n"), 0, 5)
    else:
        assert harness.batch.acknowledge(memoryview(b"+OK\r\n"), 0, 5) == 0
