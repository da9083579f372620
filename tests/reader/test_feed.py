"""The feed: which connections are live, to the millisecond; feeds that can't be read or go back."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastopts.reader import (
    FeedDown,
    NotYetLive,
    OptionReader,
    StoreError,
)
from fastopts.reader.freshness.feed import Feed, RollbackDetector
from tests.support.store import CALL, EPOCH, Store

NOW, BEAT_LIMIT, WATCHDOG = 1_795_348_800_000, 5000, 12_000


def feed_of(beat_ms: int, conns: dict[int, int]) -> Feed:
    fields = {"venue": "bybit", "epoch": EPOCH, "heartbeat_ms": beat_ms}
    fields |= {"heartbeat_limit_ms": BEAT_LIMIT, "watchdog_limit_ms": WATCHDOG}
    fields |= {f"conn:{conn}": at for conn, at in conns.items()}
    return Feed({name.encode(): str(value).encode() for name, value in fields.items()})


def live(beat_ms: int, conns: dict[int, int], now_ms: int) -> set[int]:
    """The conns that are live, spelled from the contract."""
    is_alive = beat_ms > 0 and abs(now_ms - beat_ms) <= BEAT_LIMIT
    return {conn for conn, at in conns.items() if is_alive and now_ms - at <= WATCHDOG}


TIMES = st.integers(NOW - 20_000, NOW + 20_000)


@given(TIMES | st.just(0), st.dictionaries(st.integers(0, 5), TIMES | st.just(0)), st.lists(TIMES))
def test_a_conn_is_live_as_the_contract_has_it_in_any_order_of_asking(
    beat_ms: int, conns: dict[int, int], asked: list[int]
) -> None:
    feed = feed_of(beat_ms, conns)
    for now_ms in asked:
        assert feed.live_conns(now_ms) == live(beat_ms, conns, now_ms)


@pytest.mark.parametrize(
    ("beat_age_ms", "conn_age_ms", "is_live"),
    [
        *[(0, 0, True), (BEAT_LIMIT, 0, True), (BEAT_LIMIT + 1, 0, False)],
        *[(0, WATCHDOG, True), (0, WATCHDOG + 1, False)],
        *[(-BEAT_LIMIT, 0, True), (-BEAT_LIMIT - 1, 0, False)],
    ],
)
def test_the_limits_are_to_the_millisecond(
    beat_age_ms: int, conn_age_ms: int, is_live: bool
) -> None:
    feed = feed_of(NOW - beat_age_ms, {3: NOW - conn_age_ms})
    assert feed.live_conns(NOW) == ({3} if is_live else set())


def test_a_heartbeat_from_the_future_does_not_count(store: Store, reader: OptionReader) -> None:
    store.tick()
    store.feed(beat_s=-3600)  # the server's clock was set back by an hour
    with pytest.raises(FeedDown, match=r"last heartbeat is 3[56]\d\d\.\d s in the future"):
        reader.get(CALL)
    assert not reader.feed().alive
    store.feed(beat_s=-2)
    assert reader.get(CALL).live


@pytest.mark.parametrize(
    "fields",
    [
        {"epoch": "x"},
        {"heartbeat_ms": ""},
        {"conn:x": "1"},
        {"venue": b"\xff"},
        {"coverage": "a/b"},
    ],
)
def test_a_malformed_feed_is_an_error(
    store: Store, reader: OptionReader, fields: dict[str, Any]
) -> None:
    store.tick()
    store.feed(**fields)
    for ask in (reader.feed, lambda: reader.get(CALL), reader.scan):
        with pytest.raises(StoreError, match="fastopts:feed can't be read"):
            ask()
    store.client.delete("fastopts:feed")
    store.client.set("fastopts:feed", "x")
    with pytest.raises(StoreError, match="WRONGTYPE"):
        reader.get(CALL)


def test_a_feed_of_a_collector_that_measures_no_lags_is_read_as_before(
    store: Store, reader: OptionReader
) -> None:
    store.option(CALL, age_s=3)
    store.feed()
    store.client.hdel("fastopts:feed", "lag:1", "late_limit_ms", "skew_error_ms")
    assert reader.get(CALL, max_age_s=4).live
    state = reader.feed()
    assert (state.late_limit_ms, state.skew_error_ms, state.late, state.lag_s) == (None, 0, (), {})


def test_late_connections_are_listed(store: Store, reader: OptionReader) -> None:
    store.feed({1: 0.1, 2: 0.1, 3: 0.1}, **{"lag:2": 2001, "lag:3": 2000})
    state = reader.feed()
    assert (state.late, state.muted) == ((2,), (2,))
    assert state.lag_s == {1: 0.04, 2: 2.001, 3: 2.0}


def test_a_feed_that_goes_back_in_time_is_down_until_the_collector_has_noticed(
    store: Store, reader: OptionReader
) -> None:
    store.tick()
    store.feed(beat_s=-1)
    assert reader.get(CALL).live
    store.client.hset("fastopts:feed", "heartbeat_ms", store.now_ms())
    words = "the data in Redis went back in time"
    for ask in (lambda: reader.get(CALL), lambda: reader.text(CALL), reader.scan):
        with pytest.raises(FeedDown, match=words):
            ask()
    store.client.hset("fastopts:feed", "heartbeat_ms", store.now_ms() + 2000)
    with pytest.raises(FeedDown, match=words):  # by this one the collector notices
        reader.get(CALL)
    store.client.hset("fastopts:feed", "heartbeat_ms", store.now_ms() + 2500)
    assert reader.get(CALL).live


def test_another_epoch_ends_the_wait(store: Store, reader: OptionReader) -> None:
    store.tick()
    store.feed(beat_s=-1)
    assert reader.get(CALL).live
    store.feed()
    assert not reader.feed().alive
    store.feed(epoch=EPOCH + 1)
    with pytest.raises(NotYetLive, match="an earlier collector"):
        reader.get(CALL)
    store.tick(epoch=EPOCH + 1)
    assert reader.get(CALL).live


def test_a_server_clock_that_was_set_back_is_no_rollback() -> None:
    detector = RollbackDetector()
    assert detector.problem(feed_of(NOW, {1: NOW}), NOW + 5) is None
    assert detector.problem(feed_of(NOW - 3_600_000, {1: NOW}), NOW - 3_599_000) is None
    assert detector.problem(feed_of(NOW - 3_600_500, {1: NOW}), NOW - 3_598_000) is not None
