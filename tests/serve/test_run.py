"""The addresses on which a server listens."""

import contextlib
import http.client
import socket
from dataclasses import replace

import pytest

from fastopts.errors import ConfigError
from fastopts.serve import run
from fastopts.serve.settings import ServeSettings
from tests.serve.fixtures import bearer, with_tokens
from tests.serve.http_server import HttpServerThread
from tests.serve.live_market import LiveMarket
from tests.support.ports import free_port

needs_ipv6 = pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="no IPv6 here")


def status(host: str, port: int, headers: dict[str, str] | None = None) -> int:
    connection = http.client.HTTPConnection(host, port, timeout=20)
    try:
        connection.request("GET", "/v1/feed", headers=headers or {})
        return connection.getresponse().status
    finally:
        connection.close()


def test_several_addresses_have_one_port(live_market: LiveMarket) -> None:
    settings = ServeSettings(bind=("127.0.0.1", "127.0.0.3"))
    with HttpServerThread(live_market.store.url, settings) as http_server:
        assert status("127.0.0.1", http_server.port) == 200
        assert status("127.0.0.3", http_server.port) == 200
        with pytest.raises(ConnectionRefusedError):
            status("127.0.0.2", http_server.port)


@needs_ipv6
def test_the_ipv6_wildcard_includes_ipv4(live_market: LiveMarket) -> None:
    settings = replace(with_tokens(), bind=("::",))
    with HttpServerThread(live_market.store.url, settings) as http_server:
        assert status("127.0.0.1", http_server.port, bearer()) == 200
        assert status("::1", http_server.port, bearer()) == 200


@needs_ipv6
@pytest.mark.parametrize("bind", [("::", "127.0.0.1"), ("127.0.0.1", "::")])
def test_the_ipv6_wildcard_beside_an_ipv4_address_excludes_others(
    live_market: LiveMarket, bind: tuple[str, ...]
) -> None:
    settings = replace(with_tokens(), bind=bind)
    with HttpServerThread(live_market.store.url, settings) as http_server:
        assert status("127.0.0.1", http_server.port, bearer()) == 200
        with pytest.raises(ConnectionRefusedError):
            status("127.0.0.2", http_server.port, bearer())


def test_one_address_that_is_not_loopback_needs_tokens() -> None:
    with pytest.raises(ConfigError, match=r"--bind 192\.0\.2\.1: .* needs tokens"):
        ServeSettings(bind=("127.0.0.1", "192.0.2.1")).check()


def test_a_port_in_use_on_the_second_address_is_not_chosen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listen = run._listen
    settings = ServeSettings(bind=("127.0.0.1", "127.0.0.3"), port=0)
    in_use: list[socket.socket] = []

    def listen_where_another_was_faster(
        name: str, port: int, settings: ServeSettings
    ) -> socket.socket:
        if name == "127.0.0.3" and len(in_use) < 3:
            in_use.append(socket.create_server((name, port)))
        return listen(name, port, settings)

    monkeypatch.setattr(run, "_listen", listen_where_another_was_faster)
    with contextlib.ExitStack() as stack:
        listeners = stack.enter_context(run.listening(settings))
        ports = {listener.getsockname()[1] for listener in listeners}
        assert len(listeners) == 2
        assert len(ports) == 1
        assert ports.isdisjoint(stack.enter_context(s).getsockname()[1] for s in in_use)


def test_a_port_of_the_user_is_not_replaced() -> None:
    port = free_port()
    with socket.create_server(("127.0.0.3", port)):
        settings = ServeSettings(bind=("127.0.0.1", "127.0.0.3"), port=port)
        with (
            pytest.raises(ConfigError, match=rf"--bind 127\.0\.0\.3 --port {port}: .* in use"),
            run.listening(settings),
        ):
            pass


def test_an_unavailable_address_is_named(live_market: LiveMarket) -> None:
    settings = replace(with_tokens(), bind=("127.0.0.1", "203.0.113.255"))
    with (
        pytest.raises(ConfigError, match=r"--bind 203\.0\.113\.255"),
        HttpServerThread(live_market.store.url, settings),
    ):
        pass
