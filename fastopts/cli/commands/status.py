"""`fastopts status`: the feed and its connections, coverage, message counters, and Redis."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any, Final

from rich.text import Text

from fastopts import keys, number_format
from fastopts.cli.commands.summary import shared_values
from fastopts.cli.options import JsonOption, StoreLocation, reads_store
from fastopts.cli.output import losses, printing
from fastopts.cli.output.collector_health import CollectorHealth
from fastopts.cli.output.losses import LossEquation
from fastopts.contract import StatsField
from fastopts.net.redis import address
from fastopts.net.redis.blocking import BlockingConnection
from fastopts.net.redis.info import parse_info
from fastopts.net.redis.resp import ReplyList, checked, pack
from fastopts.reader.freshness.feed_state import FeedState
from fastopts.reader.objects.summary import Summary, summarise

__all__ = ("status",)

TIMEOUT_S: Final = 2.0  # the reader before it has just answered


@dataclass(frozen=True, slots=True)
class RedisInfo:
    """The Redis server, from its `INFO`."""

    name: str
    version: str
    memory_bytes: int
    clients: int


# Counters since the start of the collector; SUSPECTS_NOW is a present number.
_VENUE_FAULTS: Final[Sequence[str]] = (
    StatsField.RECONNECTS,
    StatsField.FALSE_ACKS,
    StatsField.REFUSALS,
    StatsField.MOVED,
    StatsField.SUSPECTS,
    StatsField.SUSPECTS_NOW,
)


@dataclass(frozen=True, slots=True)
class _Report:
    """All that the command shows."""

    summary: Summary
    redis: RedisInfo
    equations: Sequence[LossEquation]
    venue_faults: Mapping[str, int]
    health: CollectorHealth

    @property
    def is_good(self) -> bool:
        return self.summary.feed.alive and all(each.is_balanced for each in self.equations)

    @property
    def values(self) -> dict[str, Any]:
        return {
            **shared_values(self.summary),
            "loss": [equation.values for equation in self.equations],
            "troubles": self.venue_faults,
            "redis": asdict(self.redis),
            **self.health.values(),
        }


@reads_store
def status(location: StoreLocation, json: JsonOption = False) -> int:
    """Show the feed and its connections, coverage, ages, message counters, and Redis.

    The exit code is 1 when the feed is down or a loss equation does not balance.
    """
    with location.reader() as reader:
        summary = summarise(reader.table(require_live=False).market, top=0)
        counters = reader.counters()
    redis, stats = _query(location)
    health = CollectorHealth.of(stats)
    report = _Report(
        summary=summary,
        redis=redis,
        equations=losses.equations(counters, health.recording is not None),
        venue_faults={name: counters[name] for name in _VENUE_FAULTS if name in counters},
        health=health,
    )
    if json:
        printing.json_line(report.values)
    else:
        printing.show_venue(summary.feed.venue or location.venue)
        printing.show(printing.labelled(_rows(report), printing.width()))
    return 0 if report.is_good else 1


def _query(location: StoreLocation) -> tuple[RedisInfo, Mapping[str, str]]:
    """Ask Redis for its INFO and for the fields of `stats`."""
    connection = BlockingConnection(address.parse(location.url, location.password), TIMEOUT_S)
    # in one round trip, so that server and counters are of one moment
    commands = pack("INFO") + pack("HGETALL", keys.STATS)
    replies = connection.exchange(commands, partial(ReplyList, 2))
    connection.close()
    info, stats = replies.values
    return _redis_info(parse_info(*checked([info]))), _texts(stats)


def _texts(stats: object) -> Mapping[str, str]:
    """The fields of `stats`; none where the key is not a hash: it belongs to another program."""
    if not isinstance(stats, list):
        return {}
    return {str(name): str(text) for name, text in zip(stats[::2], stats[1::2], strict=True)}


def _redis_info(info: Mapping[str, str]) -> RedisInfo:
    return RedisInfo(
        name=info.get("server_name", "redis").capitalize(),
        version=info.get("valkey_version", info.get("redis_version", "")),
        memory_bytes=int(info["used_memory"]),
        clients=int(info["connected_clients"]),
    )


def _rows(report: _Report) -> Iterator[tuple[str, str | Text]]:
    summary, redis = report.summary, report.redis
    yield "feed", _feed(summary.feed)
    yield "coverage", _coverage(summary.feed)
    yield "live", f"{summary.live:,} of {summary.total:,} listed options"
    yield "age", _ages(summary)
    for conn in summary.feed.conns:
        yield f"conn {conn}", _conn(summary.feed, conn)
    if any(report.venue_faults.values()):
        yield "venue", _venue_faults(report.venue_faults)
    yield from report.health.rows()
    # rows without news (no faults of the venue, an older collector) are left out
    for equation in report.equations:
        yield "loss", equation.text
    if not report.equations:
        yield "loss", Text(losses.UNKNOWN, "yellow")
    memory = f"{redis.memory_bytes / 1e6:,.1f} MB"
    yield "redis", f"{redis.name} {redis.version}, {memory}, {redis.clients} clients"


def _feed(feed: FeedState) -> Text:
    if feed.down is not None:
        return Text(f"DOWN: {feed.down}", style="bold red")
    age = number_format.duration(feed.heartbeat_age_s or 0.0)
    text = Text.assemble(("alive", "green"), f", epoch {feed.epoch}, heartbeat {age} ago")
    error = f" ± {feed.skew_error_ms}" if feed.skew_error_ms else ""
    skew = f", venue {feed.skew_ms:+d}{error} ms from Redis"
    return text.append(skew, style="yellow" if feed.skew_is_large else "")


def _coverage(feed: FeedState) -> Text:
    text = Text(f"{feed.covered:,} of {feed.wanted:,} symbols have ticked")
    return text.append(f", {feed.never:,} never", style="yellow") if feed.never else text


def _venue_faults(counts: Mapping[str, int]) -> str:
    return ", ".join(
        f"{name.replace('_', ' ')} {count:,}" for name, count in counts.items() if count
    )


def _ages(summary: Summary) -> str:
    if summary.age_s_p50 is None or summary.age_s_p99 is None:
        return "-"
    median, high = (
        number_format.duration(summary.age_s_p50),
        number_format.duration(summary.age_s_p99),
    )
    return f"median {median}, 99 % below {high}"


def _conn(feed: FeedState, conn: int) -> Text:
    silence_s = feed.silence_s.get(conn)
    data = (
        "no data yet" if silence_s is None else f"last data {number_format.duration(silence_s)} ago"
    )
    lag_s = feed.lag_s.get(conn)
    # a lag below 0 is within the error of the clock's estimate
    lag = "" if lag_s is None else f", {number_format.duration(max(0.0, lag_s))} behind the venue"
    if conn in feed.late:
        return Text(f"LATE: {data}{lag or ', lag unknown'}", style="bold red")
    if conn in feed.muted:
        return Text(f"MUTED: {data}", style="bold red")
    return Text(f"{data}{lag}")
