"""Tables, JSON and formatted numbers on standard output; notes on standard error.

On a terminal a table fits its width. Elsewhere, and with NO_COLOR, the output is plain text; off a
terminal no line is cut or wrapped.
"""

import math
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any, Final

import orjson
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from fastopts import stdio
from fastopts.errors import one_line

__all__ = (
    "Column",
    "compact",
    "countdown",
    "duration",
    "fitted_table",
    "json_line",
    "number",
    "percent",
    "price",
    "print_note",
    "ratio",
    "show",
    "show_venue",
    "table",
    "utc",
    "venue",
    "width",
)

_WIDE: Final = 10_000  # off a terminal: wider than any table
_GAP: Final = 2  # between the columns of a table
_DIGITS: Final = 5  # significant
# in seconds; a duration is shown with one of them and the next smaller one
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))
_SIZES: Final = ((1e9, "B"), (1e6, "M"), (1e3, "k"))


def show(renderable: RenderableType) -> None:
    """Print *renderable* to standard output."""
    console = _console()
    # captured: rich pads the last cell of a row to its width, which diffs and greps trip over, and
    # it swallows a broken pipe, after which the command would run on for nobody
    with console.capture() as captured:
        console.print(renderable)
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in captured.get().splitlines())
    sys.stdout.flush()


def _console() -> Console:
    # asked each time: tests and embedding programs replace sys.stdout
    is_terminal = sys.stdout.isatty()
    return Console(
        color_system="auto" if is_terminal and not os.environ.get("NO_COLOR") else None,
        width=None if is_terminal else _WIDE,
        highlight=False,
    )


def width() -> int:
    """Return the number of characters that fit on a line of standard output."""
    return _console().width


def show_venue(name: str) -> None:
    """Print the line that names the venue of the data, unless it is Bybit."""
    line = venue(name)
    if line is not None:
        show(line)


def print_note(text: str) -> None:
    """Print a note about the output to standard error, where it is no part of the output."""
    stdio.complain(f"fastopts: {one_line(text)}")


@dataclass(frozen=True, slots=True)
class Column:
    """A heading and its cells. Columns of the highest *rank* are dropped first to save space."""

    name: str
    cells: Sequence[str | Text]
    rank: int = 0
    is_text: bool = False


def fitted_table(columns: Sequence[Column], width: int) -> Text:
    """Return a table of the columns that fit into *width* characters; no cell is ever cut.

    Rich's own tables take six times as long, and shorten numbers to make them fit.
    """
    blocks = [(column.rank, _block(column)) for column in columns]
    shown = blocks
    for rank_max in sorted({rank for rank, _ in blocks}, reverse=True):
        shown = [(rank, block) for rank, block in blocks if rank <= rank_max]
        if sum(block[0].cell_len + _GAP for _, block in shown) - _GAP <= width:
            break
    rows = zip(*(block for _, block in shown), strict=True)
    table = Text("\n").join(Text(" " * _GAP).join(r) for r in rows)
    table.no_wrap, table.overflow = True, "ignore"
    return table


def _block(column: Column) -> list[Text]:
    """The heading and the cells, padded to one width."""
    cells = [Text(cell) if isinstance(cell, str) else cell.copy() for cell in column.cells]
    block = [Text(column.name, "bold"), *cells]
    width = max(cell.cell_len for cell in block)
    for cell in block:
        cell.align("left" if column.is_text else "right", width)
    return block


def table(*names: str, right: tuple[str, ...] = ()) -> Table:
    """Return an empty table with columns *names*; those in *right* hold numbers."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        # the first column identifies the row: it is never shortened, the others wrap
        is_first = name == names[0]
        table.add_column(name, justify="right" if name in right else "left", no_wrap=is_first)
    return table


def json_line(value: object) -> None:
    """Print *value* as one line of JSON: times in UTC, NaN as null."""
    line = orjson.dumps(
        value, default=_serializable, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z
    )
    sys.stdout.write(line.decode())


def _serializable(value: object) -> Any:
    """Convert what orjson does not serialize itself."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(type(value).__name__)


def venue(name: str) -> Text | None:
    """Return the line that names the venue of the data; None for Bybit, which is expected."""
    if name == "bybit":
        return None
    if name == "sim":
        return Text("SIMULATED: not the market", style="bold black on yellow")
    return Text(f"venue {name}", style="bold")


def percent(fraction: float | None) -> str:
    """Format a fraction in per cent: 0.5312 is `53.1%`."""
    return "-" if fraction is None else f"{fraction:.1%}"


def ratio(value: float | None) -> str:
    """Format a ratio with two decimals: `0.54`."""
    return "-" if value is None else f"{value:.2f}"


def number(value: float | None) -> str:
    """Format a number with five significant digits, or all of its whole part: `37,940,211`."""
    if value is None:
        return "-"
    # an open interest of 37,940,211 is not rounded to 37,940,000
    digits = max(_DIGITS, len(str(int(abs(value)))))
    return format(Decimal(f"{value:.{digits}g}"), ",f")


def price(value: float | None, scale: float | None) -> str:
    """Format a price with the decimals that suit an underlying at *scale*; a small one has more.

    So all prices of a table align, and cheap options keep their significant digits.
    """
    if value is None or not scale:
        return number(value)
    decimals = min(max(_DIGITS - 1 - math.floor(math.log10(scale)), 0), _DIGITS + 1)
    is_small = abs(value) < 100 * 10**-decimals
    return number(value) if is_small else f"{value:,.{decimals}f}"


def compact(value: float | None) -> str:
    """Format a large number with three significant digits: `5.01M`, `53.0M`."""
    if value is None:
        return "-"
    # rounded first: 999,700 is 1.00M, not 1,000k
    rounded = float(f"{value:.3g}")
    size, unit = next((pair for pair in _SIZES if abs(rounded) >= pair[0]), (1.0, ""))
    return f"{rounded / size:#.3g}".rstrip(".") + unit if rounded else "0"


def utc(ms: int) -> str:
    """Format a time in ms since 1970 as `2026-11-24 10:00:00Z`."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def duration(seconds: float) -> str:
    """Format a duration with its two largest units: `12 ms`, `3.2 s`, `4m 10s`, `2d 3h`."""
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if round(seconds * 1000) < 1000:
        return f"{seconds * 1000:.0f} ms"
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    total_s = round(seconds)
    (size, large), (part, small) = next(pair for pair in pairwise(_UNITS) if total_s >= pair[0][0])
    return f"{total_s // size}{large} {total_s % size // part}{small}"


def countdown(until_ms: int, now_ms: int) -> str:
    """Format the remaining time: `in 2d 3h`, or `over`."""
    return f"in {duration((until_ms - now_ms) / 1000)}" if until_ms > now_ms else "over"
