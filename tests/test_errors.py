"""Errors carry what a caller acts on."""

from fastopts.errors import (
    CLIP,
    ConnectionLost,
    HandshakeRefused,
    StoreError,
    VenueBanned,
    VenueError,
    clipped,
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


def test_a_long_text_is_clipped_and_shows_no_password() -> None:
    assert clipped("short") == "short"
    told = clipped("redis://user:hunter2@host/ " + "x" * 10_000)
    assert told.startswith("redis://***@host/ xxx")
    assert told == clipped(told.removesuffix("...") + "y" * 10)
    assert (told.endswith("x..."), len(told)) == (True, CLIP + 3)
