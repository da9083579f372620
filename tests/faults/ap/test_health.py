"""What /ready says: red with the reason while there is no data fit for use, green when there is."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator

import pytest

from fastopts.embedded import EmbeddedValkey
from fastopts.serve.settings import ServeSettings
from tests.faults.ap.routes import SUBSCRIPTIONS
from tests.serve.http_server import HttpServerThread, frame, strict, until
from tests.serve.live_market import BTC, SYMBOLS, LiveMarket
from tests.support.fault_proxy import FaultProxy
from tests.support.store import Store

Break = Callable[[LiveMarket, FaultProxy], contextlib.AbstractContextManager[None]]
REST = 2  # the flag of a record that came from there


@contextlib.contextmanager
def dead(live_market: LiveMarket, proxy: FaultProxy) -> Iterator[None]:
    live_market.is_beating = False
    with live_market.paused():
        live_market.store.client.hset("fastopts:feed", "heartbeat_ms", 0)
    yield
    live_market.is_beating = True


@contextlib.contextmanager
def silent(live_market: LiveMarket, proxy: FaultProxy) -> Iterator[None]:
    with live_market.paused():
        live_market.store.client.hset("fastopts:feed", "heartbeat_limit_ms", 200)
    live_market.is_beating = False
    yield
    live_market.is_beating = True


@contextlib.contextmanager
def dumb(live_market: LiveMarket, proxy: FaultProxy) -> Iterator[None]:
    live_market.is_announcing = False
    yield
    live_market.is_announcing = True


@contextlib.contextmanager
def muted(live_market: LiveMarket, proxy: FaultProxy) -> Iterator[None]:
    with live_market.paused():
        live_market.store.client.hset("fastopts:feed", "watchdog_limit_ms", 200)
    live_market.open = set()
    yield
    live_market.open = {1}


@contextlib.contextmanager
def gone(live_market: LiveMarket, proxy: FaultProxy) -> Iterator[None]:
    proxy.is_refusing = True
    proxy.drop()
    yield
    proxy.is_refusing = False


@contextlib.contextmanager
def frozen(live_market: LiveMarket, proxy: FaultProxy) -> Iterator[None]:
    pid = int(live_market.store.client.info("server")["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def emptied(live_market: LiveMarket, proxy: FaultProxy) -> Iterator[None]:
    with live_market.paused():
        live_market.store.client.flushall()
    yield
    live_market.write()


@contextlib.contextmanager
def of_another_venue(live_market: LiveMarket, proxy: FaultProxy) -> Iterator[None]:
    with live_market.paused():
        live_market.store.client.hset("fastopts:feed", "venue", "sim")
    yield
    with live_market.paused():
        live_market.store.client.hset("fastopts:feed", "venue", "bybit")


@contextlib.contextmanager
def unlisted(live_market: LiveMarket, proxy: FaultProxy) -> Iterator[None]:
    """The sets and records are gone, the feed still names the assets."""
    with live_market.paused():
        client = live_market.store.client
        client.delete(*client.keys("option*"), *client.keys("instrument*"))
        client.hincrby("fastopts:feed", "universe", 1)
    yield
    live_market.write(universe=3)


@contextlib.contextmanager
def hardly_covered(live_market: LiveMarket, proxy: FaultProxy) -> Iterator[None]:
    for symbol in BTC[:5]:
        live_market.tick(symbol, flags=REST)
    yield
    for symbol in BTC[:5]:
        live_market.tick(symbol)


@pytest.fixture
def proxy(live_market: LiveMarket) -> Iterator[FaultProxy]:
    with FaultProxy(int(live_market.store.url.rpartition(":")[2].strip("/"))) as made:
        yield made


@pytest.mark.parametrize(
    ("fault", "reasons", "words"),
    [
        (dead, {"FeedDown", "Coverage"}, "has ended"),
        (silent, {"FeedDown", "Coverage"}, "last heartbeat"),
        (dumb, {"FeedDown", "Coverage"}, "no announcements"),
        (muted, {"Coverage"}, "0 of 15 options are live"),
        (gone, {"FeedDown", "Coverage"}, "no connection to Redis"),
        (frozen, {"FeedDown", "Coverage"}, "was last read"),
        (emptied, {"FeedDown", "Empty"}, "no collector has ever written"),
        (of_another_venue, {"WrongVenue", "Coverage"}, "data of sim"),
        (unlisted, {"Empty"}, "no option is listed"),
        (hardly_covered, {"Coverage"}, "10 of 15 options are live, less than 90%"),
    ],
)
def test_AP_18_each_fault_is_reported_and_so_is_its_end(
    live_market: LiveMarket, proxy: FaultProxy, fault: Break, reasons: set[str], words: str
) -> None:
    """Streams are open meanwhile: they outlive it, and so does the server."""
    with (
        HttpServerThread(f"redis://127.0.0.1:{proxy.port}") as http_server,
        http_server.raw() as stream,
    ):
        http_server.ready()
        assert stream.upgrade() == 101
        for number, wish in enumerate(SUBSCRIPTIONS):
            stream.send(frame({"op": "subscribe", "id": str(number), **wish}))
        until(lambda: len(http_server.server.application.broadcaster._topics) == len(SUBSCRIPTIONS))

        def told() -> dict[str, str]:
            answer = http_server.get("/ready")
            found = {one["reason"]: one["detail"] for one in answer.json["reasons"]}
            assert "mirror" not in answer.body.decode()  # an operator reads this
            assert answer.status == (503 if found else 200)
            assert answer.json["ready"] is (not found)
            assert http_server.get("/live").status == 204
            return found

        with fault(live_market, proxy):
            until(lambda: reasons <= told().keys() and words in str(told()))
            metrics = http_server.metrics()
            assert metrics["fastopts_serve_ready"] == 0.0
            feed = http_server.get("/v1/feed").json
            assert feed["alive"] is ("FeedDown" not in reasons and "WrongVenue" not in reasons)
        until(lambda: not told())
        until(lambda: http_server.metrics()["fastopts_serve_ready"] == 1.0)
        live_market.tick(BTC[0], mark_price=8.125)
        texts = (strict(payload) for opcode, payload in stream.frames() if opcode == 1)
        assert any(
            row.get("mark_price") == 8.125
            for one in texts
            if one["type"] == "rows"
            for row in one["rows"]
        )


def test_AP_18_a_feed_that_never_began_is_red_until_it_does(shared_valkey: EmbeddedValkey) -> None:
    store = Store(shared_valkey)
    store.client.flushall()
    with HttpServerThread(store.url) as http_server:
        answer = http_server.get("/ready")
        assert answer.status == 503
        assert [one["reason"] for one in answer.json["reasons"]] == ["FeedDown", "Empty"]
        assert http_server.get("/live").status == 204
        with LiveMarket(store):
            http_server.ready()
    store.client.close()


def test_AP_18_ticks_that_are_too_old_are_no_market(live_market: LiveMarket) -> None:
    settings = ServeSettings(ready_age_s=0.5, beat_s=0.05)
    with HttpServerThread(live_market.store.url, settings) as http_server:

        def reasons() -> list[str]:
            return [one["reason"] for one in http_server.get("/ready").json["reasons"]]

        until(lambda: reasons() == ["TooOld"])
        assert http_server.get("/live").status == 204

        def ticks() -> bool:
            live_market.tick()
            return not reasons()

        until(ticks)


def test_AP_18_share_that_is_wanted_is_a_setting(live_market: LiveMarket) -> None:
    with HttpServerThread(
        live_market.store.url, ServeSettings(ready_share=0.5, beat_s=0.05)
    ) as http_server:
        for symbol in SYMBOLS[:7]:
            live_market.tick(symbol, flags=REST)
        until(lambda: http_server.get("/ready").json["live"] == len(SYMBOLS) - 7)
        assert http_server.get("/ready").status == 200
        live_market.tick(SYMBOLS[7], flags=REST)
        until(lambda: http_server.get("/ready").status == 503)
