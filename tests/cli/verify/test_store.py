"""The feed and the freshness of symbols, as docs/contract.md defines them."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from fastopts.cli.verify.store import StoreClient, StoredFeed
from fastopts.errors import FeedDown, StoreError
from fastopts.net.redis import address
from tests.cli.verify.test_report import FEED
from tests.support.store import CALL, EPOCH, PUT, Store

NOW_MS = 1_795_000_000_000
LIVE_FEED = replace(FEED, now_ms=NOW_MS, delivered_ms={"1": NOW_MS - 500})


@pytest.fixture
def client(store: Store) -> Iterator[StoreClient]:
    store.client.flushall()
    opened = StoreClient(address.parse(store.url, None))
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("feed", "origin", "is_live"),
    [
        (LIVE_FEED, "7:1", True),
        (LIVE_FEED, "6:1", False),  # written under an earlier epoch
        (LIVE_FEED, "7:2", False),  # of a connection that is gone
        (LIVE_FEED, "", False),
        (replace(LIVE_FEED, beat_age_ms=5001), "7:1", False),
        (replace(LIVE_FEED, beat_age_ms=-5001), "7:1", False),
        (replace(LIVE_FEED, delivered_ms={"1": NOW_MS - 12_001}), "7:1", False),
        (replace(LIVE_FEED, lag_limit_ms=2000, lags_ms={"1": 2000}), "7:1", True),
        (replace(LIVE_FEED, lag_limit_ms=2000, lags_ms={"1": 2001}), "7:1", False),
        (replace(LIVE_FEED, lag_limit_ms=2000), "7:1", False),  # the lag is unknown
    ],
)
def test_a_symbol_is_live_by_its_origin(feed: StoredFeed, origin: str, is_live: bool) -> None:
    assert feed.is_live(CALL, origin) is is_live
    assert not feed.is_live("BTCUSDT", origin)


def test_a_delivered_option_is_not_live_by_the_venues_clock() -> None:
    symbol, delivery_ms = "BTC-27MAR26-1-C", 1_774_598_400_000
    feed = replace(LIVE_FEED, now_ms=delivery_ms - 1, delivered_ms={"1": delivery_ms})
    assert feed.is_live(symbol, "7:1")
    assert not replace(feed, skew_ms=1).is_live(symbol, "7:1")


def test_ticks_come_with_the_feed_that_judges_them(client: StoreClient, store: Store) -> None:
    store.option(CALL)
    store.option(PUT, conn=9)
    store.feed(heartbeat_limit_ms=60_000, watchdog_limit_ms=60_000)
    snapshot = client.ticks([CALL, PUT, "BTC-1JAN30-1-C"])
    tick = snapshot.live(CALL)
    assert tick is not None
    assert (tick["bp"], tick["cn"]) == ("1205.0", f"{EPOCH}:1")
    assert snapshot.live(PUT) is None
    assert snapshot.live("BTC-1JAN30-1-C") is None
    assert client.conns([CALL]).live(CALL) == {"cn": f"{EPOCH}:1"}
    assert client.listed(["BTC", "DOGE"]) == sorted([CALL, PUT])
    assert client.listed([]) == []


def test_counters_are_the_numbers_of_stats(client: StoreClient, store: Store) -> None:
    store.client.hset("stats", mapping={"received": 3, "venue": "sim"})
    assert client.counters() == {"received": 3}


def test_a_missing_or_dead_feed_is_an_error(client: StoreClient, store: Store) -> None:
    with pytest.raises(FeedDown, match="no collector has written here yet"):
        client.feed()
    store.feed(beat_s=90)
    with pytest.raises(FeedDown, match="the last heartbeat is 9"):
        client.feed()
    store.feed(schema="2")
    with pytest.raises(StoreError, match="verify supports schema 1 only"):
        client.feed()
    store.client.hdel("fastopts:feed", "epoch")
    store.feed(epoch="x")
    with pytest.raises(StoreError, match="malformed or missing field"):
        client.feed()
