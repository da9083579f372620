"""What a server is asked once, on connecting: whether we may use it, and how."""

from dataclasses import dataclass

from fastopts import keys
from fastopts.contract import FeedField, StatsField
from fastopts.errors import ConfigError, StoreError, WrongVenue
from fastopts.net.redis.info import is_cluster, may_evict, parse_info
from fastopts.net.redis.pipeline import PipelineConnection
from fastopts.net.redis.resp import checked, parsing_replies

__all__ = ("ServerInfo", "inspect")


@dataclass(frozen=True, slots=True)
class ServerInfo:
    """`warnings` are for the operator."""

    run_id: str
    client: int
    keeps_stats: bool
    warnings: tuple[str, ...]

    @property
    def writer(self) -> str:
        return f"{self.run_id}:{self.client}"


async def inspect(channel: PipelineConnection, venue: str) -> ServerInfo:
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
    server, cluster, memory = map(parse_info, checked(replies[:3]))
    if is_cluster(cluster):
        raise ConfigError("this is a node of a Redis Cluster, which fastopts does not support yet")
    held, stats, client = replies[3:]
    if isinstance(held, StoreError):
        raise StoreError(f"{keys.FEED}: {held.reply}", held.reply)
    checked([client])
    if held not in (None, venue):
        raise WrongVenue(
            f"the server holds the data of {held}, not of {venue}: name another server or database"
            " with --redis-url (such as redis://localhost:6379/1), or empty this one"
        )
    with parsing_replies():
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
    return ServerInfo(server.get("run_id", ""), number, not is_foreign, tuple(warnings))
