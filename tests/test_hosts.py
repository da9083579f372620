"""Which hosts can only be this machine."""

import pytest

from fastopts.hosts import is_loopback


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.255.0.3", True),
        ("::1", True),
        ("128.0.0.1", False),
        ("::2", False),
        ("localhost.venue.test", False),
        ("127.0.0.1.venue.test", False),
        ("", False),
    ],
)
def test_loopback_is_localhost_and_the_loopback_addresses(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected
