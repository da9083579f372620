"""`fastopts summary`: the market on one screen, as `python -m fastopts.reader` prints it."""

from dataclasses import asdict
from typing import Any

import typer
from rich.text import Text

from fastopts.cli import options
from fastopts.cli.options import Json, RedisUrl, Venue
from fastopts.cli.output import printing
from fastopts.reader.export import as_dict
from fastopts.reader.objects.summary import Summary, summarise

__all__ = ("shared_values", "summary")


def summary(json: Json = False, redis_url: RedisUrl = None, venue: Venue = None) -> None:
    """Show the market on one screen: the feed, each asset, the highest turnover and volatility.

    The exit code is 1 when the feed is down.
    """
    with options.reader(redis_url, venue) as reader:
        found = summarise(reader.table(require_live=False).market)
    if json:
        printing.json_line(_values(found))
    else:
        printing.show(Text(str(found)))
    raise typer.Exit(0 if found.feed.alive else 1)


def shared_values(found: Summary) -> dict[str, Any]:
    """What a summary and a status both tell as JSON."""
    return {
        "feed": as_dict.feed_values(found.feed),
        "live": found.live,
        "total": found.total,
        "age_s_p50": found.age_s_p50,
        "age_s_p99": found.age_s_p99,
    }


def _values(found: Summary) -> dict[str, Any]:
    return {
        **shared_values(found),
        "assets": [asdict(one) for one in found.assets],
        "by_turnover": [as_dict.option_values(option) for option in found.by_turnover],
        "by_iv": [as_dict.option_values(option) for option in found.by_iv],
    }
