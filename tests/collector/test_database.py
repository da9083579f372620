"""Which Redis is written to when none is named."""

import logging
import socket

import pytest
import redis

from fastopts.collector.store import database
from fastopts.config import Secret, Settings
from fastopts.embedded import EmbeddedValkey
from fastopts.errors import ConfigError
from fastopts.net.redis.address import Address
from tests.support.ports import free_port


@pytest.fixture
def port(monkeypatch: pytest.MonkeyPatch) -> int:
    """A free port that stands for the usual one."""
    port = free_port()
    monkeypatch.setattr(database, "DEFAULT_PORT", port)
    return port


def test_the_one_that_was_named(port: int) -> None:
    settings = Settings(redis_url=Secret("redis://h:7/2"), redis_password=Secret("p"))
    assert database.choose(settings, "sim") == (Address("h", 7, password="p", db=2), None)


def test_the_usual_one_if_something_answers(port: int) -> None:
    with EmbeddedValkey(port):
        settings = Settings(redis_password=Secret("p"))
        assert database.choose(settings, "bybit") == (
            Address("localhost", port, password="p"),
            None,
        )


def test_an_embedded_server_at_the_usual_port_is_a_warning(
    port: int, caplog: pytest.LogCaptureFixture
) -> None:
    address, server = database.choose(Settings(), "bybit")
    assert server is not None
    try:
        assert address == Address("127.0.0.1", port)
        with redis.Redis(port=port) as client:
            assert client.ping()
        [record] = caplog.records
        assert record.levelno == logging.WARNING
        assert f"EMBEDDED Valkey runs on 127.0.0.1:{port}" in record.message
    finally:
        server.stop()


def test_an_embedded_one_asks_for_the_password_that_is_set(port: int) -> None:
    address, server = database.choose(Settings(redis_password=Secret("p")), "bybit")
    assert server is not None
    try:
        assert address.password == "p"
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(b"GET x\r\n")
            assert connection.recv(100).startswith(b"-NOAUTH")
    finally:
        server.stop()


def test_simulated_data_never_goes_to_the_usual_one(port: int) -> None:
    with EmbeddedValkey(port):
        address, server = database.choose(Settings(), "sim")
        assert server is not None
        assert address.port == server.port != port
        server.stop()


@pytest.mark.parametrize(
    ("venue", "words"), [("bybit", "nothing answers"), ("sim", "no Redis is configured")]
)
def test_an_embedded_one_can_be_forbidden(port: int, venue: str, words: str) -> None:
    with pytest.raises(ConfigError, match=f"{words}.*FASTOPTS_EMBEDDED=0"):
        database.choose(Settings(embedded=False), venue)
