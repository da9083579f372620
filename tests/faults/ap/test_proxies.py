"""What one client may do to the others that share an address with it."""

import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from fastopts.serve.settings import Limits
from tests.serve.fixtures import OTHER, TOKEN, bearer, with_tokens
from tests.serve.http_server import HttpServerThread, strict
from tests.serve.live_market import LiveMarket
from tests.serve.reverse_proxy import NGINX, ReverseProxy, ask, nginx

ProxyTo = Callable[[int], AbstractContextManager[int]]

ATTACKER, DESK, PROMETHEUS = "127.0.0.66", "127.0.0.7", "127.0.0.8"
WRONG = bearer("w" * 40)
NAMED = replace(with_tokens(), trusted_proxies=("127.0.0.1",))
FORWARDING = """
    location / {
      proxy_pass http://127.0.0.1:%d;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_set_header Upgrade $http_upgrade;
      proxy_set_header Connection $connection_upgrade;
    }
"""

needs_nginx = pytest.mark.skipif(NGINX is None, reason="no nginx: apt install nginx-light")


@pytest.fixture(params=["own", pytest.param("nginx", marks=needs_nginx)])
def front(request: pytest.FixtureRequest, tmp_path: Path) -> ProxyTo:
    """Makes a proxy before a port."""

    @contextmanager
    def made(port: int) -> Iterator[int]:
        with ExitStack() as stack:
            if request.param == "own":
                yield stack.enter_context(ReverseProxy(port)).port
            else:
                yield stack.enter_context(nginx(tmp_path, FORWARDING % port))

    return made


def attack(port: int, count: int = 25) -> list[int]:
    return [ask(port, headers=WRONG, source=ATTACKER).status for _ in range(count)]


@pytest.mark.parametrize("is_named", [False, True])
def test_AP_20_behind_a_proxy_a_valid_token_is_always_let_in(
    live_market: LiveMarket,
    front: ProxyTo,
    is_named: bool,
) -> None:
    settings = NAMED if is_named else with_tokens()
    with (
        HttpServerThread(live_market.store.url, settings) as http_server,
        front(http_server.port) as port,
    ):
        http_server.ready(bearer())
        assert attack(port)[-1] == 429
        for source in (DESK, ATTACKER):
            assert ask(port, headers=bearer(), source=source).status == 200
            assert ask(port, "/metrics", bearer(OTHER), source).status == 200
        assert http_server.get("/metrics", bearer(OTHER)).status == 200
        # The proxy's own address is locked out only where it stands for all of its clients.
        others = ask(port, headers=bearer("v" * 40), source=DESK).status
        assert others == (401 if is_named else 429)
        assert ask(port, source=DESK).status == 401  # no token at all: asked for one
        with http_server.websocket(additional_headers=bearer()) as stream:
            assert strict(stream.recv())["type"] == "hello"


def test_AP_20_a_named_proxy_s_clients_count_on_their_own(
    live_market: LiveMarket, front: ProxyTo
) -> None:
    settings = replace(NAMED, limits=Limits(requests_s=1))
    with (
        HttpServerThread(live_market.store.url, settings) as http_server,
        front(http_server.port) as port,
    ):
        statuses = {ask(port, source=ATTACKER).status for _ in range(60)}
        assert statuses == {401, 429}
        assert ask(port, source=DESK).status == 401
        assert ask(port, headers=bearer(), source=ATTACKER).status == 200
        claim = {"X-Forwarded-For": DESK}  # of the attacker itself
        assert 429 in {ask(port, headers=claim, source=ATTACKER).status for _ in range(9)}
        assert ask(port, source=DESK).status == 401


def test_AP_20_a_flood_without_tokens_costs_no_token_its_requests(live_market: LiveMarket) -> None:
    settings = replace(with_tokens(), limits=Limits(requests_s=1))
    with HttpServerThread(live_market.store.url, settings) as http_server:
        assert {ask(http_server.port).status for _ in range(60)} == {401, 429}
        assert ask(http_server.port, "/metrics", bearer(OTHER)).status == 200
        busy = {ask(http_server.port, headers=bearer()).status for _ in range(60)}
        assert busy == {200, 429}
        assert ask(http_server.port, "/metrics", bearer(OTHER)).status == 200


def test_AP_20_connections_without_a_token_make_room(live_market: LiveMarket) -> None:
    limits = Limits(connections=20, connections_each=10)
    settings = replace(with_tokens(), limits=limits)
    with HttpServerThread(live_market.store.url, settings) as http_server, ExitStack() as stack:
        silent = [stack.enter_context(http_server.raw()) for _ in range(6)]
        for _ in range(6):
            half = stack.enter_context(http_server.raw())
            half.send(b"GET /v1/feed HTTP/1.1\r\nHost: x\r\n")
        for _ in range(6):
            refused = stack.enter_context(http_server.raw())
            refused.ask("/v1/feed")
            assert refused.answer().status == 401
        assert http_server.get("/metrics", bearer()).status == 200
        assert silent[0].answer().status == 503
        assert len(http_server.admission) <= 10


def test_AP_20_a_named_proxy_s_connections_count_in_the_total_alone(
    live_market: LiveMarket,
) -> None:
    limits = Limits(connections=30, connections_each=5)
    settings = replace(NAMED, limits=limits)
    with HttpServerThread(live_market.store.url, settings) as http_server, ExitStack() as stack:
        for number in range(20):
            stream = http_server.raw()
            stack.enter_context(stream)
            forwarded = f"X-Forwarded-For: 192.0.2.{number}\r\n"
            status = stream.upgrade(headers=f"Authorization: Bearer {TOKEN}\r\n{forwarded}")
            assert status == 101


def test_AP_20_one_client_can_not_take_all_streams_and_scans(live_market: LiveMarket) -> None:
    limits = Limits(streams=10, streams_each=4, scans=8, scans_each=4, symbols_each=10)
    settings = replace(with_tokens(), limits=limits)
    with HttpServerThread(live_market.store.url, settings) as http_server, ExitStack() as stack:
        http_server.ready(bearer())
        ours = [http_server.websocket(additional_headers=bearer()) for _ in range(4)]
        for stream in ours:
            stack.enter_context(stream)
        with http_server.raw() as fifth:
            assert fifth.upgrade(headers=f"Authorization: Bearer {TOKEN}\r\n") == 503
        theirs = stack.enter_context(http_server.websocket(additional_headers=bearer(OTHER)))

        def answer(stream: object, name: str, wish: str) -> str:
            stream.send(f'{{"op":"subscribe","id":"{name}",{wish}}}')  # type: ignore[attr-defined]
            told = map(strict, stream)  # type: ignore[call-overload]
            one = next(one for one in told if one.get("id") == name and one["type"] != "rows")
            return str(one.get("detail", one["type"]))

        for number in range(4):
            wish = f'"scan":{{"min_strike":{number}}}'
            assert answer(ours[number], "a", wish) == "subscribed"
        assert "one client" in answer(ours[0], "b", '"scan":{"min_strike":9}')
        assert answer(theirs, "b", '"scan":{"min_strike":9}') == "subscribed"
        assert "one client" in answer(ours[0], "c", '"asset":"BTC"')
        assert answer(ours[0], "d", '"asset":"ETH"') == "subscribed"


def test_AP_20_a_lock_out_is_logged_once_and_counted(
    live_market: LiveMarket, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        HttpServerThread(live_market.store.url, NAMED) as http_server,
        caplog.at_level(logging.WARNING),
    ):
        for number in range(12):
            claim = WRONG | {"X-Forwarded-For": f"192.0.2.{number}"}
            for _ in range(25):
                ask(http_server.port, headers=claim)
        assert http_server.metrics(bearer())["fastopts_serve_lockouts_total"] == 12
    lines = [one.getMessage() for one in caplog.records if "locked out" in one.getMessage()]
    assert lines[0] == (
        "192.0.2.0: locked out after 20 wrong tokens within a minute;"
        " valid tokens are still accepted from this address"
    )
    assert len({line.partition(":")[0] for line in lines}) == len(lines) < 9
    assert "wwww" not in caplog.text
