"""What a client can bring about: nothing in Redis, and nothing in the server's settings."""

import contextlib
import json
from pathlib import Path
from urllib.parse import quote

import fastopts
from tests.faults.ap.routes import API, PATHS
from tests.serve.fixtures import TOKEN, bearer
from tests.serve.http_server import HttpServerThread, frame, strict, until
from tests.serve.live_market import LiveMarket
from tests.support.monitor import CommandMonitor

PAGE = Path(fastopts.__file__).parent / "serve" / "page"
CLUE = "EVIL"
EVIL = tuple(
    f"{CLUE}{rest}"
    for rest in (
        "",
        "*",
        "?",
        "[a-z]",
        "\r\nFLUSHALL\r\n",
        "\n",
        "\0",
        " x",
        "\xff",
        ":*",
        "{x}",
        "'",
    )
)
# Of the mirror and of the counters; the market's own are beside them.
MIRROR = {
    "HELLO",
    "CLIENT",
    "HGETALL",
    "TIME",
    "SUBSCRIBE",
    "SMEMBERS",
    "HMGET",
    "MGET",
    "PING",
    "INFO",
}
MARKET = {"TIME", "HSET", "PUBLISH"}


def test_AP_14_no_text_of_a_request_reaches_redis(live_market: LiveMarket) -> None:
    port = int(live_market.store.url.rpartition(":")[2].strip("/"))
    with CommandMonitor(port) as monitor, HttpServerThread(live_market.store.url) as http_server:
        http_server.ready()
        for word in EVIL:
            evil = quote(word, safe="")
            for path in (
                *(f"options/{evil}", f"options?symbols={evil}", f"expiries/{evil}"),
                *(f"chains/{evil}", f"chains/BTC/{evil}", f"chains/BTC/front?settle={evil}"),
                *(f"smile/{evil}/front", f"surface/{evil}", f"surface/BTC?deltas={evil}"),
                *(f"instruments?asset={evil}", f"scan?asset={evil}", f"scan?sort={evil}"),
                *(f"scan?expiry={evil}", f"scan?min_iv={evil}", f"scan?{evil}=1"),
                f"events?subscribe={quote(json.dumps({'symbols': [word]}))}",
            ):
                answer = http_server.get(f"/v1/{path}")
                assert answer.status in (200, 400, 404), path
                assert answer.status != 200 or path.startswith(("events", "options?")), path
            with http_server.websocket() as socket:
                for number, kind in enumerate(("asset", "expiries", "smile", "surface", "id")):
                    wish = {"op": "subscribe", "id": f"{number}", kind: word}
                    socket.send(json.dumps(wish))
                socket.send(json.dumps({"op": "subscribe", "id": "s", "symbols": [word]}))
                socket.send(json.dumps({"op": word}))
                told = map(strict, socket)
                assert any(one["type"] == "error" and "op:" in one["detail"] for one in told)
        commands = list(monitor.commands())
    assert {one[0] for one in commands} <= MIRROR | MARKET
    assert not [one for one in commands if CLUE in " ".join(one)]
    keys = {one[1] for one in commands if one[0] in ("HGETALL", "SMEMBERS", "HMGET")}
    assert {key.partition(":")[0] for key in keys} == {"fastopts", "instrument", "options", "stats"}
    assert not [key for key in keys if set(key) & set("*?[")]
    records = [key for one in commands if one[0] == "MGET" for key in one[1:]]
    assert {key.partition(":")[0] for key in records} == {"optrec"}


def test_AP_15_no_method_changes_anything(guarded: HttpServerThread) -> None:
    settings = guarded.server.application.settings
    before = repr(settings)
    for path in (*PATHS, "/v1/config", "/config", "/v1/options"):
        for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"):
            answer = guarded.get(path, bearer(), method=method)
            assert (answer.status, answer["allow"]) == (405, "GET, HEAD"), (method, path)
            assert answer.reason == "ReadOnly"
        body = b'{"redis_url":"redis://192.0.2.1"}'
        headers = bearer() | {"Content-Type": "application/json"}
        assert guarded.get(path, headers, body=body).status == 413, path
        headers = bearer() | {"X-HTTP-Method-Override": "DELETE", "X-Method-Override": "PUT"}
        plain = guarded.get(path, bearer()).status
        assert guarded.get(path, headers).status == plain
    assert repr(guarded.server.application.settings) == before
    assert guarded.get("/v1/feed", bearer()).json["alive"]


def test_AP_15_there_is_no_parameter_for_where_the_data_come_from(
    guarded: HttpServerThread,
) -> None:
    url = quote("redis://192.0.2.1:6379/0", safe="")
    names = (
        "redis_url",
        "url",
        "venue",
        "host",
        "exchange",
        "rest_url",
        "bind",
        "tokens",
        "config",
    )
    for path in (*API, "/v1/events", "/ready", "/live"):
        joint = "&" if "?" in path else "?"
        for name in names:
            answer = guarded.get(f"{path}{joint}{name}={url}", bearer())
            assert (answer.status, answer.reason) == (400, "BadInput"), (path, name)
    for path in ("config", "settings", "admin", "reload", "shutdown", "debug", "docs", "redoc"):
        for prefix in ("/", "/v1/"):
            if prefix + path == "/docs":
                continue  # the one exception: a page over the OpenAPI document, checked below
            assert guarded.get(prefix + path, bearer()).status == 404
    # That page is a packaged file: no parameter changes it or what it loads.
    plain = guarded.get("/docs", bearer()).body
    assert plain == (PAGE / "api_docs.html").read_bytes()
    for name in names:
        assert guarded.get(f"/docs?{name}={url}", bearer()).body == plain
    assert guarded.get("/docs").status == 401
    for name in ("X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP", "Forwarded", "X-Original-URL"):
        answer = guarded.get("/v1/feed", {name: "192.0.2.1"} | bearer())
        assert (answer.status, answer.json["venue"]) == (200, "bybit")


def test_AP_15_no_message_of_a_stream_changes_anything(guarded: HttpServerThread) -> None:
    with guarded.raw() as raw:
        assert raw.upgrade(headers=f"Authorization: Bearer {TOKEN}\r\n") == 101
        for op in ("config", "set", "auth", "publish", "shutdown", "eval"):
            raw.send(frame({"op": op, "id": op, "redis_url": "redis://192.0.2.1"}))
        errors = (strict(payload) for _, payload in raw.frames() if b'"error"' in payload)
        assert [next(errors)["reason"] for _ in range(6)] == ["BadInput"] * 6
    until(lambda: not guarded.stats.streams["websocket"])


def test_AP_06_a_client_s_address_is_the_socket_s(guarded: HttpServerThread) -> None:
    """Who could name another would never be locked out, or have others locked out."""
    forged = {"Authorization": "Bearer " + "x" * 40}
    for number in range(guarded.settings.limits.failures_minute + 1):
        with contextlib.suppress(ConnectionError):
            claim = {
                "X-Forwarded-For": f"192.0.2.{number}",
                "Forwarded": f"for=192.0.2.{number}",
            }
            guarded.get("/live", forged | claim)
    assert guarded.get("/live", forged).status == 429
    assert guarded.get("/live", forged, source="127.0.0.2").status == 401
    assert guarded.get("/live", bearer()).status == 204
