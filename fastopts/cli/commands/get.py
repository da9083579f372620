"""`fastopts get`: all values of single options."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

from rich.text import Text

from fastopts.cli.options import (
    JsonOption,
    PrecisionOption,
    StaleOption,
    StoreLocation,
    reads_store,
)
from fastopts.cli.output import cells, printing
from fastopts.cli.output.cells import UNITS
from fastopts.cli.output.printing import Column
from fastopts.command_line import argument, option
from fastopts.errors import one_line
from fastopts.field_registry import FIELDS
from fastopts.number_format import Precision
from fastopts.reader import Absent, Option
from fastopts.reader.export import as_dict
from fastopts.reader.freshness.moment import stale_error
from fastopts.reader.selection.spelling import canonical

__all__ = ("get",)

# the unit of a fraction that is written as vol points; the others are written with a % sign
_FRACTIONS: Final = {"vol": "vol points", "": ""}


@reads_store
def get(
    location: StoreLocation,
    symbols: Annotated[list[str], argument("SYMBOL", help="option, as the venue names it")],
    text: Annotated[bool, option(help="show the venue's decimal texts, not rounded")] = False,
    precision: PrecisionOption = "detail",
    stale: StaleOption = False,
    json: JsonOption = False,
) -> int:
    """Show every value of each SYMBOL with its unit; --precision full shows all digits.

    An option that is not live is not shown: stderr has the reason, and the exit code is 1. With
    --stale it is shown, marked as not live.
    """
    names = [canonical(symbol) or symbol for symbol in symbols]
    with location.reader() as reader:
        # first, so that no value is read without its venue
        if not json:
            printing.show_venue(reader.feed().venue)
        read = reader.text_many if text else reader.get_many
        replies = read(names, require_live=not stale, allow_expired=stale)
    for name, reply in zip(names, replies, strict=True):
        _show(name, reply, json, precision)
    return 1 if any(isinstance(reply, Absent) for reply in replies) else 0


def _show(
    symbol: str, reply: Option | Mapping[str, str] | Absent, json: bool, precision: Precision
) -> None:
    match reply:
        case Absent():
            printing.print_note(reply.reason.worded("command"))
        case Option() if json:
            printing.json_line(as_dict.option_json(reply))
        case Option():
            _show_option(reply, precision)
        case _ if json:
            printing.json_line({"symbol": symbol, **reply})
        case _:
            printing.show(Text(symbol, style="bold"))
            printing.show(_text_table(reply))


def _show_option(option: Option, precision: Precision) -> None:
    printing.show(Text(option.symbol, style="bold"))
    if not option.live:
        printing.show(Text(f"NOT LIVE: {stale_error(option)}", style="bold red"))
    names = [name for name in as_dict.option_values(option) if name != "symbol"]
    rows = [(name, _value(option, name, precision), _unit(option, name)) for name in names]
    printing.show(printing.fitted_table(_side_by_side(rows), printing.width()))


def _side_by_side(rows: Sequence[tuple[str, str, str]]) -> list[Column]:
    """The columns name, value, unit: on a terminal several times, if its width allows."""
    if printing.rows_left(0) is not None:
        for blocks in (3, 2):
            columns = _blocks(rows, blocks)
            if printing.table_width(columns) <= printing.width():
                return columns
    return _blocks(rows, 1)


def _blocks(rows: Sequence[tuple[str, str, str]], count: int) -> list[Column]:
    """*rows* as *count* tables of equal length beside each other."""
    size = -(-len(rows) // count)
    columns = []
    for start in range(0, len(rows), size):
        block = [*rows[start : start + size]]
        block += [("", "", "")] * (size - len(block))
        names, values, units = zip(*block, strict=True)
        rank = 1 if start else 0
        columns += [
            Column("name", names, rank, is_text=True),
            Column("value", values, rank),
            Column("unit", units, 1, is_text=True),
        ]
    return columns


def _unit(option: Option, name: str) -> str:
    """The unit of a value, with the coins of *option*; none where the value has it."""
    unit = UNITS.get(name, "").replace("base coin", option.asset)
    if unit == "fraction":
        return _FRACTIONS[FIELDS[name].column_unit]
    return unit.replace("quote coin", option.quote or "quote coin")


def _value(option: Option, name: str, precision: Precision) -> str:
    """A value in the unit that is printed next to it."""
    if name != "age_s":
        return cells.cell(option, name, precision=precision)
    # a duration is in whatever unit suits it, but the unit here is seconds
    return f"{option.age_s:.3f}"


def _text_table(texts: Mapping[str, str]) -> Text:
    return printing.fitted_table(
        [
            Column("name", list(texts), is_text=True),
            Column("text", [one_line(text) for text in texts.values()]),
        ],
        printing.width(),
    )
