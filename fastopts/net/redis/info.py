"""The reply to INFO, and what it says about a server's suitability."""

from collections.abc import Mapping
from typing import Any, Final

__all__ = ("VERSION_MIN", "is_cluster", "may_evict", "parse_info")

VERSION_MIN: Final = (6, 0)  # SET with KEEPTTL, AUTH with a user name


def parse_info(reply: Any) -> dict[str, str]:
    """Return the fields of an INFO reply; section headings and blank lines are skipped."""
    lines = (line.partition(":") for line in str(reply).splitlines())
    return {name: value for name, colon, value in lines if colon}


def is_cluster(info: Mapping[str, str]) -> bool:
    """Whether the server is a node of a Redis Cluster."""
    return info.get("cluster_enabled") == "1"


def may_evict(info: Mapping[str, str]) -> bool:
    """Whether the server drops quotes when its memory is full.

    Every quote has an expiry time, so the `volatile-*` policies evict them just as `allkeys-*` do.
    """
    policy = info.get("maxmemory_policy", "noeviction")
    return info.get("maxmemory", "0") != "0" and policy != "noeviction"
