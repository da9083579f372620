"""What streams tell: a snapshot, then what changes, to each as much as it can hear."""

import contextlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import pytest

from tests.docs.announcer import Announcer
from tests.docs.market import MOVING, MUTED, list_market
from tests.serve.serving import Serving, until
from tests.store import Store

Messages = Iterator[dict[str, Any]]


@pytest.fixture
def held(store: Store) -> Any:
    with Announcer(store, list_market(store)), Serving(store.url) as server:
        until(lambda: server.get("/v1/feed").json["alive"])
        yield server


@contextmanager
def subscribed(server: Serving, wish: dict[str, Any]) -> Iterator[Any]:
    with server.websocket() as socket:
        socket.send(json.dumps({"op": "subscribe", "id": "a", **wish}))
        yield socket


def next_of(socket: Any, kind: str, want: Callable[[Any], bool] = lambda _: True) -> Any:
    """The next message of a *kind* that is as wanted."""
    while True:
        message = json.loads(socket.recv(20))
        if message["type"] == kind and want(message):
            return message


def test_a_stream_says_hello_then_how_the_feed_is(held: Serving) -> None:
    with held.websocket() as socket:
        hello = json.loads(socket.recv(20))
        assert hello == {"type": "hello", "venue": "bybit", "simulated": False, "beat_ms": 50}
        first = next_of(socket, "feed")
        assert first["alive"] is True
        assert next_of(socket, "feed")["as_of_ms"] > first["as_of_ms"]


def test_a_snapshot_is_what_the_api_tells(held: Serving) -> None:
    with subscribed(held, {"asset": "BTC", "expiry": "29JAN27", "settle": "USDC"}) as socket:
        told = next_of(socket, "subscribed")
        assert told["symbols"] == 6
        first = next_of(socket, "rows")
    assert (first["full"], first["more"], first["skipped"]) == (True, False, 0)
    chain = held.get("/v1/chains/BTC/29JAN27?settle=USDC").json
    sides = [row[side] for row in chain["strikes"] for side in ("call", "put")]
    told_rows = {row["symbol"]: row for row in first["rows"]}
    assert told_rows == {
        row["symbol"]: {n: v for n, v in row.items() if n not in ("age_s", "dte")} for row in sides
    }
    assert first["as_of_ms"] >= max(row["ts_ms"] for row in first["rows"])


def test_what_changes_is_told_and_no_more(held: Serving) -> None:
    with subscribed(held, {"asset": "ETH"}) as socket:
        next_of(socket, "rows")
        later = next_of(socket, "rows")
    assert later["full"] is False
    [row] = later["rows"]
    assert row["symbol"] == MOVING
    assert set(row) <= {"symbol", "mark_price", "ts_ms", "rt_ms", "seq", "time_value"}


def test_applied_in_order_changes_make_what_the_api_tells(held: Serving) -> None:
    rows: dict[str, dict[str, Any]] = {}
    with subscribed(held, {"symbols": [MOVING]}) as socket:
        for _ in range(20):
            for row in next_of(socket, "rows")["rows"]:
                rows[row["symbol"]] = rows.get(row["symbol"], {}) | row

        def agree() -> bool:
            for row in next_of(socket, "rows")["rows"]:
                rows[row["symbol"]] = rows[row["symbol"]] | row
            told = held.get(f"/v1/options/{MOVING}").json
            return all(told[name] == value for name, value in rows[MOVING].items())

        until(agree)


def test_what_is_not_live_any_more_is_told_without_a_tick(store: Store, held: Serving) -> None:
    quiet = "BTC-29JAN27-100000-C-USDT"
    with subscribed(held, {"symbols": [quiet, MUTED]}) as socket:
        first = {row["symbol"]: row for row in next_of(socket, "rows")["rows"]}
        assert first[quiet]["live"] is True
        assert (first[MUTED]["live"], first[MUTED]["reason"]) == (False, "ConnectionMuted")
        store.client.hset("fastopts:feed", "heartbeat_ms", 0)
        later = next_of(socket, "rows", lambda told: told["rows"])
        by_symbol = {row["symbol"]: row for row in later["rows"]}
        assert by_symbol[quiet] == {"symbol": quiet, "live": False, "reason": "FeedDown"}
        assert next_of(socket, "feed", lambda told: not told["alive"])["reason"] == "FeedDown"


def test_a_scan_and_the_expiries_come_whole(held: Serving) -> None:
    with subscribed(held, {"scan": {"asset": "BTC", "type": "P", "limit": 2}}) as socket:
        told = next_of(socket, "scan")
        body = held.get("/v1/scan?asset=BTC&type=P&limit=2").json
        assert [one["symbol"] for one in told["options"]] == [
            one["symbol"] for one in body["options"]
        ]
        assert (told["considered"], told["excluded"]) == (body["considered"], body["excluded"])
        socket.send(json.dumps({"op": "subscribe", "id": "b", "expiries": "BTC"}))
        expiries = next_of(socket, "expiries")
        assert expiries["id"] == "b"
        told_labels = [one["label"] for one in expiries["expiries"]]
        assert told_labels == [
            one["label"] for one in held.get("/v1/expiries/BTC").json["expiries"]
        ]
        socket.send(json.dumps({"op": "subscribe", "id": "c", "surface": "BTC"}))
        assert len(next_of(socket, "surface")["expiries"]) == len(told_labels)


def test_who_unsubscribes_hears_no_more_of_it(held: Serving) -> None:
    with subscribed(held, {"symbols": [MOVING]}) as socket:
        next_of(socket, "rows")
        socket.send(json.dumps({"op": "unsubscribe", "id": "a"}))
        next_of(socket, "unsubscribed")
        next_of(socket, "feed")
        kinds = [json.loads(socket.recv(20))["type"] for _ in range(2)]
        assert set(kinds) == {"feed"}
    broadcaster = held.server.application.broadcaster
    until(lambda: held.call(lambda: broadcaster.subscribers) == 0)


@pytest.mark.parametrize(
    ("order", "words"),
    [
        ("x", "is not JSON"),
        ("[]", "not a JSON object"),
        ('{"op": "subscribe", "id": "b"}', "needs exactly one of symbols, asset"),
        ('{"op": "subscribe", "asset": "BTC"}', "id: write a string"),
        ('{"op": "subscribe", "id": "b", "asset": "BTC", "scan": {}}', "needs exactly one of"),
        ('{"op": "subscribe", "id": "b", "asset": "BTC", "colour": 1}', "unknown field colour"),
        ('{"op": "subscribe", "id": "b", "symbols": []}', "write a list of 1"),
        ('{"op": "subscribe", "id": "b", "symbols": ["a*"]}', "no option 'a*' here"),
        ('{"op": "subscribe", "id": "b", "symbols": [7]}', "7 at position 0 is not text"),
        ('{"op": "subscribe", "id": "b", "asset": "DOGE"}', "no options of DOGE here"),
        ('{"op": "subscribe", "id": "b", "asset": "BTC", "settle": "EUR"}', "settled in EUR"),
        ('{"op": "subscribe", "id": "b", "asset": "BTC", "expiry": "1JAN20"}', "no series BTC"),
        ('{"op": "subscribe", "id": "b", "scan": {"expiry": "1JAN20"}}', "1JAN20 was delivered"),
        ('{"op": "subscribe", "id": "b", "scan": {"min_delta": 25}}', "write 0.25"),
        ('{"op": "subscribe", "id": "b", "symbols": ["BTC-1JAN20-1-C"]}', "was delivered"),
        ('{"op": "subscribe", "id": "b", "asset": "BTC", "expiry": "x"}', "is not an expiry"),
        ('{"op": "subscribe", "id": "b", "asset": "BTC", "expiry": 7}', "is not an expiry"),
        ('{"op": "subscribe", "id": "b", "scan": {"min_iv": 80}}', "write 0.8"),
        ('{"op": "subscribe", "id": "b", "scan": {"gate": 1}}', "is neither true nor false"),
        ('{"op": "subscribe", "id": "b", "scan": {"limit": "a"}}', "is not a positive integer"),
        ('{"op": "subscribe", "id": "b", "expiries": "DOGE"}', "no options of DOGE"),
        ('{"op": "unsubscribe", "id": "b"}', "no subscription of this stream has it"),
        ('{"op": "jump"}', "write subscribe"),
    ],
)
def test_an_order_that_makes_no_sense_is_answered(held: Serving, order: str, words: str) -> None:
    with held.websocket() as socket:
        socket.send(order)
        told = next_of(socket, "error")
        assert words in told["detail"]
        socket.send('{"op": "ping"}')
        next_of(socket, "pong")


def test_a_refused_scan_names_the_arguments_at_fault(held: Serving) -> None:
    with held.websocket() as socket:
        for scan, names in (
            ('{"min_iv": 80}', ["min_iv"]),
            ('{"min_dte": 9, "max_dte": 8}', ["min_dte", "max_dte"]),
        ):
            socket.send(f'{{"op": "subscribe", "id": "a", "scan": {scan}}}')
            told = next_of(socket, "error")
            assert (told["id"], told["reason"], told["arguments"]) == ("a", "BadInput", names)


def test_an_id_is_taken_once(held: Serving) -> None:
    with subscribed(held, {"asset": "BTC"}) as socket:
        next_of(socket, "subscribed")
        socket.send(json.dumps({"op": "subscribe", "id": "a", "asset": "ETH"}))
        assert "is in use" in next_of(socket, "error")["detail"]


def test_events_say_what_a_socket_says(held: Serving) -> None:
    query = "?subscribe=%7B%22asset%22:%22ETH%22%7D&subscribe=%7B%22expiries%22:%22BTC%22%7D"
    with held.events(query) as messages:
        kinds = {}
        for message in messages:
            kinds[message["type"]] = message
            if {"rows", "expiries", "feed"} <= kinds.keys() and not kinds["rows"]["full"]:
                break
    assert kinds["rows"]["id"] == "0"
    assert kinds["expiries"]["id"] == "1"
    assert [row["symbol"] for row in kinds["rows"]["rows"]] == [MOVING]


def test_events_refuse_what_is_not_listed_and_go_on(held: Serving) -> None:
    wishes = (
        {"symbols": ["BTC-25JUN27-1-C-USDT"]},
        {"asset": "DOGE"},
        {"asset": "BTC", "expiry": "1JAN20"},
        {"asset": "BTC", "settle": "EUR"},
        {"scan": {"min_delta": 25}},
        {"asset": "ETH"},
    )
    query = "&".join(f"subscribe={quote(json.dumps(wish))}" for wish in wishes)
    refused: dict[str, str] = {}
    with held.events(f"?{query}") as messages:
        for message in messages:
            if message["type"] == "error":
                refused[message["id"]] = message["detail"]
            elif message["type"] == "rows":
                assert message["id"] == "5"
                break
    assert sorted(refused) == ["0", "1", "2", "3", "4"]
    assert "BTC-25JUN27-1-C-USDT" in refused["0"]
    assert "no options of DOGE" in refused["1"]
    assert "no series BTC 1JAN20" in refused["2"]
    assert "settled in EUR" in refused["3"]
    assert "write 0.25" in refused["4"]


def delist(store: Store, *symbols: str) -> None:
    store.client.srem(f"options:{symbols[0].partition('-')[0]}", *symbols)
    store.client.hincrby("fastopts:feed", "universe", 1)


@pytest.mark.parametrize("is_socket", [True, False], ids=["websocket", "events"])
def test_an_expiry_that_leaves_the_listing_is_told(
    store: Store, held: Serving, is_socket: bool
) -> None:
    members: Any = store.client.smembers("options:ETH")
    names = {name.decode() for name in members}
    listed = {name for name in names if name.split("-")[1] == "29JAN27"}
    assert names > listed > set()
    wish = {"asset": "ETH", "expiry": "29JAN27", "settle": "USDT"}
    with contextlib.ExitStack() as stack:
        if is_socket:
            socket = stack.enter_context(subscribed(held, wish))
            messages: Messages = map(json.loads, iter(lambda: socket.recv(20), None))
        else:
            query = f"?subscribe={quote(json.dumps(wish))}"
            messages = stack.enter_context(held.events(query))
        next(one for one in messages if one["type"] == "rows")
        delist(store, *listed)
        told = next(one for one in messages if one["type"] == "error")
    assert (told["id"], told["reason"]) == ("a" if is_socket else "0", "Unknown")
    assert told["detail"] == "no series ETH 29JAN27 settled in USDT; there are: 25JUN27 USDT"


def test_what_is_listed_later_is_told_and_what_is_not_is_gone(store: Store, held: Serving) -> None:
    new, old = "ETH-25JUN27-5000-C-USDT", "ETH-29JAN27-3000-C-USDT"
    with subscribed(held, {"asset": "ETH"}) as socket:
        next_of(socket, "rows")
        store.client.srem("options:ETH", old)
        store.option(new, 0.4)
        store.list(new, tick_size="0.1")
        store.client.hincrby("fastopts:feed", "universe", 1)
        gone: set[str] = set()
        fresh: dict[str, Any] = {}
        while old not in gone or new not in fresh:
            told = next_of(socket, "rows")
            gone |= set(told["gone"])
            fresh |= {row["symbol"]: row for row in told["rows"]}
    assert gone == {old}
    assert fresh[new]["strike"] == 5000
