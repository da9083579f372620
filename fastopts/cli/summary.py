"""`fastopts summary`: the market on one screen, as `python -m fastopts.reader` prints it."""

from dataclasses import asdict
from typing import Any

import typer
from rich.text import Text

from fastopts.cli import cells, options, output
from fastopts.cli.options import Json, RedisUrl, Venue
from fastopts.reader.state import FeedState
from fastopts.reader.summary import Summary, summarise

__all__ = ("shared_values", "summary")


def summary(json: Json = False, redis_url: RedisUrl = None, venue: Venue = None) -> None:
    """Show the market on one screen: the feed, each asset, the highest turnover and volatility.

    The exit code is 1 when the feed is down.
    """
    with options.reader(redis_url, venue) as reader:
        found = summarise(reader.table(require_live=False).market)
    if json:
        output.json_line(_values(found))
    else:
        output.show(Text(str(found)))
    raise typer.Exit(0 if found.feed.alive else 1)


def shared_values(found: Summary) -> dict[str, Any]:
    """What a summary and a status both tell as JSON."""
    return {
        "feed": _feed_values(found.feed),
        "live": found.live,
        "total": found.total,
        "age_s_p50": found.age_s_p50,
        "age_s_p99": found.age_s_p99,
    }


def _feed_values(feed: FeedState) -> dict[str, Any]:
    return {
        "venue": feed.venue,
        "alive": feed.alive,
        "reason": None if feed.down is None else str(feed.down),
        "epoch": feed.epoch,
        "heartbeat_age_s": feed.heartbeat_age_s,
        "skew_ms": feed.skew_ms,
        "covered": feed.covered,
        "wanted": feed.wanted,
        "never": feed.never,
        "conns": {str(conn): feed.silence_s.get(conn) for conn in feed.conns},
        "muted": feed.muted,
    }


def _values(found: Summary) -> dict[str, Any]:
    return {
        **shared_values(found),
        "assets": [asdict(one) for one in found.assets],
        "by_turnover": [cells.values(option) for option in found.by_turnover],
        "by_iv": [cells.values(option) for option in found.by_iv],
    }
