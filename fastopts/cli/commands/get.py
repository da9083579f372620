"""`fastopts get`: all values of single options."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Final

from rich.text import Text

from fastopts.cli.options import JsonOption, StaleOption, StoreLocation, reads_store
from fastopts.cli.output import cells, printing
from fastopts.cli.output.cells import UNITS
from fastopts.cli.output.printing import Column
from fastopts.command_line import argument, option
from fastopts.errors import one_line
from fastopts.reader import Absent, Option
from fastopts.reader.export import as_dict
from fastopts.reader.freshness.moment import stale_error

__all__ = ("get",)

# values that are shown with their unit, such as 53.1% and 121 ms
_WITH_UNIT: Final = {"age_s", *(name for name, unit in UNITS.items() if unit == "fraction")}


@reads_store
def get(
    location: StoreLocation,
    symbols: Annotated[list[str], argument("SYMBOL", help="option, as the venue names it")],
    text: Annotated[bool, option(help="show the venue's decimal texts, not rounded")] = False,
    stale: StaleOption = False,
    json: JsonOption = False,
) -> int:
    """Show every value of each SYMBOL with its unit.

    An option that is not live is not shown: stderr has the reason, and the exit code is 1. With
    --stale it is shown, marked as not live.
    """
    names = [symbol.upper() for symbol in symbols]
    with location.reader() as reader:
        # first, so that no value is read without its venue
        if not json:
            printing.show_venue(reader.feed().venue)
        read = reader.text_many if text else reader.get_many
        replies = read(names, require_live=not stale, allow_expired=stale)
    for name, reply in zip(names, replies, strict=True):
        _show(name, reply, json)
    return 1 if any(isinstance(reply, Absent) for reply in replies) else 0


def _show(symbol: str, reply: Option | Mapping[str, str] | Absent, json: bool) -> None:
    match reply:
        case Absent():
            printing.print_note(reply.reason.worded("command"))
        case Option() if json:
            printing.json_line(as_dict.option_values(reply))
        case Option():
            _show_option(reply)
        case _ if json:
            printing.json_line({"symbol": symbol, **reply})
        case _:
            printing.show(Text(symbol, style="bold"))
            printing.show(_text_table(reply))


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
    printing.show(printing.fitted_table(columns, printing.width()))


def _exact(option: Option, name: str) -> str:
    """Format a value like `cells.cell`, but without rounding numbers."""
    value = getattr(option, name)
    if not isinstance(value, float) or name == "age_s":
        return cells.cell(option, name)
    if UNITS[name] == "fraction":
        return f"{100 * value:.6g}%"
    # twelve digits: all that the venue sends, and less than the noise of binary fractions
    return format(Decimal(f"{value:.12g}"), ",f")


def _text_table(texts: Mapping[str, str]) -> Text:
    return printing.fitted_table(
        [
            Column("name", list(texts), is_text=True),
            Column("text", [one_line(text) for text in texts.values()]),
        ],
        printing.width(),
    )
