"""What a batch announces to subscribers of a store."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fastopts import keys
from fastopts.venues.bybit.fields import TICKER_FIELDS, TOPIC_PREFIX
from tests.core.batch_harness import EXPIRY, BatchHarness
from tests.support import payloads
from tests.support.oracle import Update, read_update
from tests.support.payloads import SYMBOL, T0
from tests.support.store import CHANNEL

OTHER = "ETH-27NOV26-3000-P"
DENIED = "NOPERM No permissions to access a channel"


@pytest.fixture
def harness(harness: BatchHarness) -> BatchHarness:
    harness.table.add(OTHER, EXPIRY, 3_000.0, "P", "USDC")
    return harness


def updates_of(harness: BatchHarness) -> list[Update]:
    """What was published since the last call."""
    published, harness.redis.published = harness.redis.published, []
    assert {channel for channel, _ in published} <= {CHANNEL}
    return [read_update(message) for _, message in published]


def announced(harness: BatchHarness) -> list[str]:
    return [symbol for update in updates_of(harness) for symbol, _ in update.records]


def test_nothing_is_announced_before_publishing_is_on(harness: BatchHarness) -> None:
    assert not harness.batch.publishing
    harness.send(payloads.ticker())
    harness.flush()
    harness.batch.publishing = True
    assert harness.flush() == []
    assert updates_of(harness) == []


def test_announcements_follow_the_same_commands_as_without_them(core: Any) -> None:
    silent, harness = BatchHarness(core), BatchHarness(core)
    harness.batch.publishing = True
    for frame in (
        payloads.ticker(),
        payloads.ticker(ts=T0 + 1, markPrice="7"),
        payloads.ticker(ts=T0 + 2, bidIv=""),
    ):
        for one in (silent, harness):
            one.send(frame)
        plain = silent.batch.encode(T0)
        payload = harness.batch.encode(T0)
        assert payload.startswith(plain)
        assert payload[len(plain) :].startswith(
            b"*3\r\n$7\r\nPUBLISH\r\n$33\r\nfastopts:updates:0123456789abcdef\r\n"
        )
        for one, sent in ((silent, plain), (harness, payload)):
            replies = one.redis.feed(sent)
            one.batch.acknowledge(memoryview(replies), 0, len(replies))
            one.flush()


def test_a_message_holds_what_the_batch_has_written(harness: BatchHarness) -> None:
    harness.batch.publishing = True
    harness.send(payloads.ticker())
    harness.send(payloads.ticker(OTHER))
    first = harness.flush()
    # one message behind both; the second write of each, with the expiry, is no news
    assert [words[0] for words in first].index("PUBLISH") == 4
    harness.send(payloads.ticker(OTHER, ts=T0 + 1, markPrice="9"))
    harness.flush()
    [both, one] = updates_of(harness)
    assert (both.epoch, both.number, one.epoch, one.number) == (5, 1, 5, 2)
    assert [symbol for symbol, _ in both.records] == [SYMBOL, OTHER]
    assert dict(both.records)[SYMBOL] == harness.redis.keys[keys.record(SYMBOL)]
    assert one.records == [(OTHER, harness.redis.keys[keys.record(OTHER)])]


def test_a_rest_row_is_news_and_so_is_a_rolling_whole_write(harness: BatchHarness) -> None:
    harness.batch.publishing = True
    harness.table.put_rest(SYMBOL, {"mp": "5"}, T0, T0)
    harness.flush()
    assert announced(harness) == [SYMBOL]
    harness.table.mark_whole(2)
    assert [words[0] for words in harness.flush()] == [
        "MULTI",
        "HSET",
        "HDEL",
        "EXEC",
        "EXPIRE",
        "SET",
        "PUBLISH",
    ]
    assert announced(harness) == [SYMBOL]


def test_everything_is_news_to_a_server_that_may_know_nothing(harness: BatchHarness) -> None:
    harness.send(payloads.ticker())
    harness.send(payloads.ticker(OTHER))
    harness.flush()
    harness.batch.publishing = True
    harness.table.mark_whole()
    harness.flush()
    assert announced(harness) == [SYMBOL, OTHER]


def test_new_terms_are_news_with_the_next_write(harness: BatchHarness) -> None:
    harness.batch.publishing = True
    harness.send(payloads.ticker())
    harness.flush()
    harness.table.add(SYMBOL, EXPIRY + 1, 90_000.0, "C", "USDT")
    harness.table.mark_whole(1)
    harness.flush()
    [_, update] = updates_of(harness)
    assert update.records == [(SYMBOL, harness.redis.keys[keys.record(SYMBOL)])]


def test_there_is_no_publishing_without_a_channel(core: Any) -> None:
    batch = core.Batch(core.Table(core.Grammar(TOPIC_PREFIX, TICKER_FIELDS)))
    with pytest.raises(RuntimeError, match="no channel"):
        batch.publishing = True
    for name in ("", "x" * 65, "two\r\nlines", "\0", "ü"):
        with pytest.raises(ValueError, match="invalid channel"):
            batch.channel = name
    with pytest.raises(TypeError):
        batch.channel = None
    batch.channel = "x" * 64
    batch.publishing = True
    assert (batch.channel, batch.publishing) == ("x" * 64, True)


def test_records_of_another_store_go_out_on_its_channel(harness: BatchHarness) -> None:
    harness.batch.publishing = True
    harness.send(payloads.ticker())
    harness.flush()
    harness.batch.channel = "fastopts:updates:fedcba9876543210"
    harness.send(payloads.ticker(ts=T0 + 1))
    harness.flush()
    assert [channel for channel, _ in harness.redis.published] == [
        CHANNEL,
        "fastopts:updates:fedcba9876543210",
    ]


def test_a_pulse_takes_the_next_number(harness: BatchHarness) -> None:
    harness.batch.publishing = True
    pulse = read_update(harness.batch.pulse())
    assert (pulse.size, pulse.epoch, pulse.number, pulse.records) == (16, 5, 1, [])
    harness.send(payloads.ticker())
    harness.flush()
    assert [update.number for update in updates_of(harness)] == [2]
    assert read_update(harness.batch.pulse()).number == 3


def test_a_pause_leaves_a_gap(harness: BatchHarness) -> None:
    harness.batch.publishing = True
    assert read_update(harness.batch.pulse()).number == 1
    harness.batch.publishing = True
    assert read_update(harness.batch.pulse()).number == 2
    harness.batch.publishing = False
    harness.batch.publishing = False
    harness.batch.publishing = True
    assert read_update(harness.batch.pulse()).number == 4


def test_what_a_lost_connection_may_have_lost_is_announced_again_behind_a_gap(
    harness: BatchHarness,
) -> None:
    harness.batch.publishing = True
    harness.send(payloads.ticker())
    harness.flush()
    harness.send(payloads.ticker(OTHER))
    harness.batch.encode(T0)
    harness.batch.abandon()
    assert harness.batch.done
    assert not harness.batch.publishing
    harness.batch.publishing = True
    harness.flush()
    [first, again] = updates_of(harness)
    assert (first.number, again.number) == (1, 4)
    assert [symbol for symbol, _ in again.records] == [OTHER]


def test_a_refused_slot_is_announced_again_once_it_is_written(harness: BatchHarness) -> None:
    harness.batch.publishing = True
    harness.redis.refusing = {keys.option(SYMBOL)}
    harness.send(payloads.ticker())
    harness.flush()
    updates_of(harness)
    harness.redis.refusing = set()
    harness.table.release()
    harness.flush()
    assert announced(harness) == [SYMBOL]


def test_a_refused_message_is_no_slots_fault(harness: BatchHarness) -> None:
    harness.batch.publishing = True
    harness.redis.refusing = {CHANNEL}
    harness.send(payloads.ticker())
    replies = harness.redis.feed(harness.batch.encode(T0))
    harness.batch.acknowledge(memoryview(replies), 0, len(replies))
    assert harness.batch.done
    assert harness.batch.publish_error == DENIED
    assert harness.batch.errors == []
    assert (harness.table.written, harness.table.pending) == (1, 0)
    harness.redis.refusing = set()
    harness.flush()
    assert harness.batch.publish_error is None


def test_a_batch_is_done_with_the_reply_to_its_last_message(harness: BatchHarness) -> None:
    harness.batch.publishing = True
    harness.send(payloads.ticker())
    replies = harness.redis.feed(harness.batch.encode(T0))
    assert replies.endswith(b"+OK\r\n:1\r\n")
    before_last = len(replies) - len(b":1\r\n")
    harness.batch.acknowledge(memoryview(replies), 0, before_last)
    assert harness.table.written == 1
    assert not harness.batch.done
    with pytest.raises(RuntimeError, match="not acknowledged"):
        harness.batch.encode(T0)
    assert harness.batch.acknowledge(memoryview(replies), before_last, len(replies)) == len(replies)
    assert harness.batch.done


def test_replies_to_messages_may_come_byte_by_byte(harness: BatchHarness) -> None:
    harness.batch.publishing = True
    harness.redis.refusing = {CHANNEL}
    harness.send(payloads.ticker())
    harness.batch.encode(T0)
    harness.batch.abandon()
    harness.batch.publishing = True
    replies = harness.redis.feed(harness.batch.encode(T0))
    start = 0
    for end in range(1, len(replies) + 1):
        start = harness.batch.acknowledge(memoryview(replies), start, end)
    assert harness.batch.done
    assert harness.batch.publish_error == DENIED
    assert harness.table.written == 1


def entry_size(symbol: str) -> int:
    return 1 + len(symbol) + 256


@settings(max_examples=40)
@given(runs=st.lists(st.tuples(st.integers(4, 40), st.integers(1, 300)), min_size=1, max_size=4))
@example(runs=[(40, 220)])  # 16 + 220 * 297 = 65,356: one more does not fit
@example(runs=[(40, 221)])
@example(runs=[(23, 234)])  # 16 + 234 * 280 = 65,536 to the byte
@example(runs=[(23, 235)])
def test_a_message_holds_as_much_as_it_may(core: Any, runs: list[tuple[int, int]]) -> None:
    harness = BatchHarness(core)
    lengths = [length for length, count in runs for _ in range(count)]
    symbols = [f"{i:X}".ljust(length, "-") for i, length in enumerate(lengths, 0x1000)]
    for symbol in symbols:
        harness.table.add(symbol, EXPIRY, 1.0, "C", "USDT")
        harness.table.put_rest(symbol, {"mp": "5"}, T0, T0)
    harness.batch.publishing = True
    replies = harness.redis.feed(harness.batch.encode(T0, limit=1 << 30))
    harness.batch.acknowledge(memoryview(replies), 0, len(replies))
    assert harness.batch.done
    updates = updates_of(harness)
    assert [update.number for update in updates] == list(range(1, len(updates) + 1))
    records = [record for update in updates for record in update.records]
    assert records == [(symbol, harness.redis.keys[keys.record(symbol)]) for symbol in symbols]
    assert all(update.size <= 65_536 for update in updates)
    for update, following in pairwise(updates):
        assert update.size + entry_size(following.records[0][0]) > 65_536
