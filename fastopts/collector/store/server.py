"""What a server is asked once, on connecting: whether we may use it, and how."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastopts import keys
from fastopts.contract import FeedField, StatsField
from fastopts.errors import ConfigError, StoreError, WrongVenue
from fastopts.net.redis.pipeline import Channel
from fastopts.net.redis.resp import good, understood

__all__ = ("VERSION_MIN", "Server", "info", "inspect", "is_cluster", "may_evict")

VERSION_MIN = (6, 0)  # SET with KEEPTTL, AUTH with a user


@dataclass(frozen=True, slots=True)
class Server:
    """`warnings` are for the operator."""

    run_id: str
    client: int
    keeps_stats: bool
    warnings: tuple[str, ...]

    @property
    def writer(self) -> str:
        return f"{self.run_id}:{self.client}"


async def inspect(channel: Channel, venue: str) -> Server:
    """Ask the server behind *channel*.

    Raises ConfigError for a cluster, WrongVenue when it holds another venue's data, StoreError
    when it refuses to tell.
    """
    replies = await channel.ask(
        ("INFO", "server"),
        ("INFO", "cluster"),
        ("INFO", "memory"),
        ("HGET", keys.FEED, FeedField.VENUE),
        ("HKEYS", keys.STATS),
        ("CLIENT", "ID"),
    )
    server, cluster, memory = map(info, good(replies[:3]))
    if is_cluster(cluster):
        raise ConfigError("this is a node of a Redis Cluster, which fastopts does not support yet")
    held, stats, client = replies[3:]
    if isinstance(held, StoreError):
        raise StoreError(f"{keys.FEED}: {held.reply}", held.reply)
    good([client])
    if held not in (None, venue):
        raise WrongVenue(
            f"the server holds the data of {held}, not of {venue}: name another server or database"
            " with --redis-url (such as redis://localhost:6379/1), or empty this one"
        )
    with understood():
        number = int(client)
        is_foreign = isinstance(stats, StoreError) or not (
            StatsField.OLD.issuperset(stats) or StatsField.VENUE in stats
        )
    warnings = []
    if is_foreign:
        warnings.append("the key `stats` is another program's: it is left alone")
    if may_evict(memory):
        policy = memory["maxmemory_policy"]
        warnings.append(f"maxmemory-policy {policy} may evict quotes: set noeviction")
    return Server(server.get("run_id", ""), number, not is_foreign, tuple(warnings))


def is_cluster(told: Mapping[str, str]) -> bool:
    """Whether a server whose INFO is *told* is a node of a Redis Cluster."""
    return told.get("cluster_enabled") == "1"


def may_evict(told: Mapping[str, str]) -> bool:
    """Whether it drops quotes when its memory is full: all of them have an expiry time."""
    policy = told.get("maxmemory_policy", "noeviction")
    return told.get("maxmemory", "0") != "0" and policy != "noeviction"


def info(reply: Any) -> dict[str, str]:
    """Read the answer to INFO."""
    lines = (line.partition(":") for line in str(reply).splitlines())
    return {name: text for name, colon, text in lines if colon}
