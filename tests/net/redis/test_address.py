from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastopts.errors import ConfigError
from fastopts.net.redis import address
from fastopts.net.redis.address import Address


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://", Address()),
        ("redis://localhost", Address()),
        ("redis://h:7000/3", Address("h", 7000, db=3)),
        ("redis://h?db=3", Address("h", db=3)),
        ("rediss://h", Address("h", tls=True)),
        ("redis://:p@h", Address("h", password="p")),
        ("redis://u:p%40%23%2F@h", Address("h", username="u", password="p@#/")),
        ("redis://[::1]:7000", Address("::1", 7000)),
        ("unix:///run/r.sock", Address(path="/run/r.sock")),
        ("unix:///a%20b.sock?db=2", Address(path="/a b.sock", db=2)),
        ("unix://u:p@/run/r.sock", Address(path="/run/r.sock", username="u", password="p")),
    ],
)
def test_a_url_is_read(url: str, expected: Address) -> None:
    assert address.parse(url) == expected


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_any_password_comes_through(password: str) -> None:
    url = f"redis://:{quote(password, safe='')}@h:1"
    assert address.parse(url) == Address("h", 1, password=password)


def test_a_password_from_outside_fills_in() -> None:
    assert address.parse("redis://h", "p").password == "p"
    assert address.parse("redis://:q@h", "p").password == "q"


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("redis://:hunter2#x@h", "'#'"),
        ("redis://:hunter2@h:port", "port must be"),
        ("redis://:hunter2/x@h", "port must be a number|database must be a number"),
        ("redis://:hunter2@h/zero", "database must be a number"),
        ("redis://:hunter2@h?timeout=5", "unknown option"),
        ("unix://", "path of the socket"),
        ("http://:hunter2@h", "must begin with"),
        ("redis://:hunter2@[h", "can't be read"),
        ("redis://a..b:6379", "can't be read"),
        ("redis://:hunter2@a..b:6379", "can't be read"),
        (f"redis://:hunter2@{'a' * 64}.test", "can't be read"),
        ("redis://:hunter2@h:99999", "port must be"),
    ],
)
def test_a_url_that_can_not_be_meant_is_refused_without_its_password(url: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        address.parse(url)
    assert "hunter2" not in str(caught.value)


def test_an_address_never_shows_its_password() -> None:
    found = address.parse("rediss://u:hunter2@h:1/2")
    assert "hunter2" not in repr(found) + str(found)
    assert str(found) == "rediss://h:1/2"
    assert str(address.parse("unix:///r.sock?db=1")) == "unix:///r.sock?db=1"
    assert str(address.parse("redis://[::1]")) == "redis://[::1]:6379"
