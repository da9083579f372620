"""Pipelined commands and the handlers of their replies."""

from typing import Any

import pytest

from fastopts.errors import StoreError
from fastopts.reader.mirrors.exchange import Exchange

MESSAGE = b">3\r\n$7\r\nmessage\r\n$2\r\nch\r\n$4\r\ndata\r\n"
SUBSCRIBED = b">3\r\n$9\r\nsubscribe\r\n$2\r\nch\r\n:1\r\n"


class Log:
    """What handlers were called with, in order."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.exchange = Exchange(lambda *message: self.calls.append(("message", *message)))

    def send(self, name: str, takes_errors: bool = False) -> None:
        self.exchange.send(b"?", lambda reply: self.calls.append((name, reply)), takes_errors)


@pytest.fixture
def log() -> Log:
    return Log()


def test_commands_are_sent_once_and_in_order(log: Log) -> None:
    assert log.exchange.data_to_send() == b""
    log.exchange.send(b"one", print)
    log.exchange.send(b"two", print)
    assert log.exchange.data_to_send() == b"onetwo"
    assert log.exchange.data_to_send() == b""


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_replies_reach_their_handlers_in_pieces_of_any_size(log: Log, size: int) -> None:
    for name in ("a", "subscribe", "b"):
        log.send(name)
    data = b"$1\r\nA\r\n" + SUBSCRIBED + MESSAGE + b":7\r\n" + MESSAGE
    for start in range(0, len(data), size):
        log.exchange.receive(data[start : start + size])
    message = ("message", b"ch", b"data")
    assert log.calls == [("a", b"A"), message, ("b", 7), message]


def test_an_error_is_raised_unless_its_handler_takes_it(log: Log) -> None:
    log.send("a", takes_errors=True)
    log.send("b")
    log.exchange.receive(b"-NOPERM no\r\n")
    [(name, error)] = log.calls
    assert name == "a"
    assert isinstance(error, StoreError)
    with pytest.raises(StoreError, match="ERR oops"):
        log.exchange.receive(b"-ERR oops\r\n")


@pytest.mark.parametrize("data", [b"+OK\r\n", b"!\r\n", b"$-7\r\n", b"*3333333333\r\n"])
def test_malformed_and_unexpected_replies_are_store_errors(log: Log, data: bytes) -> None:
    with pytest.raises(StoreError):
        log.exchange.receive(data)
