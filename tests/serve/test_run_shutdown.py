"""Shutdown: a bye for each stream, in time, with exit code 0."""

import signal
from contextlib import ExitStack
from pathlib import Path

import pytest

from fastopts.embedded import EmbeddedValkey
from tests.serve.http_server import HttpServerThread, frame, strict, until
from tests.serve.live_market import LiveMarket
from tests.support.processes import finish, start, wait_for_line

SMALL = 4096


def test_each_stream_gets_bye_and_a_close_code_for_reconnecting(live_market: LiveMarket) -> None:
    with (
        HttpServerThread(live_market.store.url) as http_server,
        http_server.raw() as socket,
        http_server.raw() as events,
    ):
        http_server.ready()
        assert socket.upgrade() == 101
        events.ask("/v1/events")
        assert events.head()[0] == 200
        until(lambda: sum(http_server.stats.streams.values()) == 2)
        http_server.end()
        *_, bye, close = socket.frames()
        assert close == (8, (1012).to_bytes(2))
        for last in (strict(bye[1]), list(events.messages())[-1]):
            assert (last["type"], last["reason"]) == ("bye", "Restart")


def test_no_client_delays_the_shutdown(live_market: LiveMarket) -> None:
    """Neither one that reads nothing, nor an idle one, nor one with half a request."""
    with (
        HttpServerThread(live_market.store.url, buffer=SMALL) as http_server,
        ExitStack() as stack,
    ):
        http_server.ready()
        clients = [stack.enter_context(http_server.raw(buffer=SMALL)) for _ in range(12)]
        for number, raw in enumerate(clients):
            match number % 4:
                case 0:
                    assert raw.upgrade() == 101
                    for name in range(20):
                        raw.send(frame({"op": "subscribe", "id": f"{name}", "asset": "BTC"}))
                case 1:
                    raw.ask("/page/vendor/echarts.common.min.js")
                case 2:
                    raw.send(b"GET / HTTP/1.1\r\nHost: ")
        until(lambda: http_server.connections == len(clients))
        http_server.end()
        assert not http_server.connections


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_process_in_order(
    shared_valkey: EmbeddedValkey, tmp_path: Path, number: int
) -> None:
    options = ("serve", "--port", "0", "--redis-url", shared_valkey.url)
    with start(*options, cwd=tmp_path, module="fastopts.cli.__main__") as process:
        try:
            wait_for_line(process.stderr, "http://")
            process.send_signal(number)
            code, out, err = finish(process)
        finally:
            process.kill()
    assert (code, out) == (0, "")
    assert "Traceback" not in err
