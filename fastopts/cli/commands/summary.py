"""`fastopts summary`: the market on one screen."""

from dataclasses import asdict, replace
from typing import Any

from rich.text import Text

from fastopts import number_format
from fastopts.cli.options import JsonOption, StoreLocation, reads_store
from fastopts.cli.output import cells, printing
from fastopts.cli.output.printing import Column
from fastopts.field_registry import SERIES_FIELDS
from fastopts.reader.export import as_dict
from fastopts.reader.objects.summary import Summary, summarise

__all__ = ("shared_values", "summary")


@reads_store
def summary(location: StoreLocation, json: JsonOption = False) -> int:
    """Show the market on one screen: the feed, each asset, the options that stand out.

    These are the live options with the highest turnover of 24 hours, and those with the highest
    mark IV that pass the gate of `fastopts scan`. Open interest and volume of an asset are in its
    own coin.

    The exit code is 1 when the feed is down.
    """
    with location.reader() as reader:
        overview = summarise(reader.table(require_live=False).market)
    if json:
        printing.json_line(_values(overview))
    else:
        _show(overview)
    return 0 if overview.feed.alive else 1


def _show(overview: Summary) -> None:
    lines = printing.show_venue(overview.feed.venue or "bybit")
    lines += printing.show(_feed(overview))
    lines += printing.show(Text())
    lines += printing.show(printing.fitted_table(_assets(overview), printing.width()))
    lines += printing.show(Text())
    turnover, volatility = _by_turnover(overview), _by_iv(overview)
    gap = Column("", [])
    rows_max = max(len(overview.by_turnover), len(overview.by_iv))
    both = [_padded(column, rows_max) for column in (*turnover, gap, *volatility)]
    if printing.table_width(both) <= printing.width():
        printing.show(printing.fitted_table(both, printing.width()))
        return
    # below each other, so that both fit the screen
    rows = printing.rows_left(lines + 4)
    for columns in (turnover, volatility):
        short = [_first(column, None if rows is None else rows // 2) for column in columns]
        printing.show(printing.fitted_table(short, printing.width()))


def _padded(column: Column, rows: int) -> Column:
    """*column* with empty cells up to *rows*: the two lists may differ in length."""
    return replace(column, cells=[*column.cells, *[""] * (rows - len(column.cells))])


def _feed(overview: Summary) -> Text:
    down = overview.feed.down
    state = Text("feed alive") if down is None else Text(f"feed DOWN: {down}", "bold red")
    parts = [state, Text(f"{overview.live:,} of {overview.total:,} options live")]
    if overview.age_s_p50 is not None and overview.age_s_p99 is not None:
        median, high = map(number_format.duration, (overview.age_s_p50, overview.age_s_p99))
        parts += [Text(f"median age {median}"), Text(f"99 % below {high}")]
    return printing.facts(parts, printing.width())


def _assets(overview: Summary) -> list[Column]:
    assets = overview.assets
    quotes = sorted({quote for each in assets for quote in each.quotes})
    turnover = cells.field_heading(SERIES_FIELDS["turnover_24h"], quote=" + ".join(quotes))
    return [
        Column("asset", [each.asset for each in assets], is_text=True),
        Column("live", [f"{each.live:,}" for each in assets]),
        Column("listed", [f"{each.total:,}" for each in assets], rank=1),
        Column("OI (coins)", [f"{each.open_interest:,.0f}" for each in assets], rank=2),
        Column("volume (coins)", [f"{each.volume_24h:,.0f}" for each in assets], rank=3),
        Column(turnover, [f"{each.turnover_24h:,.0f}" for each in assets]),
    ]


def _by_turnover(overview: Summary) -> list[Column]:
    options = overview.by_turnover
    quotes = {option.quote or "" for option in options}
    turnover = cells.column_heading("turnover_24h", quote=quotes.pop() if len(quotes) == 1 else "")
    return [
        Column("highest turnover", [option.symbol for option in options], is_text=True),
        Column(turnover, [cells.cell(option, "turnover_24h") for option in options]),
    ]


def _by_iv(overview: Summary) -> list[Column]:
    options = overview.by_iv
    return [
        Column("highest mark IV", [option.symbol for option in options], is_text=True),
        Column("mark IV", [cells.cell(option, "mark_iv") for option in options]),
    ]


def _first(column: Column, count: int | None) -> Column:
    return Column(column.name, column.cells[:count], column.rank, column.is_text)


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
        "by_turnover": [as_dict.option_json(option) for option in overview.by_turnover],
        "by_iv": [as_dict.option_json(option) for option in overview.by_iv],
    }
