"""`fastopts summary`: the market on one screen, as `python -m fastopts.reader` prints it."""

from dataclasses import asdict
from typing import Any

from rich.text import Text

from fastopts.cli.options import JsonOption, StoreLocation, reads_store
from fastopts.cli.output import printing
from fastopts.reader.export import as_dict
from fastopts.reader.objects.summary import Summary, summarise

__all__ = ("shared_values", "summary")


@reads_store
def summary(location: StoreLocation, json: JsonOption = False) -> int:
    """Show the market on one screen: the feed, each asset, the highest turnover and volatility.

    The exit code is 1 when the feed is down.
    """
    with location.reader() as reader:
        overview = summarise(reader.table(require_live=False).market)
    if json:
        printing.json_line(_values(overview))
    else:
        printing.show(Text(str(overview)))
    return 0 if overview.feed.alive else 1


def shared_values(overview: Summary) -> dict[str, Any]:
    """Return the part of the JSON that `summary` and `status` have in common."""
    return {
        "feed": as_dict.feed_values(overview.feed),
        "live": overview.live,
        "total": overview.total,
        "age_s_p50": overview.age_s_p50,
        "age_s_p99": overview.age_s_p99,
    }


def _values(overview: Summary) -> dict[str, Any]:
    return {
        **shared_values(overview),
        "assets": [asdict(asset) for asset in overview.assets],
        "by_turnover": [as_dict.option_values(option) for option in overview.by_turnover],
        "by_iv": [as_dict.option_values(option) for option in overview.by_iv],
    }
