"""Who may ask: with tokens nobody without one, and nobody for long who guesses."""

import base64
import hmac
from collections import Counter

import pytest

from fastopts.cli.__main__ import main
from fastopts.serve.http.tokens import Tokens
from fastopts.serve.settings import Limits, ServeSettings
from tests.faults.ap.routes import PATHS
from tests.serve.fixtures import OTHER, TOKEN, bearer, with_tokens
from tests.serve.http_server import HttpServerThread, Raw, frame, strict, until
from tests.serve.live_market import LiveMarket

BATCH = 50


def test_AP_01_with_tokens_every_request_needs_one(guarded: HttpServerThread) -> None:
    """Without tokens a server on loopback is open to every account on the machine; that is what
    an address of loopback means here. Against pages in a browser it is guarded all the same, by
    Host and Origin: see AP-02 and AP-03."""
    for path in PATHS:
        for method in ("GET", "HEAD"):
            answer = guarded.get(path, method=method)
            assert answer.status == 401, path
            asked = [value.split(" ")[0] for n, value in answer.headers if n == "www-authenticate"]
            assert asked == ["Bearer", "Basic"]
        assert guarded.get(path).reason == "NoToken"
        assert guarded.get(path, bearer()).status != 401, path
    with guarded.raw() as raw:
        assert raw.upgrade() == 401
    with guarded.raw() as raw:
        assert raw.upgrade("/nothing") == 401
    with guarded.websocket(additional_headers=bearer()) as socket:
        assert strict(socket.recv())["type"] == "hello"


@pytest.mark.parametrize("bind", ["0.0.0.0", "::", "192.0.2.1", "host.example", ""])
def test_AP_01_another_address_than_loopback_is_refused_without_tokens(
    bind: str, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["serve", "--bind", bind, "--port", "0"]) == 2
    out, err = capfd.readouterr()
    assert not out
    assert len(err.splitlines()) == 1
    assert "needs tokens" in err


@pytest.mark.parametrize("bind", ["127.0.0.1", "127.0.0.2", "localhost", "::1"])
def test_AP_01_loopback_is_known_in_each_spelling(bind: str) -> None:
    ServeSettings(bind=(bind,)).check()


@pytest.mark.parametrize("offered", [TOKEN, OTHER, "x" * 50, "", "\udcff"])
def test_AP_05_each_token_is_compared_with_all_in_constant_time(
    offered: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[int] = []
    compare = hmac.compare_digest

    def counted(one: bytes, other: bytes) -> bool:
        compared.append(len(other))
        assert len(one) == len(other)
        return compare(one, other)

    monkeypatch.setattr(hmac, "compare_digest", counted)
    tokens = Tokens({"desk": TOKEN, "page": OTHER, "more": "m" * 40})
    assert tokens.owner(offered) == {TOKEN: "desk", OTHER: "page"}.get(offered)
    assert len(compared) == 3


def test_AP_05_a_token_counts_in_the_header_only(guarded: HttpServerThread) -> None:
    basic = base64.b64encode(f"anyone:{TOKEN}".encode()).decode()
    assert guarded.get("/v1/feed", {"Authorization": f"Basic {basic}"}).status == 200
    assert guarded.get("/v1/feed", {"Authorization": f"bearer  {OTHER}"}).status == 200
    for name in ("token", "access_token", "api_key", "authorization"):
        assert guarded.get(f"/v1/feed?{name}={TOKEN}").status == 401
        assert guarded.get(f"/v1/feed?{name}={TOKEN}", bearer()).status == 400
        with guarded.raw() as raw:
            assert raw.upgrade(f"/v1/stream?{name}={TOKEN}") == 401
    for headers in ({"Cookie": f"token={TOKEN}"}, {"X-Api-Key": TOKEN}, {"Authorization": TOKEN}):
        assert guarded.get("/v1/feed", headers).status == 401
    with guarded.raw() as raw:
        raw.ask("/v1/feed", f"Authorization: Bearer {TOKEN}\r\nAuthorization: Bearer {TOKEN}\r\n")
        assert raw.answer().status == 401
    with guarded.raw() as raw:
        assert raw.upgrade(headers=f"Sec-WebSocket-Protocol: {TOKEN}\r\n") == 401


def flood(raw: Raw, count: int, headers: str) -> Counter[int]:
    """The statuses of as many requests, written many at once."""
    found: Counter[int] = Counter()
    one = f"GET /v1/feed HTTP/1.1\r\nHost: {raw.host}\r\n{headers}\r\n".encode()
    for _ in range(0, count, BATCH):
        assert raw.send(one * BATCH)
        found.update(raw.answer().status for _ in range(BATCH))
    return found


def test_AP_06_clients_that_guess_tokens_are_locked_out_and_others_served(
    guarded: HttpServerThread,
) -> None:
    with guarded.raw() as guessing, guarded.raw("127.0.0.2") as other:
        found: Counter[int] = Counter()
        for number in range(20):
            found += flood(guessing, 500, f"Authorization: Bearer {number:064}\r\n")
            other.ask("/v1/feed", f"Authorization: Bearer {TOKEN}\r\n")
            assert other.answer().json["alive"]
    allowed = guarded.settings.limits.failures_minute
    assert found.total() == 10_000
    assert found.keys() == {401, 429}
    assert allowed <= found[401] <= 2 * allowed  # a third of one a second comes back
    shut = guarded.get("/v1/feed", bearer("x" * 40))
    assert (shut.status, shut.reason) == (429, "TooMany")
    assert int(shut["retry-after"] or 0) > 0
    assert guarded.get("/v1/feed", bearer()).status == 200
    metrics = guarded.get("/metrics", bearer(), source="127.0.0.2").body.decode()
    assert f'refused_total{{reason="NoToken"}} {found[401]}.0' in metrics


def test_AP_06_requests_without_end_are_refused_and_others_are_served(
    live_market: LiveMarket,
) -> None:
    limits = Limits(requests_s=50)
    with HttpServerThread(live_market.store.url, limits=limits) as http_server:
        with http_server.raw() as asking, http_server.raw("127.0.0.2") as other:
            found = flood(asking, 2000, "")
            other.ask("/v1/feed")
            assert other.answer().status == 200
        assert found.keys() == {200, 429}
        assert found[429] > found[200]


def test_AP_06_a_thousand_connects_leave_room_for_others(live_market: LiveMarket) -> None:
    limits = Limits(connections=120, connections_each=60, streams=40)
    with HttpServerThread(live_market.store.url, limits=limits) as http_server:
        held, found = [], Counter[int]()
        for _ in range(1000):
            raw = http_server.raw()
            status = raw.upgrade()
            found[status] += 1
            if status == 101:
                held.append(raw)
            else:
                raw.close()
        assert found == {101: 40, 503: 960}
        more = [http_server.raw() for _ in range(40)]
        refused = [one for one in more if one.upgrade() == 503]
        assert len(refused) == 40
        assert http_server.get("/v1/feed", source="127.0.0.2").status == 200
        for one in (*held, *more):
            one.close()
        until(lambda: not http_server.connections and not len(http_server.admission))
        until(lambda: http_server.stats.streams == {"websocket": 0})
        assert http_server.get("/v1/feed").status == 200


def test_AP_06_silent_connections_make_room_for_others(live_market: LiveMarket) -> None:
    limits = Limits(connections=120, connections_each=60)
    with HttpServerThread(live_market.store.url, limits=limits) as http_server:
        held = [http_server.raw() for _ in range(60)]
        until(lambda: http_server.connections == 60)
        assert http_server.get("/v1/feed").status == 200
        assert held[0].answer().status == 503  # the oldest gave way
        assert not held[0].rest()
        assert http_server.get("/v1/feed", source="127.0.0.2").status == 200
        for one in held:
            one.close()
        until(lambda: not http_server.connections and not len(http_server.admission))
        assert http_server.stats.drops["evicted"] == 1
        assert http_server.get("/v1/feed").status == 200


def test_AP_06_connections_that_were_admitted_keep_their_places(live_market: LiveMarket) -> None:
    limits = Limits(connections=120, connections_each=60)
    with HttpServerThread(live_market.store.url, limits=limits) as http_server:
        held = [http_server.raw() for _ in range(60)]
        for raw in held:
            raw.ask("/v1/feed")
            assert raw.answer().status == 200
        with http_server.raw() as one_more:
            answer = one_more.answer()
            assert (answer.status, answer.reason) == (503, "TooMany")
            assert not one_more.rest()
        assert http_server.get("/v1/feed", source="127.0.0.2").status == 200
        for raw in held:
            raw.ask("/v1/feed")
            assert raw.answer().status == 200
            raw.close()
        until(lambda: not http_server.connections and not len(http_server.admission))


def test_AP_06_a_stream_that_sends_too_much_is_ended_and_others_continue(
    live_market: LiveMarket,
) -> None:
    limits = Limits(messages_s=5)
    with HttpServerThread(live_market.store.url, limits=limits) as http_server:
        http_server.ready()
        with http_server.raw() as loud, http_server.websocket() as other:
            assert loud.upgrade() == 101
            loud.send(frame({"op": "ping"}) * 200)
            told = list(loud.frames())
            texts = [strict(payload)["type"] for opcode, payload in told if opcode == 1]
            assert texts[0] == "hello"
            assert 10 <= texts.count("pong") < 200
            assert texts[-1] == "bye"
            assert told[-1] == (8, (1008).to_bytes(2))
            other.send('{"op":"ping"}')
            assert any(strict(text)["type"] == "pong" for text in other)


def test_AP_06_settings_of_tokens_are_in_no_repr() -> None:
    shown = f"{with_tokens()!r}{Tokens({'desk': TOKEN})!r}"
    assert TOKEN not in shown
    assert "t0k3n" not in shown
