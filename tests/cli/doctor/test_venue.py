"""What the doctor finds on the way to a venue, whatever that does wrong."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from fastopts.sim import Clock, SimSettings
from tests.cli.doctor.venues import at, levels, look
from tests.sim.conftest import ThreadedVenue
from tests.support import certificates

TICKERS = "/v5/market/tickers"


@contextmanager
def secure(days: float) -> Iterator[list[str]]:
    """The options for a server that shows a certificate good for *days*, and says no more."""
    context = certificates.server_context(days)

    def serve() -> None:
        while True:
            with suppress(OSError):  # a client that does not like the certificate
                connection, _ = listener.accept()
                with context.wrap_socket(connection, server_side=True):
                    pass
            if listener.fileno() < 0:
                return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        yield at(f"https://{host}", f"wss://{host}/v5/public/option")
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def test_what_a_healthy_venue_says(tmp_path: Path, there: list[str], venue: ThreadedVenue) -> None:
    found = look(there, tmp_path)
    assert levels(found) == ["green"] * 7
    count = sum(symbol.startswith("BTC-") for symbol in venue.venue.symbols)
    assert found["rest"]["words"].startswith(f"{count} options on BTC in ")
    symbol = found["ws tick"]["words"].split()[0]
    assert symbol.startswith("BTC-")
    assert symbol in venue.venue.symbols


def test_a_ban_is_distinguished_and_not_asked_again(
    tmp_path: Path, there: list[str], venue: ThreadedVenue
) -> None:
    venue.venue.faults.rest[TICKERS] = (403, "")
    found = look(there, tmp_path)
    assert levels(found) == [*("green", "green", "red", "skipped", "green", "green", "skipped")]
    assert "HTTP 403" in found["rest"]["words"]
    assert found["rest"]["remedy"].startswith("wait 10 minutes")
    assert found["ws tick"]["words"] == "not run: rest failed"


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (502, "", "HTTP 502"),
        (200, "<html>", "the answer is not JSON"),
        (200, '{"retCode":10016,"retMsg":"restarting","result":{}}', "retCode 10016: restarting"),
        (200, '{"retCode":0,"result":{"list":[]},"time":1795514400000}', "no options on BTC"),
    ],
)
def test_an_answer_that_is_none_is_red(
    tmp_path: Path, there: list[str], venue: ThreadedVenue, status: int, body: str, words: str
) -> None:
    venue.venue.faults.rest[TICKERS] = (status, body)
    found = look(there, tmp_path)["rest"]
    assert (found["level"], found["words"]) == ("red", words)


def test_a_name_that_does_not_resolve_is_red(tmp_path: Path) -> None:
    found = look(at("https://no-such.invalid", "wss://no-such.invalid/x"), tmp_path)
    assert levels(found) == ["red", "skipped", "skipped", "skipped", "red", "skipped", "skipped"]
    assert found["rest dns"]["words"].startswith("no-such.invalid: ")
    assert found["rest"]["words"] == "not run: rest dns failed"


def test_a_missing_server_is_red(tmp_path: Path) -> None:
    found = look(at("https://127.0.0.1:1", "wss://127.0.0.1:1/x"), tmp_path)
    assert levels(found)[:2] == ["green", "red"]
    assert found["rest tls"]["words"].startswith("127.0.0.1: [Errno ")


def test_a_self_signed_certificate_is_red_until_it_is_accepted(tmp_path: Path) -> None:
    with ThreadedVenue(SimSettings(symbols=40, rate=400, tls=True)) as venue:
        there = at(venue.venue.rest_url, venue.venue.ws_url)
        found = look(there, tmp_path)
        assert levels(found) == ["green", "red", "skipped", "skipped", "green", "red", "skipped"]
        assert "self-signed certificate" in found["rest tls"]["words"]
        assert "--insecure" in found["rest tls"]["remedy"]
        found = look([*there, "--insecure"], tmp_path)
        assert levels(found) == ["green", "yellow", "green", "green", "green", "yellow", "green"]
        found = look(there, tmp_path, SSL_CERT_FILE=str(venue.venue.certificate))
        assert levels(found) == ["green"] * 7
        assert found["ws tls"]["words"] == "127.0.0.1: verified, valid for 30 days"


@pytest.mark.parametrize(
    ("days", "level", "words"),
    [(-0.5, "red", "certificate has expired"), (3, "yellow", "valid for 3 days")],
)
def test_a_certificate_near_or_past_its_end_is_reported(
    tmp_path: Path, days: float, level: str, words: str
) -> None:
    with secure(days) as there:
        found = look(there, tmp_path, SSL_CERT_FILE=certificates.files(days)[0])
    for name in ("rest tls", "ws tls"):
        assert found[name]["level"] == level
        assert words in found[name]["words"]


def test_plain_text_to_another_machine_is_yellow(tmp_path: Path) -> None:
    found = look(at("http://venue.test", "ws://venue.test/x"), tmp_path, HTTP_PROXY="127.0.0.1:1")
    assert found["rest tls"]["level"] == "yellow"
    assert "https://" in found["rest tls"]["remedy"]


def test_a_proxy_is_gone_through(tmp_path: Path) -> None:
    there = at("https://venue.test", "wss://venue.test/x")
    found = look(there, tmp_path, HTTPS_PROXY="http://user:hunter2@127.0.0.1:1")
    assert found["rest dns"]["words"] == "venue.test: resolved by the proxy 127.0.0.1"
    assert found["rest tls"]["level"] == "red"
    assert "hunter2" not in str(found)
    found = look(there, tmp_path, HTTPS_PROXY="socks5://127.0.0.1:1")
    assert found["rest dns"]["level"] == "red"
    assert "only http:// proxies" in found["rest dns"]["words"]


def test_a_venue_of_another_time_is_yellow(tmp_path: Path) -> None:
    clock = Clock()
    with ThreadedVenue(SimSettings(symbols=40, rate=400), clock) as venue:
        there = at(venue.venue.rest_url, venue.venue.ws_url)
        clock.advance(60)
        found = look(there, tmp_path)["venue clock"]
    assert found["level"] == "yellow"
    assert "the venue is 1m 0s ahead" in found["words"]
