"""The address that a request is counted by."""

import pytest

from fastopts.errors import ConfigError
from fastopts.serve.http.clients import ClientResolver, address_key, networks

PROXY = "10.0.0.5"
TRUSTED = networks(("10.0.0.0/24,192.0.2.7", "2001:db8:ffff::/48"))


def key(peer: str, *headers: tuple[str, str]) -> str:
    fields = [(name.lower().encode(), value.encode()) for name, value in headers]
    return ClientResolver(TRUSTED).key(peer, fields)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_an_address_is_counted_by_its_network(address: str, expected: str) -> None:
    assert address_key(address) == expected


@pytest.mark.parametrize("name", ["X-Forwarded-For", "Forwarded"])
def test_without_a_trusted_proxy_no_header_counts(name: str) -> None:
    value = "198.51.100.9" if name.startswith("X") else "for=198.51.100.9"
    assert key("203.0.113.1", (name, value)) == "203.0.113.1"
    assert ClientResolver(()).key(PROXY, [(name.lower().encode(), value.encode())]) == PROXY


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("198.51.100.9", "198.51.100.9"),
        ("198.51.100.9:4711", "198.51.100.9"),
        ("203.0.113.77, 198.51.100.9", "198.51.100.9"),  # the first is the client's own claim
        ("198.51.100.9, 192.0.2.7, 10.0.0.9", "198.51.100.9"),  # two more proxies
        ("10.0.0.9, 10.0.0.8", "10.0.0.9"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2:3::4]:443", "2001:db8:1:2::/64"),
        ("198.51.100.9, 2001:db8:ffff::1", "198.51.100.9"),
        ("::ffff:198.51.100.9", "198.51.100.9"),
        ("198.51.100.9, unknown", PROXY),
        ("198.51.100.9, 10.0.0.9, junk, 10.0.0.8", "10.0.0.8"),
        ("198.51.100.9,", PROXY),
        ("[::1", PROXY),
        ("198.51.100.9:_port", "198.51.100.9"),
        ("", PROXY),
    ],
)
def test_x_forwarded_for_is_read_from_the_right(value: str, expected: str) -> None:
    assert key(PROXY, ("X-Forwarded-For", value)) == expected


def test_several_lines_of_a_header_are_one_list() -> None:
    lines = (("X-Forwarded-For", "203.0.113.77"), ("X-Forwarded-For", "198.51.100.9, 10.0.0.9"))
    assert key(PROXY, *lines) == "198.51.100.9"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("for=198.51.100.9", "198.51.100.9"),
        ("proto=https;For=198.51.100.9;by=10.0.0.5", "198.51.100.9"),
        ('for="198.51.100.9:4711"', "198.51.100.9"),
        ('for="[2001:db8:1:2:3::4]:443";proto=https', "2001:db8:1:2::/64"),
        ('for=203.0.113.77, for="198.51.100.9", for=10.0.0.9', "198.51.100.9"),
        ('for="198.51.100.9, for=203.0.113.77"', PROXY),  # a comma within quotes
        ("for=_hidden", PROXY),
        ("for=198.51.100.9, proto=https", PROXY),
        ("notfor=198.51.100.9", PROXY),
        ('for="', PROXY),
    ],
)
def test_forwarded_is_read_from_the_right(value: str, expected: str) -> None:
    assert key(PROXY, ("Forwarded", value)) == expected


def test_of_two_headers_that_disagree_neither_counts() -> None:
    written = ("X-Forwarded-For", "198.51.100.9")
    assert key(PROXY, written, ("Forwarded", "for=198.51.100.9")) == "198.51.100.9"
    assert key(PROXY, written, ("Forwarded", "for=203.0.113.77")) == PROXY


@pytest.mark.parametrize(
    "text", ["10.0.0.0/33", "10.0.0.1/24", "proxy.example", "0.0.0.0/0", "::/0", "10.0.0.1-9"]
)
def test_an_invalid_network_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="--trusted-proxy"):
        networks((text,))
