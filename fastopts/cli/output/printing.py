"""What commands print: tables, JSON, and numbers as people read them.

Off a terminal, or with NO_COLOR, it is plain text; off a terminal nothing is cut or wrapped.
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
from fastopts.field_registry import Display

__all__ = (
    "Column",
    "aside",
    "compact",
    "countdown",
    "displayed",
    "duration",
    "fitting",
    "json_line",
    "number",
    "percent",
    "price",
    "ratio",
    "show",
    "show_venue",
    "table",
    "utc",
    "venue",
    "width",
)

_WIDE: Final = 10_000
_GAP: Final = 2  # between the columns of a table
_FINE: Final = 5  # significant digits
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


def show(what: RenderableType) -> None:
    """Print *what* to standard output."""
    console = _console()
    with console.capture() as captured:
        console.print(what)
    # a table pads its cells to the end of the line, and a broken pipe is not rich's to handle
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in captured.get().splitlines())
    sys.stdout.flush()


def _console() -> Console:
    is_terminal = sys.stdout.isatty()
    return Console(
        color_system="auto" if is_terminal and not os.environ.get("NO_COLOR") else None,
        width=None if is_terminal else _WIDE,
        highlight=False,
    )


def width() -> int:
    """How many characters a line of standard output may have."""
    return _console().width


def show_venue(name: str) -> None:
    """Print whose data follows, where it is not Bybit's own."""
    line = venue(name)
    if line is not None:
        show(line)


def aside(words: str) -> None:
    """Print *words* to standard error: what is told about the output, and no part of it."""
    stdio.complain(f"fastopts: {one_line(words)}")


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, and the cells under it. Of columns that do not fit, the highest *rank* goes."""

    name: str
    cells: Sequence[str | Text]
    rank: int = 0
    is_text: bool = False


def fitting(columns: Sequence[Column], room: int) -> Text:
    """A table of those *columns* that fit into *room* characters: no number is ever cut.

    Rich's own takes six times as long, and cuts.
    """
    blocks = [(column.rank, _block(column)) for column in columns]
    kept = blocks
    for most in sorted({rank for rank, _ in blocks}, reverse=True):
        kept = [(rank, block) for rank, block in blocks if rank <= most]
        if sum(block[0].cell_len + _GAP for _, block in kept) - _GAP <= room:
            break
    rows = zip(*(block for _, block in kept), strict=True)
    table = Text("\n").join(Text(" " * _GAP).join(r) for r in rows)
    table.no_wrap, table.overflow = True, "ignore"
    return table


def _block(column: Column) -> list[Text]:
    """The heading and the cells, all of one width."""
    cells = [Text(cell) if isinstance(cell, str) else cell.copy() for cell in column.cells]
    block = [Text(column.name, "bold"), *cells]
    width = max(cell.cell_len for cell in block)
    for cell in block:
        cell.align("left" if column.is_text else "right", width)
    return block


def table(*names: str, right: tuple[str, ...] = ()) -> Table:
    """A table with columns *names*; those in *right* hold numbers."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        # the first tells which row it is: cut short, it would tell nothing
        is_first = name == names[0]
        made.add_column(name, justify="right" if name in right else "left", no_wrap=is_first)
    return made


def json_line(what: object) -> None:
    """Print *what* as JSON on one line: times in UTC, no number for what is not there."""
    line = orjson.dumps(what, default=_plain, option=orjson.OPT_APPEND_NEWLINE | orjson.OPT_UTC_Z)
    sys.stdout.write(line.decode())


def _plain(value: object) -> Any:
    """What orjson does not know by itself."""
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(type(value).__name__)


def venue(name: str) -> Text | None:
    """The line that says whose data is shown; None for Bybit's own, which is what one expects."""
    if name == "bybit":
        return None
    if name == "sim":
        return Text("SIMULATED: not the market", style="bold black on yellow")
    return Text(f"venue {name}", style="bold")


def displayed(value: float, display: Display, scale: float | None) -> str:
    """Format a number as the field registry says; *scale* is the price level of `price`."""
    match display:
        case "percent":
            return percent(value)
        case "price":
            return price(value, scale)
        case "fixed":
            return ratio(value)
        case "compact":
            return compact(value)
        case "duration":
            return duration(value)
    return number(value)


def percent(fraction: float | None) -> str:
    """A fraction as people read it: 0.5312 is `53.1%`."""
    return "-" if fraction is None else f"{fraction:.1%}"


def ratio(value: float | None) -> str:
    """A ratio to two decimals: `0.54`."""
    return "-" if value is None else f"{value:.2f}"


def number(value: float | None) -> str:
    """A number to five significant digits, its whole part whole: `1,205`, `37,940,211`."""
    if value is None:
        return "-"
    digits = max(_FINE, len(str(int(abs(value)))))
    return format(Decimal(f"{value:.{digits}g}"), ",f")


def price(value: float | None, scale: float | None) -> str:
    """A price as fine as one quotes options on what costs *scale*, a small one finer."""
    if value is None or not scale:
        return number(value)
    decimals = min(max(_FINE - 1 - math.floor(math.log10(scale)), 0), _FINE + 1)
    is_small = abs(value) < 100 * 10**-decimals
    return number(value) if is_small else f"{value:,.{decimals}f}"


def compact(value: float | None) -> str:
    """A large number to three digits: `5.01M`."""
    if value is None:
        return "-"
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def utc(ms: int) -> str:
    """A time in ms since 1970 as `2026-11-24 10:00:00Z`."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def duration(seconds: float) -> str:
    """A length of time by its two largest units: `12 ms`, `3.2 s`, `4m 10s`, `2d 3h`."""
    if seconds < 0:
        return f"-{duration(-seconds)}"
    if round(seconds * 1000) < 1000:
        return f"{seconds * 1000:.0f} ms"
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    (size, large), (part, small) = next(two for two in pairwise(_UNITS) if whole >= two[0][0])
    return f"{whole // size}{large} {whole % size // part}{small}"


def countdown(until_ms: int, now_ms: int) -> str:
    """The time that is left: `in 2d 3h`, or `over`."""
    return f"in {duration((until_ms - now_ms) / 1000)}" if until_ms > now_ms else "over"
