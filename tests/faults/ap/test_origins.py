"""Pages of other sites in the user's own browser: they reach the server, and get no data."""

import pytest

from fastopts.errors import ConfigError
from fastopts.serve.settings import ServeSettings
from tests.faults.ap.routes import PATHS
from tests.serve.fixtures import bearer, with_tokens
from tests.serve.http_server import HttpServerThread, strict
from tests.serve.live_market import LiveMarket

FOREIGN = (
    *("https://evil.example", "http://127.0.0.1.evil.example", "http://127.0.0.1", "null", ""),
    *("file://", "http://[", "http://[::1", "\xff", "http://localhost:1", "chrome-extension://abc"),
)
DESK = "https://desk.example"


def hosts(port: int) -> list[tuple[str, int]]:
    return [
        (f"127.0.0.1:{port}", 200),
        (f"localhost:{port}", 200),
        (f"LocalHost:{port}", 200),
        (f"[::1]:{port}", 200),
        ("[::1]", 200),
        ("127.0.0.1", 200),
        *((f"{name}:{port}", 421) for name in ("evil.example", "localhost.", "127.0.0.1.", "::1")),
        *((f"{name}:{port}", 421) for name in ("localhost.evil.example", "127.0.0.1.nip.io")),
        *((f"{name}:{port}", 421) for name in ("evil@127.0.0.1", "127.0.0.1#", "127.0.0.1/x")),
        *((name, 421) for name in ("evil.example", "127.0.0.1:", "127.0.0.1:x", "2130706433")),
        *((name, 421) for name in ("0.0.0.0", "0", "[::ffff:127.0.0.1]", "127.1", "", "\xff")),
        (f"127.0.0.1:{port}, evil.example", 421),
        (f"127.0.0.1:{port}:{port}", 421),
    ]


def test_AP_02_only_the_server_s_own_names_are_answered(http_server: HttpServerThread) -> None:
    for host, status in hosts(http_server.port):
        with http_server.raw() as raw:
            raw.host = host
            raw.ask("/v1/feed")
            assert raw.answer().status == status, host
        with http_server.raw() as raw:
            raw.host = host
            assert raw.upgrade() == (101 if status == 200 else status), host


def test_AP_02_no_route_is_an_exception(guarded: HttpServerThread) -> None:
    for path in PATHS:
        answer = guarded.get(path, {"Host": "evil.example"} | bearer())
        assert (answer.status, answer.reason) == (421, "BadHost"), path


@pytest.mark.parametrize("lines", ["", "Host: {0}\r\nHost: {0}\r\n", "Host: {0}\r\nHost: evil\r\n"])
def test_AP_02_no_host_header_and_two_are_refused(
    http_server: HttpServerThread, lines: str
) -> None:
    with http_server.raw() as raw:
        raw.send(f"GET /v1/feed HTTP/1.1\r\n{lines.format(raw.host)}\r\n".encode())
        assert raw.answer().status == 400
    with http_server.raw() as raw:
        raw.send(f"GET /v1/feed HTTP/1.0\r\n{lines.format(raw.host)}\r\n".encode())
        assert raw.answer().status == 400


def test_AP_02_a_name_that_is_allowed_is_answered(live_market: LiveMarket) -> None:
    with HttpServerThread(
        live_market.store.url, ServeSettings(hosts=("options.example",))
    ) as http_server:
        for host, status in (("Options.Example:80", 200), ("evil.example", 421)):
            assert http_server.get("/live", {"Host": host}).status == (
                204 if status == 200 else status
            )


def test_AP_03_no_page_of_another_site_opens_a_stream(
    http_server: HttpServerThread, guarded: HttpServerThread
) -> None:
    """A program sends no Origin: with a token it is let in, and without one where none is asked."""
    token = f"Authorization: {bearer()['Authorization']}\r\n"
    for server, headers in ((http_server, ""), (guarded, token)):
        for origin in FOREIGN:
            with server.raw() as raw:
                assert raw.upgrade(headers=f"{headers}Origin: {origin}\r\n") == 403, origin
            with server.raw() as raw:
                raw.ask("/v1/events", f"{headers}Origin: {origin}\r\n")
                assert raw.answer().status == 403, origin
        own = f"Origin: {server.base}\r\n"
        with server.raw() as raw:
            assert raw.upgrade(headers=headers + own * 2) == 400
        with server.raw() as raw:
            assert raw.upgrade(headers=headers + own) == 101
        with server.raw() as raw:
            assert raw.upgrade(headers=headers) == 101
    with guarded.raw() as raw:
        assert raw.upgrade() == 401
    with guarded.raw() as raw:
        assert raw.upgrade(headers=f"Origin: {guarded.base}\r\n") == 401
    # A browser's Sec-Fetch-Site counts where it sends no Origin.
    with http_server.raw() as raw:
        assert raw.upgrade(headers="Sec-Fetch-Site: cross-site\r\n") == 403


def test_AP_03_an_origin_that_is_allowed_opens_one(live_market: LiveMarket) -> None:
    with (
        HttpServerThread(live_market.store.url, ServeSettings(origins=(DESK,))) as http_server,
        http_server.websocket(origin=DESK) as socket,
    ):
        assert strict(socket.recv())["type"] == "hello"
        with http_server.raw() as raw:
            assert raw.upgrade(headers=f"Origin: {DESK}.evil.example\r\n") == 403


def cors(headers: list[tuple[str, str]]) -> dict[str, str]:
    return {name: value for name, value in headers if name.startswith("access-control-")}


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "x"])
def test_AP_04_without_a_setting_no_cors_header_is_sent(
    http_server: HttpServerThread, method: str
) -> None:
    for origin in (*FOREIGN, http_server.base, DESK):
        for path in ("/v1/feed", "/", "/metrics", "/nothing"):
            with http_server.raw() as raw:
                raw.ask(
                    path,
                    f"Origin: {origin}\r\nAccess-Control-Request-Method: {method}\r\n"
                    "Access-Control-Request-Private-Network: true\r\n",
                    method="OPTIONS",
                )
                answer = raw.answer()
            assert answer.status == (405 if origin == http_server.base else 403)
            assert not cors(answer.headers)
            assert answer["cross-origin-resource-policy"] == "same-origin"
    assert not cors(http_server.get("/v1/feed", {"Origin": http_server.base}).headers)


def test_AP_04_an_origin_that_is_named_may_read_and_no_other(live_market: LiveMarket) -> None:
    settings = with_tokens()
    with HttpServerThread(
        live_market.store.url, ServeSettings(tokens=settings.tokens, cors=(DESK,))
    ) as http_server:
        asked = {"Origin": DESK, "Access-Control-Request-Method": "GET"}
        preflight = http_server.get("/v1/feed", asked, method="OPTIONS")
        assert preflight.status == 204
        assert cors(preflight.headers) == {
            "access-control-allow-origin": DESK,
            "access-control-allow-methods": "GET, HEAD",
            "access-control-allow-headers": "Authorization, If-None-Match",
            "access-control-max-age": "600",
        }
        answer = http_server.get("/v1/feed", {"Origin": DESK} | bearer())
        assert (answer.status, cors(answer.headers)) == (
            200,
            {"access-control-allow-origin": DESK},
        )
        assert "origin" in [value for name, value in answer.headers if name == "vary"]
        assert http_server.get("/v1/feed", {"Origin": DESK}).status == 401
        for origin in (*FOREIGN, DESK + ".", DESK.upper(), f"{DESK}:443", f"{DESK}, {DESK}"):
            with http_server.raw() as raw:
                raw.ask("/v1/feed", f"Origin: {origin}\r\n", method="OPTIONS")
                refused = raw.answer()
            assert (refused.status, cors(refused.headers)) == (403, {}), origin
        assert "origin" in [
            v for n, v in http_server.get("/v1/feed", bearer()).headers if n == "vary"
        ]


@pytest.mark.parametrize("origin", ["*", "https://*.example", "https://a.example/x", "null", "a"])
@pytest.mark.parametrize("name", ["cors", "origins"])
def test_AP_04_no_setting_allows_every_origin(origin: str, name: str) -> None:
    with pytest.raises(ConfigError):
        ServeSettings(**{name: (origin,)}).check()  # type: ignore[arg-type]
