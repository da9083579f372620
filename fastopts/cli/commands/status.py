"""`fastopts status`: is it alive, is it whole, and how is Redis."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final

import typer
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from fastopts import keys
from fastopts.cli import options
from fastopts.cli.commands.summary import shared_values
from fastopts.cli.options import Json, RedisUrl, StoreLocation, Venue
from fastopts.cli.output import losses, printing
from fastopts.cli.output.collector_health import CollectorHealth
from fastopts.cli.output.losses import LossEquation
from fastopts.contract import StatsField
from fastopts.net.redis import address
from fastopts.net.redis.blocking import BlockingConnection
from fastopts.net.redis.info import parse_info
from fastopts.net.redis.resp import ReplyList, checked, pack
from fastopts.reader import OptionReader
from fastopts.reader.freshness.feed_state import FeedState
from fastopts.reader.objects.summary import Summary, summarise

__all__ = ("status",)

TIMEOUT_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class RedisInfo:
    """What Redis says of itself."""

    name: str
    version: str
    memory_bytes: int
    clients: int


# With the venue, since the collector's start; but for those that are suspect now.
_TROUBLES: Final[Sequence[str]] = (
    StatsField.RECONNECTS,
    StatsField.FALSE_ACKS,
    StatsField.REFUSALS,
    StatsField.MOVED,
    StatsField.SUSPECTS,
    StatsField.SUSPECTS_NOW,
)


def status(json: Json = False, redis_url: RedisUrl = None, venue: Venue = None) -> None:
    """Show the feed and its connections, coverage, ages, the loss equations, and Redis.

    The exit code is 1 when the feed is down or an equation is not balanced.
    """
    source = options.source(redis_url, venue)
    with OptionReader(source.url, source.venue, password=source.password) as reader:
        found = summarise(reader.table(require_live=False).market, top=0)
        counters = reader.counters()
    told, stats = _ask(source)
    nets = CollectorHealth.of(stats)
    equations = losses.equations(counters)
    troubles = {name: counters[name] for name in _TROUBLES if name in counters}
    if json:
        printing.json_line(_values(found, told, equations, troubles) | nets.values())
    else:
        printing.show_venue(found.feed.venue or source.venue)
        printing.show(_drawn(found, told, equations, troubles, nets))
    is_well = found.feed.alive and all(one.is_balanced for one in equations)
    raise typer.Exit(0 if is_well else 1)


def _ask(source: StoreLocation) -> tuple[RedisInfo, Mapping[str, str]]:
    """Redis on itself, and the fields of `stats`."""
    channel = BlockingConnection(address.parse(source.url, source.password), TIMEOUT_S)
    commands = pack("INFO") + pack("HGETALL", keys.STATS)
    replies = channel.exchange(commands, partial(ReplyList, 2))
    channel.close()
    info, stats = replies.values
    return _server(parse_info(*checked([info]))), _texts(stats)


def _texts(stats: object) -> Mapping[str, str]:
    """The fields of `stats`; none where it is another program's key."""
    if not isinstance(stats, list):
        return {}
    return {str(name): str(text) for name, text in zip(stats[::2], stats[1::2], strict=True)}


def _server(info: Mapping[str, str]) -> RedisInfo:
    return RedisInfo(
        info.get("server_name", "redis").capitalize(),
        info.get("valkey_version", info.get("redis_version", "")),
        int(info["used_memory"]),
        int(info["connected_clients"]),
    )


def _drawn(
    found: Summary,
    told: RedisInfo,
    equations: list[LossEquation],
    troubles: Mapping[str, int],
    nets: CollectorHealth,
) -> RenderableType:
    rows = Table.grid(padding=(0, 2))
    rows.add_column(style="bold", no_wrap=True)
    rows.add_column()
    rows.add_row("feed", _feed(found.feed))
    rows.add_row("coverage", _coverage(found.feed))
    rows.add_row("live", f"{found.live:,} of {found.total:,} listed options")
    rows.add_row("age", _ages(found))
    for conn in found.feed.conns:
        rows.add_row(f"conn {conn}", _conn(found.feed, conn))
    if any(troubles.values()):
        rows.add_row("venue", _troubles(troubles))
    for label, words in nets.rows():
        rows.add_row(label, words)
    for equation in equations:
        rows.add_row("loss", equation.words)
    if not equations:
        rows.add_row("loss", Text(losses.UNKNOWN, "yellow"))
    memory = f"{told.memory_bytes / 1e6:,.1f} MB"
    rows.add_row("redis", f"{told.name} {told.version}, {memory}, {told.clients} clients")
    return rows


def _feed(feed: FeedState) -> Text:
    if feed.down is not None:
        return Text(f"DOWN: {feed.down}", style="bold red")
    beat = printing.duration(feed.heartbeat_age_s or 0.0)
    words = Text.assemble(("alive", "green"), f", epoch {feed.epoch}, heartbeat {beat} ago")
    error = f" ± {feed.skew_error_ms}" if feed.skew_error_ms else ""
    skew = f", venue {feed.skew_ms:+d}{error} ms from Redis"
    return words.append(skew, style="yellow" if feed.skew_is_large else "")


def _coverage(feed: FeedState) -> Text:
    words = Text(f"{feed.covered:,} of {feed.wanted:,} symbols ticked")
    return words.append(f", {feed.never:,} never", style="yellow") if feed.never else words


def _troubles(counts: Mapping[str, int]) -> str:
    told = (f"{name.replace('_', ' ')} {count:,}" for name, count in counts.items() if count)
    return ", ".join(told)


def _ages(found: Summary) -> str:
    if found.age_s_p50 is None or found.age_s_p99 is None:
        return "-"
    middle, high = printing.duration(found.age_s_p50), printing.duration(found.age_s_p99)
    return f"median {middle}, 99 % below {high}"


def _conn(feed: FeedState, conn: int) -> Text:
    silence_s = feed.silence_s.get(conn)
    words = "has delivered nothing" if silence_s is None else f"{printing.duration(silence_s)} ago"
    lag_s = feed.lag_s.get(conn)
    # Below 0 it lies within the error of the clock's estimate.
    lag = "" if lag_s is None else f", {printing.duration(max(0.0, lag_s))} behind the venue"
    if conn in feed.late:
        known = lag or ", how far behind the venue is not known"
        return Text(f"LATE: delivered {words}{known}", style="bold red")
    if conn in feed.muted:
        return Text(f"MUTED: {words}", style="bold red")
    return Text(f"delivered {words}{lag}")


def _values(
    found: Summary, told: RedisInfo, equations: list[LossEquation], troubles: Mapping[str, int]
) -> dict[str, Any]:
    return {
        **shared_values(found),
        "loss": [one.values for one in equations],
        "troubles": troubles,
        "redis": asdict(told),
    }
