"""Streams: a snapshot, then its changes, at the speed of each client."""

import contextlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

import pytest

from tests.docs.announcer import MovingAnnouncer
from tests.docs.market import MOVING, MUTED, list_market
from tests.serve.http_server import HttpServerThread, until
from tests.support.store import Store

Messages = Iterator[dict[str, Any]]
# fields that change with the time alone, which streams leave out
PASSING = ("as_of_ms", "age_s", "dte", "t_years")


@pytest.fixture
def server(store: Store) -> Any:
    with MovingAnnouncer(store, list_market(store)), HttpServerThread(store.url) as server:
        until(lambda: server.get("/v1/feed").json["alive"])
        yield server


@contextmanager
def subscribed(server: HttpServerThread, selection: dict[str, Any]) -> Iterator[Any]:
    with server.websocket() as socket:
        socket.send(json.dumps({"op": "subscribe", "id": "a", **selection}))
        yield socket


def next_of(socket: Any, kind: str, want: Callable[[Any], bool] = lambda _: True) -> Any:
    """The next message of a *kind* that meets *want*."""
    while True:
        message = json.loads(socket.recv(20))
        if message["type"] == kind and want(message):
            return message


def test_a_stream_starts_with_hello_and_feed(server: HttpServerThread) -> None:
    with server.websocket() as socket:
        hello = json.loads(socket.recv(20))
        assert hello == {"type": "hello", "venue": "bybit", "simulated": False, "beat_ms": 50}
        first = next_of(socket, "feed")
        assert first["alive"] is True
        assert next_of(socket, "feed")["as_of_ms"] > first["as_of_ms"]


def test_a_snapshot_equals_the_api(server: HttpServerThread) -> None:
    with subscribed(server, {"asset": "BTC", "expiry": "29JAN27", "settle": "USDC"}) as socket:
        message = next_of(socket, "subscribed")
        assert message["symbols"] == 6
        first = next_of(socket, "rows")
    assert (first["full"], first["more"], first["skipped"]) == (True, False, 0)
    chain = server.get("/v1/chains/BTC/29JAN27?settle=USDC").json
    sides = [row[side] for row in chain["strikes"] for side in ("call", "put")]
    told_rows = {row["symbol"]: row for row in first["rows"]}
    assert told_rows == {
        row["symbol"]: {name: row[name] for name in row if name not in PASSING} for row in sides
    }
    assert first["as_of_ms"] >= max(row["ts_ms"] for row in first["rows"])


def test_only_changed_fields_are_sent(server: HttpServerThread) -> None:
    with subscribed(server, {"asset": "ETH"}) as socket:
        next_of(socket, "rows")
        later = next_of(socket, "rows")
    assert later["full"] is False
    [row] = later["rows"]
    assert row["symbol"] == MOVING
    assert set(row) <= {"symbol", "mark_price", "ts_ms", "rt_ms", "seq", "time_value"}


def test_changes_applied_in_order_equal_the_api(server: HttpServerThread) -> None:
    rows: dict[str, dict[str, Any]] = {}
    with subscribed(server, {"symbols": [MOVING]}) as socket:
        for _ in range(20):
            for row in next_of(socket, "rows")["rows"]:
                rows[row["symbol"]] = rows.get(row["symbol"], {}) | row

        def agree() -> bool:
            for row in next_of(socket, "rows")["rows"]:
                rows[row["symbol"]] = rows[row["symbol"]] | row
            message = server.get(f"/v1/options/{MOVING}").json
            return all(message[name] == value for name, value in rows[MOVING].items())

        until(agree)


def test_a_dead_feed_is_sent_as_changed_rows(store: Store, server: HttpServerThread) -> None:
    quiet = "BTC-29JAN27-100000-C-USDT"
    with subscribed(server, {"symbols": [quiet, MUTED]}) as socket:
        first = {row["symbol"]: row for row in next_of(socket, "rows")["rows"]}
        assert first[quiet]["live"] is True
        assert (first[MUTED]["live"], first[MUTED]["reason"]) == (False, "ConnectionMuted")
        store.client.hset("fastopts:feed", "heartbeat_ms", 0)
        later = next_of(socket, "rows", lambda message: message["rows"])
        by_symbol = {row["symbol"]: row for row in later["rows"]}
        assert by_symbol[quiet] == {"symbol": quiet, "live": False, "reason": "FeedDown"}
        assert next_of(socket, "feed", lambda message: not message["alive"])["reason"] == "FeedDown"


def test_scans_expiries_smiles_and_surfaces_are_sent_whole(server: HttpServerThread) -> None:
    with subscribed(server, {"scan": {"asset": "BTC", "type": "P", "limit": 2}}) as socket:
        message = next_of(socket, "scan")
        body = server.get("/v1/scan?asset=BTC&type=P&limit=2").json
        assert [entry["symbol"] for entry in message["options"]] == [
            entry["symbol"] for entry in body["options"]
        ]
        assert (message["considered"], message["excluded"]) == (
            body["considered"],
            body["excluded"],
        )
        socket.send(json.dumps({"op": "subscribe", "id": "b", "expiries": "BTC"}))
        expiries = next_of(socket, "expiries")
        assert expiries["id"] == "b"
        told_labels = [entry["label"] for entry in expiries["expiries"]]
        assert told_labels == [
            entry["label"] for entry in server.get("/v1/expiries/BTC").json["expiries"]
        ]
        socket.send(json.dumps({"op": "subscribe", "id": "c", "surface": "BTC"}))
        assert len(next_of(socket, "surface")["expiries"]) == len(told_labels)
        series = {"smile": "BTC", "expiry": told_labels[-1], "settle": "USDT"}
        socket.send(json.dumps({"op": "subscribe", "id": "d", **series}))
        smile = next_of(socket, "smile")
        body = server.get(f"/v1/smile/BTC/{told_labels[-1]}?stale=true").json
        assert (smile["id"], smile["label"], smile["settle"]) == ("d", told_labels[-1], "USDT")
        assert smile["points"]
        assert [entry | {"age_s": 0} for entry in smile["points"]] == [
            entry | {"age_s": 0} for entry in body["points"]
        ]


def test_bounds_of_a_scan_may_be_texts(server: HttpServerThread) -> None:
    scan = {"asset": "BTC", "min_strike": "90k", "otm": True}
    with subscribed(server, {"scan": scan}) as socket:
        message = next_of(socket, "scan")
        body = server.get("/v1/scan?asset=BTC&min_strike=90000&otm=true").json
        assert body["options"]
        assert [option["symbol"] for option in message["options"]] == [
            option["symbol"] for option in body["options"]
        ]
        refused = {"op": "subscribe", "id": "b", "scan": {"max_strike": "many"}}
        socket.send(json.dumps(refused))
        error = next_of(socket, "error")
        assert error["arguments"] == ["max_strike"]
        assert error["detail"] == ("max_strike: 'many' is not a number: write 90000, 90,000 or 90k")


def test_an_ended_subscription_sends_nothing(server: HttpServerThread) -> None:
    with subscribed(server, {"symbols": [MOVING]}) as socket:
        next_of(socket, "rows")
        socket.send(json.dumps({"op": "unsubscribe", "id": "a"}))
        next_of(socket, "unsubscribed")
        next_of(socket, "feed")
        kinds = [json.loads(socket.recv(20))["type"] for _ in range(2)]
        assert set(kinds) == {"feed"}
    broadcaster = server.server.application.broadcaster
    until(lambda: server.call(lambda: broadcaster.subscribers) == 0)


@pytest.mark.parametrize(
    ("text", "detail"),
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
        (
            '{"op": "subscribe", "id": "b", "symbols": ["BTC-1JAN20-1-C"]}',
            "expired at 2020-01-01 08:00 UTC",
        ),
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
def test_an_invalid_message_gets_an_error(server: HttpServerThread, text: str, detail: str) -> None:
    with server.websocket() as socket:
        socket.send(text)
        message = next_of(socket, "error")
        assert detail in message["detail"]
        socket.send('{"op": "ping"}')
        next_of(socket, "pong")


def test_a_refused_scan_names_the_arguments_at_fault(server: HttpServerThread) -> None:
    with server.websocket() as socket:
        for scan, names in (
            ('{"min_iv": 80}', ["min_iv"]),
            ('{"min_dte": 9, "max_dte": 8}', ["min_dte", "max_dte"]),
        ):
            socket.send(f'{{"op": "subscribe", "id": "a", "scan": {scan}}}')
            message = next_of(socket, "error")
            assert (message["id"], message["reason"], message["arguments"]) == (
                "a",
                "BadInput",
                names,
            )


def test_an_id_is_used_once(server: HttpServerThread) -> None:
    with subscribed(server, {"asset": "BTC"}) as socket:
        next_of(socket, "subscribed")
        socket.send(json.dumps({"op": "subscribe", "id": "a", "asset": "ETH"}))
        assert "is in use" in next_of(socket, "error")["detail"]


def test_events_have_the_messages_of_a_websocket(server: HttpServerThread) -> None:
    query = "?subscribe=%7B%22asset%22:%22ETH%22%7D&subscribe=%7B%22expiries%22:%22BTC%22%7D"
    with server.events(query) as messages:
        kinds = {}
        for message in messages:
            kinds[message["type"]] = message
            if {"rows", "expiries", "feed"} <= kinds.keys() and not kinds["rows"]["full"]:
                break
    assert kinds["rows"]["id"] == "0"
    assert kinds["expiries"]["id"] == "1"
    assert [row["symbol"] for row in kinds["rows"]["rows"]] == [MOVING]


def test_events_refuse_unlisted_selections_and_continue(server: HttpServerThread) -> None:
    selections = (
        {"symbols": ["BTC-25JUN27-1-C-USDT"]},
        {"asset": "DOGE"},
        {"asset": "BTC", "expiry": "1JAN20"},
        {"asset": "BTC", "settle": "EUR"},
        {"scan": {"min_delta": 25}},
        {"asset": "ETH"},
    )
    query = "&".join(f"subscribe={quote(json.dumps(selection))}" for selection in selections)
    refused: dict[str, str] = {}
    with server.events(f"?{query}") as messages:
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
def test_an_expiry_that_leaves_the_listing_is_an_error(
    store: Store, server: HttpServerThread, is_socket: bool
) -> None:
    members: Any = store.client.smembers("options:ETH")
    names = {name.decode() for name in members}
    listed = {name for name in names if name.split("-")[1] == "29JAN27"}
    assert names > listed > set()
    selection = {"asset": "ETH", "expiry": "29JAN27", "settle": "USDT"}
    with contextlib.ExitStack() as stack:
        if is_socket:
            socket = stack.enter_context(subscribed(server, selection))
            messages: Messages = map(json.loads, iter(lambda: socket.recv(20), None))
        else:
            query = f"?subscribe={quote(json.dumps(selection))}"
            messages = stack.enter_context(server.events(query))
        next(entry for entry in messages if entry["type"] == "rows")
        delist(store, *listed)
        message = next(entry for entry in messages if entry["type"] == "error")
    assert (message["id"], message["reason"]) == ("a" if is_socket else "0", "Unknown")
    assert message["detail"].startswith("no series ETH 29JAN27 settled in USDT: the nearest")


def test_new_listings_are_sent_and_delisted_symbols_are_gone(
    store: Store, server: HttpServerThread
) -> None:
    new, old = "ETH-25JUN27-5000-C-USDT", "ETH-29JAN27-3000-C-USDT"
    with subscribed(server, {"asset": "ETH"}) as socket:
        next_of(socket, "rows")
        store.client.srem("options:ETH", old)
        store.option(new, 0.4)
        store.list(new, tick_size="0.1")
        store.client.hincrby("fastopts:feed", "universe", 1)
        gone_symbols: set[str] = set()
        new_rows: dict[str, Any] = {}
        while old not in gone_symbols or new not in new_rows:
            message = next_of(socket, "rows")
            gone_symbols |= set(message["gone"])
            new_rows |= {row["symbol"]: row for row in message["rows"]}
    assert gone_symbols == {old}
    assert new_rows[new]["strike"] == 5000
