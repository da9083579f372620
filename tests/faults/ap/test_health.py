"""What /ready says: red with the reason while there is no data fit for use, green when there is."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator

import pytest

from fastopts.embedded import EmbeddedValkey
from fastopts.serve.settings import ServeSettings
from tests.faults.ap.routes import SUBSCRIPTIONS
from tests.serve.living import BTC, SYMBOLS, Living
from tests.serve.serving import Serving, frame, strict, until
from tests.support.fault_proxy import FaultProxy
from tests.support.store import Store

Break = Callable[[Living, FaultProxy], contextlib.AbstractContextManager[None]]
REST = 2  # the flag of a record that came from there


@contextlib.contextmanager
def dead(living: Living, proxy: FaultProxy) -> Iterator[None]:
    living.is_beating = False
    with living.paused():
        living.store.client.hset("fastopts:feed", "heartbeat_ms", 0)
    yield
    living.is_beating = True


@contextlib.contextmanager
def silent(living: Living, proxy: FaultProxy) -> Iterator[None]:
    with living.paused():
        living.store.client.hset("fastopts:feed", "heartbeat_limit_ms", 200)
    living.is_beating = False
    yield
    living.is_beating = True


@contextlib.contextmanager
def dumb(living: Living, proxy: FaultProxy) -> Iterator[None]:
    living.is_announcing = False
    yield
    living.is_announcing = True


@contextlib.contextmanager
def muted(living: Living, proxy: FaultProxy) -> Iterator[None]:
    with living.paused():
        living.store.client.hset("fastopts:feed", "watchdog_limit_ms", 200)
    living.open = set()
    yield
    living.open = {1}


@contextlib.contextmanager
def gone(living: Living, proxy: FaultProxy) -> Iterator[None]:
    proxy.is_refusing = True
    proxy.drop()
    yield
    proxy.is_refusing = False


@contextlib.contextmanager
def frozen(living: Living, proxy: FaultProxy) -> Iterator[None]:
    pid = int(living.store.client.info("server")["process_id"])
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def emptied(living: Living, proxy: FaultProxy) -> Iterator[None]:
    with living.paused():
        living.store.client.flushall()
    yield
    living.write()


@contextlib.contextmanager
def of_another_venue(living: Living, proxy: FaultProxy) -> Iterator[None]:
    with living.paused():
        living.store.client.hset("fastopts:feed", "venue", "sim")
    yield
    with living.paused():
        living.store.client.hset("fastopts:feed", "venue", "bybit")


@contextlib.contextmanager
def unlisted(living: Living, proxy: FaultProxy) -> Iterator[None]:
    """The sets and records are gone, the feed still names the assets."""
    with living.paused():
        client = living.store.client
        client.delete(*client.keys("option*"), *client.keys("instrument*"))
        client.hincrby("fastopts:feed", "universe", 1)
    yield
    living.write(universe=3)


@contextlib.contextmanager
def hardly_covered(living: Living, proxy: FaultProxy) -> Iterator[None]:
    for symbol in BTC[:5]:
        living.tick(symbol, flags=REST)
    yield
    for symbol in BTC[:5]:
        living.tick(symbol)


@pytest.fixture
def proxy(living: Living) -> Iterator[FaultProxy]:
    with FaultProxy(int(living.store.url.rpartition(":")[2].strip("/"))) as made:
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
    living: Living, proxy: FaultProxy, fault: Break, reasons: set[str], words: str
) -> None:
    """Streams are open meanwhile: they outlive it, and so does the server."""
    with Serving(f"redis://127.0.0.1:{proxy.port}") as serving, serving.raw() as stream:
        serving.ready()
        assert stream.upgrade() == 101
        for number, wish in enumerate(SUBSCRIPTIONS):
            stream.send(frame({"op": "subscribe", "id": str(number), **wish}))
        until(lambda: len(serving.server.application.broadcaster._topics) == len(SUBSCRIPTIONS))

        def told() -> dict[str, str]:
            answer = serving.get("/ready")
            found = {one["reason"]: one["detail"] for one in answer.json["reasons"]}
            assert "mirror" not in answer.body.decode()  # an operator reads this
            assert answer.status == (503 if found else 200)
            assert answer.json["ready"] is (not found)
            assert serving.get("/live").status == 204
            return found

        with fault(living, proxy):
            until(lambda: reasons <= told().keys() and words in str(told()))
            metrics = serving.metrics()
            assert metrics["fastopts_serve_ready"] == 0.0
            feed = serving.get("/v1/feed").json
            assert feed["alive"] is ("FeedDown" not in reasons and "WrongVenue" not in reasons)
        until(lambda: not told())
        until(lambda: serving.metrics()["fastopts_serve_ready"] == 1.0)
        living.tick(BTC[0], mark_price=8.125)
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
    with Serving(store.url) as serving:
        answer = serving.get("/ready")
        assert answer.status == 503
        assert [one["reason"] for one in answer.json["reasons"]] == ["FeedDown", "Empty"]
        assert serving.get("/live").status == 204
        with Living(store):
            serving.ready()
    store.client.close()


def test_AP_18_ticks_that_are_too_old_are_no_market(living: Living) -> None:
    settings = ServeSettings(ready_age_s=0.5, beat_s=0.05)
    with Serving(living.store.url, settings) as serving:

        def reasons() -> list[str]:
            return [one["reason"] for one in serving.get("/ready").json["reasons"]]

        until(lambda: reasons() == ["TooOld"])
        assert serving.get("/live").status == 204

        def ticks() -> bool:
            living.tick()
            return not reasons()

        until(ticks)


def test_AP_18_share_that_is_wanted_is_a_setting(living: Living) -> None:
    with Serving(living.store.url, ServeSettings(ready_share=0.5, beat_s=0.05)) as serving:
        for symbol in SYMBOLS[:7]:
            living.tick(symbol, flags=REST)
        until(lambda: serving.get("/ready").json["live"] == len(SYMBOLS) - 7)
        assert serving.get("/ready").status == 200
        living.tick(SYMBOLS[7], flags=REST)
        until(lambda: serving.get("/ready").status == 503)
