"""`fastopts get`: all values of single options."""

import re
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from rich.text import Text

from fastopts.cli.options import (
    AllOption,
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
# What a screen that is too small for all values shows first.
_FIRST: Final = (
    *("live", "age_s", "bid_price", "bid_size", "bid_iv", "ask_price", "ask_size", "ask_iv"),
    *("mid", "mark_price", "mark_iv", "last_price", "forward", "index_price", "dte"),
    *("delta", "gamma", "vega", "theta", "open_interest", "volume_24h", "turnover_24h"),
    *("spread", "rel_spread", "spread_iv", "spread_ticks", "moneyness", "intrinsic"),
    *("time_value", "change_24h", "high_24h", "low_24h", "strike", "type", "settle", "phase"),
    *("otm", "crossed", "locked", "source", "suspect"),
)
_BLOCKS_MAX: Final = 3  # side by side
# the symbol, the headings, the number of values, and the prompt below
_OTHER_LINES: Final = 4
Row = tuple[str, str, str]  # name, value, unit


@reads_store
def get(
    location: StoreLocation,
    symbols: Annotated[list[str], argument("SYMBOL", help="option, as the venue names it")],
    text: Annotated[bool, option(help="show the venue's decimal texts, not rounded")] = False,
    precision: PrecisionOption = "detail",
    show_all: AllOption = False,
    stale: StaleOption = False,
    json: JsonOption = False,
) -> int:
    """Show every value of each SYMBOL with its unit; --precision full shows all digits.

    On a terminal the values that matter most are shown, as many as fit the screen; --all shows all.
    An option that is not live is not shown: stderr has the reason, and the exit code is 1. With
    --stale it is shown, marked as not live.
    """
    names = [canonical(symbol) or symbol for symbol in symbols]
    with location.reader() as reader:
        # first, so that no value is read without its venue
        lines = 0 if json else printing.show_venue(reader.feed().venue)
        read = reader.text_many if text else reader.get_many
        replies = read(names, require_live=not stale, allow_expired=stale)
    for name, reply in zip(names, replies, strict=True):
        if isinstance(reply, Absent):
            printing.print_note(reply.reason.worded("command"))
        elif json:
            printing.json_line(_json(name, reply))
        else:
            rows_max = None if show_all else printing.rows_left(lines + _OTHER_LINES)
            _show(name, reply, precision, rows_max)
    return 1 if any(isinstance(reply, Absent) for reply in replies) else 0


def _json(symbol: str, reply: Option | Mapping[str, str]) -> Mapping[str, Any]:
    if isinstance(reply, Option):
        return as_dict.option_json(reply)
    return {"symbol": symbol, **reply}


def _show(
    symbol: str, reply: Option | Mapping[str, str], precision: Precision, rows_max: int | None
) -> None:
    """Print the values of an option in at most *rows_max* rows; None for any number."""
    printing.show(Text(symbol, style="bold"))
    if not isinstance(reply, Option):
        rows = [(name, one_line(text), "") for name, text in reply.items()]
    else:
        if not reply.live:
            lines = printing.show(Text(f"NOT LIVE: {stale_error(reply)}", style="bold red"))
            rows_max = rows_max and max(rows_max - lines, 1)
        names = [name for name in as_dict.option_values(reply) if name != "symbol"]
        rows = [(name, _value(reply, name, precision), _unit(reply, name)) for name in names]
    columns, shown = _layout(rows, rows_max)
    printing.show(printing.fitted_table(columns, printing.width()))
    if shown < len(rows):
        printing.show(Text(f"{shown} of {len(rows)} values; --all shows all", "dim"))


def _layout(rows: Sequence[Row], rows_max: int | None) -> tuple[list[Column], int]:
    """The columns that show the most of *rows* in *rows_max* lines, and how many they show.

    Several blocks may be side by side. Long units are shortened, and then left out, if more values
    fit without them.
    """
    if not sys.stdout.isatty():
        return _blocks(rows, 1), len(rows)
    limit = len(rows) if rows_max is None else rows_max
    best, shown = _blocks(rows[:limit], 1), 0
    for units in (lambda unit: unit, _short_unit, lambda _: ""):
        for count in range(_BLOCKS_MAX, 0, -1):
            ordered = rows if count * limit >= len(rows) else _by_importance(rows)
            part = [(name, value, units(unit)) for name, value, unit in ordered[: count * limit]]
            columns = _blocks(part, count)
            if len(part) > shown and printing.table_width(columns) <= printing.width():
                best, shown = columns, len(part)
    return best, shown or min(limit, len(rows))


def _by_importance(rows: Sequence[Row]) -> list[Row]:
    ranks = {name: rank for rank, name in enumerate(_FIRST)}
    return sorted(rows, key=lambda row: ranks.get(row[0], len(ranks)))


def _blocks(rows: Sequence[Row], count: int) -> list[Column]:
    """*rows* as *count* tables of equal length beside each other."""
    size = -(-len(rows) // count)
    columns = []
    for start in range(0, len(rows), size):
        block = [*rows[start : start + size]]
        block += [("", "", "")] * (size - len(block))
        names, values, units = zip(*block, strict=True)
        columns += [Column("name", names, is_text=True), Column("value", values)]
        if any(units):
            columns.append(Column("unit", units, 1, is_text=True))
    return columns


def _unit(option: Option, name: str) -> str:
    """The unit of a value, with the coins of *option*; none where the value has it."""
    unit = UNITS.get(name, "").replace("base coin", option.asset)
    if unit == "fraction":
        return _FRACTIONS[FIELDS[name].column_unit]
    return unit.replace("quote coin", option.quote or "quote coin")


def _short_unit(unit: str) -> str:
    """*unit* without what it is per: `USDT` for `USDT per calendar day`; none for a ratio."""
    return "" if " over " in unit else re.split(r"(?:^| )per ", unit)[0]


def _value(option: Option, name: str, precision: Precision) -> str:
    """A value in the unit that is printed next to it."""
    if name != "age_s":
        return cells.cell(option, name, precision=precision)
    # a duration is in whatever unit suits it, but the unit here is seconds
    return f"{option.age_s:.3f}"
