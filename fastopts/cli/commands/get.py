"""`fastopts get`: single options, with everything about them."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Final

import typer
from rich.text import Text

from fastopts.cli import options
from fastopts.cli.options import Json, RedisUrl, Stale, Venue
from fastopts.cli.output import cells, printing
from fastopts.cli.output.cells import UNITS
from fastopts.cli.output.printing import Column
from fastopts.errors import one_line
from fastopts.reader import Absent, Option
from fastopts.reader.export import as_dict
from fastopts.reader.freshness.moment import stale_error

__all__ = ("get",)


# their values are shown with a unit of their own: 53.1%, 121 ms
_WITH_UNIT: Final = {"age_s", *(name for name, unit in UNITS.items() if unit == "fraction")}


def get(
    symbols: Annotated[list[str], typer.Argument(metavar="SYMBOL", help="the venue's names")],
    text: Annotated[
        bool, typer.Option("--text", help="the venue's own decimal texts, unrounded")
    ] = False,
    stale: Stale = False,
    json: Json = False,
    redis_url: RedisUrl = None,
    venue: Venue = None,
) -> None:
    """Show each SYMBOL: every value with its unit.

    One that is not live is not shown: the reason goes to stderr, and the exit code is 1. --stale
    shows it all the same, and says so.
    """
    names = [symbol.upper() for symbol in symbols]
    with options.reader(redis_url, venue) as reader:
        if not json:
            printing.show_venue(reader.feed().venue)
        read = reader.text_many if text else reader.get_many
        found = read(names, require_live=not stale, allow_expired=stale)
    for name, one in zip(names, found, strict=True):
        _show(name, one, json)
    if any(isinstance(one, Absent) for one in found):
        raise typer.Exit(1)


def _show(symbol: str, found: Option | Mapping[str, str] | Absent, json: bool) -> None:
    match found:
        case Absent():
            printing.aside(found.reason.worded("command"))
        case Option() if json:
            printing.json_line(as_dict.option_values(found))
        case Option():
            _show_option(found)
        case _ if json:
            printing.json_line({"symbol": symbol, **found})
        case _:
            printing.show(Text(symbol, style="bold"))
            printing.show(_two_columns(found))


def _show_option(option: Option) -> None:
    printing.show(Text(option.symbol, style="bold"))
    if not option.live:
        printing.show(Text(f"NOT LIVE: {stale_error(option)}", style="bold red"))
    names = [name for name in as_dict.option_values(option) if name != "symbol"]
    units = ["" if name in _WITH_UNIT else UNITS.get(name, "") for name in names]
    columns = [
        Column("name", names, is_text=True),
        Column("value", [_exact(option, name) for name in names]),
        Column("unit", units, rank=1, is_text=True),
    ]
    printing.show(printing.fitting(columns, printing.width()))


def _exact(option: Option, name: str) -> str:
    """As `cells.cell`, but no number is rounded."""
    value = getattr(option, name)
    if not isinstance(value, float) or name == "age_s":
        return cells.cell(option, name)
    if UNITS[name] == "fraction":
        return f"{100 * value:.6g}%"
    return format(Decimal(f"{value:.12g}"), ",f")


def _two_columns(texts: Mapping[str, str]) -> Text:
    return printing.fitting(
        [
            Column("name", list(texts), is_text=True),
            Column("text", [one_line(text) for text in texts.values()]),
        ],
        printing.width(),
    )
