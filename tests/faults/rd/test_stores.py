"""Each reader has one market: whose it is, how it is followed, and what that may cost."""

import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import redis

from fastopts import keys
from fastopts.errors import FastoptsError, WrongVenue
from fastopts.net.redis.address import Address
from fastopts.reader import AsyncOptionReader, FeedDown, OptionReader, StaleData
from fastopts.reader.redis.failover import FailoverTimer
from tests.serve.http_server import HttpServerThread
from tests.support.broken_valkey import REFUSING, BrokenValkey
from tests.support.collector_limits import quicken
from tests.support.fault_proxy import FaultProxy
from tests.support.writer_harness import SYMBOLS
from tests.support.writer_thread import LoopThread, Opened, WriterThread, until

ONE = SYMBOLS[3]
PULSE = struct.Struct("<BxHIQ")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quicken(monkeypatch, heartbeat_s=0.05, heartbeat_limit_ms=1500)
    monkeypatch.setattr(FailoverTimer, "FIRST_S", 1.0)
    monkeypatch.setattr(FailoverTimer, "MAX_S", 3.0)


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    with LoopThread() as running:
        yield running


@contextmanager
def collecting(
    loop: LoopThread, port: int, db: int = 0, venue: str = "bybit"
) -> Iterator[WriterThread]:
    """A collector of *venue* that has written all its symbols to database *db*."""
    made = WriterThread(loop, port, address=Address("127.0.0.1", port, db=db), venue=venue)
    try:
        made.tick()
        made.settle()
        yield made
    finally:
        made.kill()


def price(read: Callable[[], Any]) -> float | None:
    """The mark price that *read* gives as live; None while nothing is."""
    try:
        option = read()
    except StaleData:
        return None
    assert option.live
    return float(option.mark_price)


def _get_over_http(served: HttpServerThread, symbol: str) -> Any:
    """The option as an object. Raises StaleData when it is not returned as live."""
    answer = served.get(f"/v1/options/{symbol}")
    if answer.status != 200:
        raise StaleData(answer.reason)
    return SimpleNamespace(**answer.json)


def calls(client: redis.Redis) -> dict[str, int]:
    """How often each command was sent since the statistics were reset."""
    statistics: dict[str, Any] = client.info("commandstats")
    return {name.removeprefix("cmdstat_"): told["calls"] for name, told in statistics.items()}


def pulse(client: redis.Redis, store: str, epoch: int, number: int) -> None:
    """Announce nothing, as the collector of *epoch* does."""
    client.publish(keys.updates(store), PULSE.pack(1, 0, epoch, number))


@pytest.mark.parametrize("epochs", ["their own", "the same"])
def test_RD_34_two_databases_never_mix(server: BrokenValkey, loop: LoopThread, epochs: str) -> None:
    """Mirrors of both kinds, a watch and readers of each see what its own collector wrote."""
    if epochs == "the same":
        for db in (0, 1):
            with redis.Redis(port=server.port, db=db) as client:
                client.hset(keys.FEED, "epoch", "1795000000")
    with ExitStack() as stack:
        collectors = [stack.enter_context(collecting(loop, server.port, db)) for db in (0, 1)]
        feeds = []
        reads: list[list[Callable[[str], Any]]] = []
        for db, collector in enumerate(collectors):
            url = f"redis://127.0.0.1:{server.port}/{db}"
            reader = stack.enter_context(OptionReader(url))
            collector.tick(markPrice=str(1000 * db + 1))
            collector.settle()
            feeds.append(reader.feed())
            mirrors = [Opened(kind, loop, url, "BTC", 2.0) for kind in ("sync", "async")]
            for opened in mirrors:
                stack.enter_context(closing(opened))
            served = stack.enter_context(HttpServerThread(url))
            asked = partial(_get_over_http, served)
            reads.append([reader.get, *[opened.mirror.get for opened in mirrors], asked])
        assert (feeds[0].epoch == feeds[1].epoch) is (epochs == "the same")
        assert feeds[0].store != feeds[1].store
        server.client.config_resetstat()
        for count in range(2, 60):
            for db, collector in enumerate(collectors):
                collector.tick(SYMBOLS[: count % 7 + 1], markPrice=str(1000 * db + count))
            for db in (0, 1):
                for read in reads[db]:
                    seen = price(partial(read, ONE))
                    assert seen is None or 1000 * db < seen <= 1000 * db + count
        for db, collector in enumerate(collectors):
            collector.tick(markPrice=str(1000 * db + 100))
            collector.settle()
            for read in reads[db]:
                until(partial(_has, read, 1000 * db + 100))
        assert calls(server.client).get("smembers", 0) < 30  # snapshots, and the readers' own


@pytest.mark.parametrize("mainnet", ["bybit", "custom"])
def test_RD_34_testnet_beside_mainnet_on_one_server(
    server: BrokenValkey, loop: LoopThread, mainnet: str
) -> None:
    """Readers and mirrors see their own venue's data only; a wrong database is refused."""
    venues = (mainnet, "bybit-testnet")
    with ExitStack() as stack:
        collectors = [
            stack.enter_context(collecting(loop, server.port, db, venue))
            for db, venue in enumerate(venues)
        ]
        gets: list[list[Callable[[str], Any]]] = []
        for db, venue in enumerate(venues):
            url = f"redis://127.0.0.1:{server.port}/{db}"
            reader = stack.enter_context(OptionReader(url, venue))
            assert reader.feed().venue == venue
            mirror = stack.enter_context(reader.mirror("BTC"))
            gets.append([reader.get, mirror.get])
        for count in range(1, 20):
            for db, collector in enumerate(collectors):
                collector.tick(SYMBOLS[: count % 7 + 1], markPrice=str(10_000 * (db + 1) + count))
            for db, reads in enumerate(gets):
                for read in reads:
                    seen = price(partial(read, ONE))
                    assert seen is None or seen < 10_000 or seen // 10_000 == db + 1
        for db, collector in enumerate(collectors):
            collector.tick(markPrice=str(10_000 * (db + 1) + 100))
            collector.settle()
            for read in gets[db]:
                until(partial(_has, read, 10_000 * (db + 1) + 100))
        for db, venue in enumerate(venues):
            url, held = f"redis://127.0.0.1:{server.port}/{1 - db}", venues[1 - db]
            with OptionReader(url, venue) as reader:
                for call in (lambda: reader.get(ONE), lambda: reader.mirror("BTC")):
                    with pytest.raises(WrongVenue) as caught:
                        call()
                    words = str(caught.value)
                    assert f"holds the data of {held}, not of {venue}" in words
                    assert f"venue={held!r}" in words
                    assert "another server or database" in words
                    assert f"--venue {held}" in caught.value.worded("command")
                    assert "--redis-url" in caught.value.worded("command")


def test_RD_34_a_collector_that_ends_or_fails_over_touches_no_other_database(
    server: BrokenValkey, loop: LoopThread
) -> None:
    with collecting(loop, server.port, 1) as other:
        client = redis.Redis(port=server.port, db=1, decode_responses=True)
        writer = client.hget(keys.FEED, "writer")
        with collecting(loop, server.port, 0):
            pass
        server.client.delete(keys.LEASE)
        with collecting(loop, server.port, 0):  # takes over from the one that was killed
            other.tick(markPrice="7")
            other.settle()
            assert client.hget(keys.FEED, "writer") == writer


def test_RD_34_an_emptied_database_is_another_store_that_mirrors_follow(
    server: BrokenValkey, loop: LoopThread
) -> None:
    with (
        collecting(loop, server.port) as collector,
        OptionReader(server.url) as reader,
        reader.mirror("BTC") as mirror,
    ):
        before = reader.feed().store
        server.client.flushall()
        until(lambda: reader.feed().store not in ("", before))
        collector.tick(markPrice="77")
        collector.settle()
        until(lambda: mirror.get(ONE).mark_price == 77)


@pytest.mark.parametrize("kind", ["gaps", "epochs"])
def test_RD_35_a_storm_costs_the_server_little_and_ends(
    server: BrokenValkey, loop: LoopThread, kind: str
) -> None:
    """Announcements with gaps, or of epochs that are nobody's, a thousand a second."""
    client = server.client
    with collecting(loop, server.port) as collector, OptionReader(server.url) as reader:
        feed = reader.feed()
        with reader.mirror("BTC") as mirror:
            client.config_resetstat()
            began, number = time.monotonic(), 10**9
            while time.monotonic() - began < 3.0:
                number += 2
                strange = feed.epoch if kind == "gaps" else number % 4_000_000_000
                pulse(client, feed.store, strange, number)
                assert price(lambda: mirror.get(ONE)) in (None, 100, 1218.40771625)
            lasted_s = time.monotonic() - began
            sent = calls(client)
            assert sent["publish"] > 200
            looks = sent["hgetall"]
            assert looks < 25 * lasted_s + 5
            snapshots = sent.get("smembers", 0) + sent.get("mget", 0)
            assert snapshots < 25  # each is one of both: 0.1, 0.2, 0.4 ... s apart
            # terms are not asked for again; the others are one a heartbeat
            assert sent.get("hmget", 0) < sent["pexpire"] + 25
            collector.tick(markPrice="99")
            collector.settle()
            until(lambda: mirror.get(ONE).mark_price == 99)


@pytest.mark.parametrize("right", ["publish", "pubsub|numsub"])
def test_RD_36_announcements_resume_once_they_are_allowed_again(
    server: BrokenValkey, loop: LoopThread, monkeypatch: pytest.MonkeyPatch, right: str
) -> None:
    quicken(monkeypatch, denied_again_s=0.3)
    server.acl("SETUSER", "reader", "on", "nopass", "allkeys", "allchannels", "+@all")
    with collecting(loop, server.port) as collector:
        writer = server.client.hget(keys.FEED, "writer")
        url = f"redis://reader:x@127.0.0.1:{server.port}"
        with OptionReader(url) as reader, reader.mirror("BTC") as mirror:
            server.acl("SETUSER", "default", f"-{right}")
            until(lambda: "+publish &fastopts:updates:*" in str(mirror.problem))
            assert "NOPERM" in str(mirror.problem)
            server.acl("SETUSER", "default", f"+{right}")
            collector.tick(markPrice="42")
            collector.settle()
            until(lambda: mirror.get(ONE).mark_price == 42)
            assert server.client.hget(keys.FEED, "writer") == writer
            until(lambda: server.client.hget(keys.FEED, "updates_refused") == "")


@pytest.fixture
def pair(server: BrokenValkey) -> Iterator[tuple[BrokenValkey, BrokenValkey]]:
    """A master and its replica, which holds what the master does."""
    with BrokenValkey() as replica:
        server.client.config_set("repl-diskless-sync-delay", "0")
        replica.client.replicaof("127.0.0.1", str(server.port))
        until(lambda: replica.client.info("replication")["master_link_status"] == "up")
        yield server, replica


def swap(master: BrokenValkey, replica: BrokenValkey) -> None:
    """A coordinated failover; clients of the old master stay connected to it."""
    replica.client.replicaof("NO", "ONE")
    master.client.replicaof("127.0.0.1", str(replica.port))


def test_RD_37_readers_follow_a_failover_behind_a_name(
    pair: tuple[BrokenValkey, BrokenValkey], loop: LoopThread
) -> None:
    master, replica = pair
    with FaultProxy(master.port) as proxy, collecting(loop, proxy.port) as collector:
        url = f"redis://127.0.0.1:{proxy.port}"
        with ExitStack() as stack:
            reader = stack.enter_context(OptionReader(url))
            mirrors = [Opened(kind, loop, url, "BTC", 2.0) for kind in ("sync", "async")]
            for opened in mirrors:
                stack.enter_context(closing(opened))
            watch = stack.enter_context(reader.watch([ONE]))
            served = stack.enter_context(HttpServerThread(url))
            gets: list[Callable[[str], Any]] = [reader.get, *[one.mirror.get for one in mirrors]]
            for get in gets:
                until(partial(get, ONE))
            proxy.target = replica.port
            swap(master, replica)
            collector.tick(markPrice="55")
            collector.settle()
            for get in gets:
                until(partial(_has, get, 55))
            until(lambda: served.get(f"/v1/options/{ONE}").json.get("mark_price") == 55)
            collector.tick(markPrice="56")
            until(lambda: _price_of(watch.wait(5.0)) == 56)


def _has(get: Callable[[str], Any], mark_price: float) -> bool:
    return bool(get(ONE).mark_price == mark_price)


def _price_of(news: Any) -> float | None:
    return getattr(news, "mark_price", None)


@pytest.mark.parametrize("refusal", ["OOM", "MISCONF", "READONLY"])
def test_RD_37_a_collector_leaves_a_server_that_refuses_for_long(
    server: BrokenValkey, loop: LoopThread, monkeypatch: pytest.MonkeyPatch, refusal: str
) -> None:
    """The name leads to another server by then; while it does not, little is tried."""
    quicken(monkeypatch, refused_max_s=0.5)
    with (
        BrokenValkey() as other,
        FaultProxy(server.port) as proxy,
        collecting(loop, proxy.port) as collector,
        REFUSING[refusal](server),
    ):
        collector.tick(markPrice="11")
        until(lambda: proxy.accepted >= 3)
        proxy.target = other.port
        collector.settle()
        assert other.client.hget(keys.option(ONE), "mp") == "11"


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_RD_37_a_plain_reader_leaves_a_server_whose_feed_is_dead(
    loop: LoopThread, server: BrokenValkey, kind: str
) -> None:
    """The name leads to another server, and the old one goes on answering."""
    with BrokenValkey() as other, FaultProxy(server.port) as proxy, ExitStack() as stack:
        url = f"redis://127.0.0.1:{proxy.port}"
        with collecting(loop, server.port):
            blocking = stack.enter_context(OptionReader(url))
            awaited = loop.call(lambda: AsyncOptionReader(url))

            def get(symbol: str) -> Any:
                if kind == "sync":
                    return blocking.get(symbol)
                return loop.run(awaited.get(symbol))

            assert get(ONE).live
        stack.callback(lambda: loop.call(awaited.close))
        proxy.target = other.port
        with collecting(loop, other.port) as collector:
            collector.tick(markPrice="33")
            collector.settle()
            until(lambda: get(ONE).mark_price == 33)
        # the feed is really down now: few connections are made
        before = proxy.accepted
        began = time.monotonic()
        while time.monotonic() - began < 4.0:
            assert isinstance(_refusal(get), FeedDown | None)
        assert proxy.accepted - before <= 6


def test_RD_37_a_replica_is_named(
    pair: tuple[BrokenValkey, BrokenValkey], loop: LoopThread
) -> None:
    """Nothing is announced at a replica, and the readers there say whose replica it is."""
    master, replica = pair
    words = f"this server is a replica of 127.0.0.1:{master.port}"
    with collecting(loop, master.port):
        until(lambda: replica.client.exists(keys.record(ONE)))
        with OptionReader(replica.url) as reader:
            with closing(_following(reader)) as mirror:
                until(lambda: words in str(mirror.problem))
                assert "+publish" not in str(mirror.problem)
            master.client.replicaof("127.0.0.1", "1")
    with OptionReader(replica.url) as reader:
        until(lambda: words in _told(reader))


def _following(reader: OptionReader) -> Any:
    from fastopts.reader.mirrors.listener import NullListener

    return reader.follow(NullListener())


def _refusal(get: Callable[[str], Any]) -> FastoptsError | None:
    try:
        get(ONE)
    except FastoptsError as error:
        return error
    return None


def _told(reader: OptionReader) -> str:
    return str(_refusal(reader.get))


def test_RD_37_a_reader_without_the_right_to_ask_for_the_role_copes(
    server: BrokenValkey, loop: LoopThread
) -> None:
    server.acl("SETUSER", "reader", "on", "nopass", "allkeys", "allchannels", "+@all", "-info")
    with collecting(loop, server.port) as collector:
        url = f"redis://reader:x@127.0.0.1:{server.port}"
        with OptionReader(url) as reader, reader.mirror("BTC") as mirror:
            assert mirror.get(ONE).live
            collector.end()
            until(lambda: "has ended" in str(mirror.problem))
            until(lambda: "has ended" in _told(reader))
