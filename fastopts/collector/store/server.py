"""Checks of a Redis server after connecting: whether a collector may write to it, and what."""

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
    """A server, as seen over one connection. `warnings` are for the operator.

    `run_id` identifies the process: after a restart client ids begin again. `client` is the id of
    this connection. `keeps_stats` is False where the key `stats` belongs to another program.
    """

    run_id: str
    client: int
    keeps_stats: bool
    warnings: tuple[str, ...]

    @property
    def writer(self) -> str:
        """The identity of this connection as the feed has it."""
        return f"{self.run_id}:{self.client}"


async def inspect(connection: PipelineConnection, venue: str) -> ServerInfo:
    """Inspect the server in one round trip.

    Raises ConfigError for a cluster, WrongVenue when it holds another venue's data, StoreError
    when it refuses the inspection.
    """
    replies = await connection.ask(
        ("INFO", "server"),
        ("INFO", "cluster"),
        ("INFO", "memory"),
        ("HGET", keys.FEED, FeedField.VENUE),
        ("HKEYS", keys.STATS),
        ("CLIENT", "ID"),
    )
    server, cluster, memory = map(parse_info, checked(replies[:3]))
    if is_cluster(cluster):
        raise ConfigError(
            "this server is a node of a Redis Cluster, which fastopts does not support:"
            " use a standalone server"
        )
    stored_venue, stats, client = replies[3:]
    if isinstance(stored_venue, StoreError):
        raise StoreError(f"{keys.FEED}: {stored_venue.reply}", stored_venue.reply)
    checked([client])
    if stored_venue not in (None, venue):
        raise WrongVenue(
            f"the server holds the data of {stored_venue}, not of {venue}: use another server or"
            " database with --redis-url (such as redis://localhost:6379/1), or empty this one"
        )
    with parsing_replies():
        client_id = int(client)
        # Older trackers wrote these fields, and no venue; any other hash is another program's.
        is_foreign = isinstance(stats, StoreError) or not (
            StatsField.OLD.issuperset(stats) or StatsField.VENUE in stats
        )
    warnings = []
    if is_foreign:
        warnings.append("the key `stats` belongs to another program: it is not written")
    if may_evict(memory):
        policy = memory["maxmemory_policy"]
        warnings.append(f"maxmemory-policy {policy} may evict quotes: set noeviction")
    return ServerInfo(
        run_id=server.get("run_id", ""),
        client=client_id,
        keeps_stats=not is_foreign,
        warnings=tuple(warnings),
    )
