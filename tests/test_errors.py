"""Errors carry what a caller acts on."""

from fastopts.errors import (
    ConnectionLost,
    HandshakeRefused,
    StoreError,
    VenueBanned,
    VenueError,
    one_line,
)


def test_an_error_carries_what_to_act_on() -> None:
    refused = HandshakeRefused("HTTP 429", 429, 3.5)
    assert isinstance(refused, ConnectionLost)
    assert (str(refused), refused.status, refused.retry_after_s) == ("HTTP 429", 429, 3.5)
    banned = VenueBanned("shut out", 600.0)
    assert isinstance(banned, VenueError)
    assert (str(banned), banned.retry_after_s) == ("shut out", 600.0)
    assert StoreError("OOM: refused", "OOM command not allowed").reply == "OOM command not allowed"
    assert StoreError("no answer").reply == ""


def test_what_a_peer_sent_forges_no_line_and_moves_no_terminal() -> None:
    assert one_line("a\r\nb\x1b[2Jé") == "a\\r\\nb\\x1b[2Jé"
