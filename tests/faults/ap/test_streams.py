"""Streams: who does not read costs little and holds up nobody; who asks for too much is refused."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from urllib.parse import quote

import pytest

from fastopts.serve.settings import Limits, ServeSettings
from fastopts.serve.streams import topics
from fastopts.serve.streams.broadcaster import Broadcaster
from tests.faults.ap.routes import SUBSCRIPTIONS
from tests.serve.http_server import HttpServerThread, Raw, frame, strict, until
from tests.serve.live_market import BTC, ETH, SYMBOLS, LiveMarket

SMALL = 4096  # bytes of a receive buffer
MANY = 20  # subscriptions to the same: a first answer that no buffer takes
BUFFERED_MAX = 64 * 1024 + 2 * topics.MESSAGE_BYTES
PATH = "/v1/events?" + "&".join([f"subscribe={quote(json.dumps({'asset': 'BTC'}))}"] * MANY)


def broadcaster_of(http_server: HttpServerThread) -> Broadcaster:
    broadcaster = http_server.server.application.broadcaster
    assert isinstance(broadcaster, Broadcaster)
    return broadcaster


def subscribe(raw: Raw, name: str, **wish: Any) -> None:
    raw.send(frame({"op": "subscribe", "id": name, **wish}))


def messages(raw: Raw) -> Iterator[dict[str, Any]]:
    return (strict(payload) for opcode, payload in raw.frames() if opcode == 1)


def hear(told: Iterator[dict[str, Any]], price: float) -> dict[str, Any]:
    """The message with a row of the mark price *price*."""
    return next(
        one
        for one in told
        if one["type"] == "rows" and any(row.get("mark_price") == price for row in one["rows"])
    )


def buffered(http_server: HttpServerThread) -> list[int]:
    """The bytes that wait for each client."""

    def sizes() -> list[int]:
        connections = http_server.server.server_state.connections
        return [one.transport.get_write_buffer_size() for one in connections]

    return list(http_server.call(sizes))


def deaf(http_server: HttpServerThread, stack: ExitStack, count: int) -> list[Raw]:
    """Clients of both kinds that ask for much, and read nothing."""
    made = [stack.enter_context(http_server.raw(buffer=SMALL)) for _ in range(count)]
    for number, raw in enumerate(made):
        if number % 2:
            raw.ask(PATH)
        else:
            assert raw.upgrade() == 101
            raw.send(
                b"".join(
                    frame({"op": "subscribe", "id": str(i), "asset": "BTC"}) for i in range(MANY)
                )
            )
    return made


def test_AP_11_clients_that_do_not_read_cost_little_and_delay_no_other(
    live_market: LiveMarket,
) -> None:
    settings = ServeSettings(beat_s=0.02)
    with (
        HttpServerThread(live_market.store.url, settings, buffer=SMALL) as http_server,
        ExitStack() as stack,
    ):
        http_server.ready()
        before = http_server.metrics()["process_resident_memory_bytes"]
        held = deaf(http_server, stack, 100)
        until(lambda: sum(size > 0 for size in buffered(http_server)) == len(held))
        with http_server.websocket() as hearing:
            hearing.send('{"op":"subscribe","id":"a","asset":"BTC"}')
            told = map(strict, hearing)
            for number in range(1, 41):
                live_market.tick(BTC[0], mark_price=float(number))
                one = hear(told, float(number))
                assert one["skipped"] == 0
        assert max(buffered(http_server)) < BUFFERED_MAX
        assert http_server.metrics()["process_resident_memory_bytes"] - before < 64e6
        # One client reads again: it gets the newest value and the number of skipped ones.
        assert held[1].head()[0] == 200
        for heard in (messages(held[0]), held[1].messages()):
            caught_up = hear((told for told in heard if told.get("skipped")), 40.0)
            assert caught_up["full"]
        assert http_server.metrics()["fastopts_serve_stream_skipped_total"] > 0


def test_AP_11_clients_that_read_nothing_for_too_long_are_cut_off_and_counted(
    live_market: LiveMarket,
) -> None:
    limits = Limits(stall_s=0.3)
    with (
        HttpServerThread(live_market.store.url, limits=limits, buffer=SMALL) as http_server,
        ExitStack() as stack,
    ):
        http_server.ready()
        deaf(http_server, stack, 10)
        name = 'fastopts_serve_dropped_total{reason="write_stall"}'
        until(lambda: http_server.metrics().get(name) == 10)
        until(lambda: sum(http_server.stats.streams.values()) == 0)
        broadcaster = broadcaster_of(http_server)
        until(
            lambda: not broadcaster._topics and not broadcaster._rows and broadcaster._task is None
        )
        assert broadcaster.subscribers == 0


def test_AP_11_no_stream_stays_behind_its_client(live_market: LiveMarket) -> None:
    """However it leaves: with a close, with a reset, with requests waiting, before its first."""
    with HttpServerThread(live_market.store.url) as http_server:
        http_server.ready()
        for number in range(12):
            with http_server.raw() as raw:
                if number % 2:
                    raw.ask(PATH)
                    if number % 4 == 1:
                        raw.ask("/v1/feed")
                        raw.ask(PATH)
                else:
                    raw.upgrade()
                    subscribe(raw, "a", asset="BTC")
                    if number % 4 == 2:
                        raw.send(frame(opcode=8))
                if number % 3:
                    raw.take(100)
        with http_server.raw() as raw:  # the head is an answer; the stream itself is not asked for
            raw.ask("/v1/events", method="HEAD")
            assert raw.head()[0] == 200
            raw.ask("/v1/feed")
            assert raw.answer().status == 200
        until(lambda: not http_server.connections and not len(http_server.admission))
        broadcaster = broadcaster_of(http_server)
        until(
            lambda: (
                not broadcaster._topics and not broadcaster._rows and not broadcaster.subscribers
            )
        )
        assert set(http_server.stats.streams.values()) == {0}


def test_AP_12_streams_are_counted(live_market: LiveMarket) -> None:
    with (
        HttpServerThread(live_market.store.url, limits=Limits(streams=5)) as http_server,
        ExitStack() as stack,
    ):
        made = [stack.enter_context(http_server.raw()) for _ in range(40)]
        for raw in made:
            raw.ask("/v1/events")
        found = [raw.head()[0] for raw in made]
        assert (found.count(200), found.count(503)) == (5, 35)
        assert stack.enter_context(http_server.raw()).upgrade() == 503
        made[found.index(200)].close()
        until(lambda: http_server.stats.streams["sse"] == 4)
        assert stack.enter_context(http_server.raw()).upgrade() == 101


def test_AP_12_subscriptions_and_symbols_of_a_stream_are_counted(
    live_market: LiveMarket,
) -> None:
    others = [f"SOL-27NOV99-{strike}-C-USDT" for strike in range(100, 120)]
    for symbol in others:
        live_market.store.option(symbol)
    live_market.store.client.hincrby("fastopts:feed", "universe", 1)
    limits = Limits(subscriptions=4, scans=2, symbols=30)
    with (
        HttpServerThread(live_market.store.url, limits=limits) as http_server,
        http_server.websocket() as socket,
    ):
        http_server.ready()

        def answer(name: str, **wish: Any) -> str:
            socket.send(json.dumps({"op": "subscribe", "id": name, **wish}))
            told = map(strict, socket)
            one = next(one for one in told if one["type"] in ("subscribed", "error"))
            assert one["id"] == name
            return str(one.get("detail", "subscribed"))

        assert answer("a", asset="BTC") == "subscribed"
        assert "is in use" in answer("a", asset="BTC")
        assert answer("b", expiries="BTC") == "subscribed"
        assert answer("c", scan={"asset": "ETH"}) == "subscribed"
        assert "scans and overviews reached (2)" in answer("d", surface="BTC")
        assert "scans and overviews reached (2)" in answer("d", scan={"asset": "BTC"})
        assert "1 to 2000" in answer("d", symbols=["X"] * 2001)
        assert "no option 'X' here" in answer("d", symbols=["X"])
        assert "symbol limit of all subscriptions reached (30)" in answer("d", symbols=others)
        assert answer("d", symbols=list(ETH)) == "subscribed"
        assert "subscription limit of a stream reached (4)" in answer("e", symbols=list(ETH))
        with http_server.websocket() as other:
            # What somebody looks at already is no more work for one more.
            other.send('{"op":"subscribe","id":"x","expiries":"BTC"}')
            assert any(strict(text)["type"] == "expiries" for text in other)
        socket.send('{"op":"unsubscribe","id":"c"}')
        assert answer("e", surface="BTC") == "subscribed"


def test_AP_12_a_million_symbols_are_refused(http_server: HttpServerThread) -> None:
    with http_server.raw() as raw:
        assert raw.upgrade() == 101
        subscribe(raw, "a", symbols=["BTC-1"] * 1_000_000)
        *_, (opcode, payload) = raw.frames()
        assert (opcode, payload[:2]) == (8, (1009).to_bytes(2))
    wish = quote(json.dumps({"symbols": ["BTC-1"] * 1000}))
    with http_server.raw() as raw:
        raw.ask(f"/v1/events?subscribe={wish}")
        assert raw.answer().status == 414
    names = ",".join(["A"] * 3000)
    assert http_server.get(f"/v1/options?symbols={names}").status == 400
    wishes = "&".join([f"subscribe={quote(json.dumps({'asset': 'BTC'}))}"] * 33)
    assert http_server.get(f"/v1/events?{wishes}").status == 400
    assert http_server.get("/v1/feed").status == 200


def test_AP_12_equal_subscriptions_share_messages_encoded_once(
    live_market: LiveMarket, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[bool] = []
    tails = topics._tails

    def counted(*args: Any, is_full: bool, **more: Any) -> Iterator[str]:
        made.append(is_full)
        return tails(*args, is_full=is_full, **more)

    with HttpServerThread(live_market.store.url) as http_server, ExitStack() as stack:
        http_server.ready()
        clients = [stack.enter_context(http_server.raw()) for _ in range(50)]
        for raw in clients:
            assert raw.upgrade() == 101
            subscribe(raw, "a", asset="BTC")
            assert any(one["type"] == "rows" for one in messages(raw))
        assert len(broadcaster_of(http_server)._topics) == 1
        assert len(broadcaster_of(http_server)._rows) == len(BTC)
        monkeypatch.setattr(topics, "_tails", counted)
        live_market.tick(BTC[0], mark_price=5.5)
        rows = [
            next(payload for _, payload in raw.frames() if b'"mark_price":5.5' in payload)
            for raw in clients
        ]
        assert len(set(rows)) == 1
        assert made == [False]


def test_AP_12_every_kind_is_forgotten_with_its_last_subscriber(live_market: LiveMarket) -> None:
    with HttpServerThread(live_market.store.url) as http_server:
        http_server.ready()
        broadcaster = broadcaster_of(http_server)
        with ExitStack() as stack:
            clients = [stack.enter_context(http_server.websocket()) for _ in range(3)]
            for number, wish in enumerate(SUBSCRIPTIONS):
                for client in clients:
                    client.send(json.dumps({"op": "subscribe", "id": str(number), **wish}))
            wanted = len(clients) * len(SUBSCRIPTIONS)
            until(lambda: sum(count for _, count in broadcaster._topics.values()) == wanted)
            assert len(broadcaster._topics) == len(SUBSCRIPTIONS)
            clients[0].send('{"op":"unsubscribe","id":"0"}')
            until(lambda: sum(count for _, count in broadcaster._topics.values()) == wanted - 1)
            assert len(broadcaster._rows) == len(SYMBOLS) - 1
        until(lambda: not (broadcaster._topics or broadcaster._rows or broadcaster.subscribers))
        until(lambda: broadcaster._task is None)
