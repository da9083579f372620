"""The reply to INFO."""

import pytest

from fastopts.net.redis.info import is_cluster, may_evict, parse_info


def test_fields_are_read_and_headings_are_not() -> None:
    reply = "# Server\r\nredis_version:7.2.4\r\n\r\nexecutable:/usr/bin/a:b\r\n"
    assert parse_info(reply) == {"redis_version": "7.2.4", "executable": "/usr/bin/a:b"}


def test_a_node_of_a_cluster_is_known_by_its_field() -> None:
    assert is_cluster({"cluster_enabled": "1"})
    assert not is_cluster({"cluster_enabled": "0"})
    assert not is_cluster({})


@pytest.mark.parametrize(
    ("maxmemory", "policy", "expected"),
    [
        ("0", "allkeys-lru", False),
        ("100", "noeviction", False),
        ("100", "allkeys-lru", True),
        ("100", "volatile-ttl", True),
    ],
)
def test_a_server_may_evict_with_a_limit_and_a_policy(
    maxmemory: str, policy: str, expected: bool
) -> None:
    assert may_evict({"maxmemory": maxmemory, "maxmemory_policy": policy}) is expected
