"""RESP2 replies, against hiredis."""

from typing import Any

import hiredis
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fastopts.core import reply as compiled
from fastopts.core.pure import reply as pure
from tests.core.resp import VALUES, encode


def measure(data: bytes) -> tuple[int, int | None, str | None]:
    """What both twins measure."""
    measured = pure.measure(data)
    assert compiled.measure(data) == measured
    return measured


@pytest.mark.parametrize(
    ("data", "integer", "error"),
    [
        (b"+OK\r\n", None, None),
        (b":12\r\n", 12, None),
        (b":-3\r\n", -3, None),
        (b"$-1\r\n", None, None),
        (b"*-1\r\n", None, None),
        (b"$2\r\n\r\n\r\n", None, None),
        (b"*0\r\n", None, None),
        (b"*3\r\n+a\r\n:4\r\n:5\r\n", 4, None),
        (b"-ERR no\r\n", None, "ERR no"),
        (b"*2\r\n:1\r\n-WRONGTYPE x\r\n", 1, "WRONGTYPE x"),
        (b"-\xff\r\n", None, "�"),
    ],
)
def test_a_whole_reply_is_measured(data: bytes, integer: int | None, error: str | None) -> None:
    assert measure(data) == (len(data), integer, error)
    assert measure(data + b"+more") == (len(data), integer, error)
    for cut in range(len(data)):
        assert measure(data[:cut])[0] == 0


@pytest.mark.parametrize(
    "data",
    [
        *(b"x", b"\r\n", b":\r\n", b":1x\r\n", b":--1\r\n", b"$-2\r\n", b"*-2\r\n", b"+a\rb\r\n"),
        *(b"+a\nb\r\n", b"-a\nb\r\n"),
        *(b":01\r\n", b":-0\r\n", b"$00\r\n\r\n", b"*01\r\n:1\r\n"),
        *(b"$1\r\nabc\r\n", b":1234567890123456789\r\n", b"$99999999999\r\n", b"*3333333333\r\n"),
        *(b"*1\r\n" * 5 + b":1\r\n", b"+" + b"a" * 5000, b"%1\r\n", b">1\r\n", b"_\r\n"),
    ],
)
def test_what_is_no_resp2_or_beyond_its_limits_is_reported(data: bytes) -> None:
    assert measure(data)[0] == -1


@given(VALUES, st.binary(max_size=5))
def test_the_length_is_what_hiredis_consumes(value: Any, rest: bytes) -> None:
    data = encode(value)
    size, _, error = measure(data + rest)
    if size == -1:
        assert data.count(b"*") >= 5  # nested more deeply than a server's answer to us
        return
    assert (size, error) == (len(data), None)


@given(st.binary(max_size=30) | st.text("*$:+-0123\r\nab", max_size=30).map(str.encode))
@example(b"*1\r\n$0\r\n\r\n")
def test_any_bytes_are_whole_incomplete_or_no_resp(data: bytes) -> None:
    size, _, _ = measure(data)
    reader = hiredis.Reader()
    reader.feed(data)
    try:
        value = reader.gets()
    except hiredis.ProtocolError:
        assert size <= 0
        return
    if size > 0:
        assert value is not False
        reader = hiredis.Reader()
        reader.feed(data[:size])
        assert reader.gets() is not False
        assert not reader.has_data()
    elif size == 0:
        assert value is False
