"""Tables, JSON and formatted numbers on standard output; notes on standard error.

On a terminal a table fits its width. Elsewhere, and with NO_COLOR, the output is plain text; off a
terminal no line is cut or wrapped.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from itertools import groupby
from typing import Any, Final

import orjson
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from fastopts import number_format, stdio
from fastopts.errors import one_line

__all__ = (
    "Column",
    "countdown",
    "facts",
    "fitted",
    "fitted_table",
    "json_line",
    "labelled",
    "note_dropped",
    "print_note",
    "rows_left",
    "show",
    "show_venue",
    "table",
    "table_width",
    "utc",
    "venue",
    "width",
)

_WIDE: Final = 10_000  # off a terminal: wider than any table
_GAP: Final = 2  # between the columns of a table
_ROWS_MIN: Final = 3  # of a table, however low the terminal is


def show(renderable: RenderableType) -> int:
    """Print *renderable* to standard output; return the number of its lines."""
    console = _console()
    # captured: rich pads the last cell of a row to its width, which diffs and greps trip over, and
    # it swallows a broken pipe, after which the command would run on for nobody
    with console.capture() as captured:
        console.print(renderable)
    lines = captured.get().splitlines()
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in lines)
    sys.stdout.flush()
    return len(lines)


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


def rows_left(lines: int) -> int | None:
    """Return how many rows fit on the terminal beside *lines* others, at least 3.

    None where the output is not a terminal, and has no limit.
    """
    return max(_console().height - lines, _ROWS_MIN) if sys.stdout.isatty() else None


def show_venue(name: str) -> int:
    """Print the line that names the venue of the data, unless it is Bybit; return the lines."""
    line = venue(name)
    return 0 if line is None else show(line)


def print_note(text: str) -> None:
    """Print a note about the output to standard error, where it is no part of the output."""
    stdio.complain(f"fastopts: {one_line(text)}")


@dataclass(frozen=True)  # without slots, for the cached width
class Column:
    """A heading and its cells. Columns of the highest *rank* are dropped first to save space.

    A title stands above adjacent columns of one *group*.
    """

    name: str
    cells: Sequence[str | Text]
    rank: int = 0
    is_text: bool = False
    group: str = ""

    @cached_property
    def width(self) -> int:
        """The number of characters of its widest cell, or of its heading."""
        return max(cell_len(str(cell)) for cell in (self.name, *self.cells))


def table_width(columns: Sequence[Column]) -> int:
    """Return the number of characters of a line of a table of *columns*."""
    return sum(column.width + _GAP for column in columns) - _GAP


def fitted(columns: Sequence[Column], width: int) -> list[Column]:
    """Return the columns that fit into *width* characters.

    Ranks are added from the lowest up, all columns of a rank or none; one that does not fit is left
    out, and a narrower one of a higher rank may take its place. The lowest rank is always there.
    """
    ranks = sorted({column.rank for column in columns})
    taken = set(ranks[:1])
    for rank in ranks[1:]:
        wider = [column for column in columns if column.rank in taken | {rank}]
        if table_width(wider) <= width:
            taken.add(rank)
    return [column for column in columns if column.rank in taken]


def fitted_table(columns: Sequence[Column], width: int) -> Text:
    """Return a table of the columns that fit into *width* characters; no cell is ever cut.

    Rich's own tables take six times as long, and shorten numbers to make them fit.
    """
    shown = fitted(columns, width)
    rows = zip(*map(_block, shown), strict=True)
    lines = [Text(" " * _GAP).join(row) for row in rows]
    if any(column.group for column in shown):
        lines.insert(0, Text(_group_titles(shown), "bold"))
    table = Text("\n").join(lines)
    table.no_wrap, table.overflow = True, "ignore"
    return table


def note_dropped(columns: Sequence[Column], width: int) -> None:
    """Print which of *columns*, that the user asked for, do not fit into *width* characters."""
    shown = fitted(columns, width)
    names = dict.fromkeys(column.name for column in columns if column not in shown)
    if names:
        needed = table_width(columns)
        print_note(f"no space for {', '.join(names)}: all columns need {needed} characters")


def _group_titles(columns: Sequence[Column]) -> str:
    """The line above the headings: each title in the middle of its columns."""
    parts = []
    for group, members in groupby(columns, lambda column: column.group):
        width = sum(column.width + _GAP for column in members) - _GAP
        title = f" {group} ".center(width, "─") if group else " " * width
        parts.append(title if len(title) == width else group[:width].ljust(width))
    return (" " * _GAP).join(parts).rstrip()


def _block(column: Column) -> list[Text]:
    """The heading and the cells, padded to one width."""
    cells = [Text(cell) if isinstance(cell, str) else cell.copy() for cell in column.cells]
    block = [Text(column.name, "bold"), *cells]
    width = column.width
    for cell in block:
        cell.align("left" if column.is_text else "right", width)
    return block


def facts(parts: Iterable[str | Text], width: int, indent: int = 0) -> Text:
    """Join *parts* with commas, on as many lines as they need; a line ends after a part.

    Further lines are indented by *indent*. A part that is wider than a line has one of its own.
    """
    text, length = Text(), 0
    for part in parts:
        size = cell_len(str(part))
        # a comma follows all parts but the last
        if text and length + 2 + size + 1 > width:
            text.append(f",\n{' ' * indent}")
            length = indent
        elif text:
            text.append(", ")
            length += 2
        text.append(part)
        length += size
    return text


def labelled(rows: Iterable[tuple[str, str | Text]], width: int) -> Text:
    """Return a line for each label with its text, which goes on below itself.

    A text that is too long is broken after commas, and within a part that still is at words.
    """
    rows = list(rows)
    indent = max((cell_len(label) for label, _ in rows), default=0) + _GAP
    room = max(width - indent, 1)
    lines = []
    for label, text in rows:
        parts = (Text(text) if isinstance(text, str) else text).split(", ")
        for number, line in enumerate(_wrapped(facts(parts, room), room)):
            head = Text.assemble(("" if number else label, "bold"))
            head.align("left", indent)
            lines.append(head.append(line))
    table = Text("\n").join(lines)
    table.no_wrap, table.overflow = True, "ignore"
    return table


def _wrapped(text: Text, width: int) -> Iterator[Text]:
    console = _console()
    for line in text.split("\n", allow_blank=True):
        yield from line.wrap(console, width)


def table(*names: str, right: tuple[str, ...] = ()) -> Table:
    """Return an empty table with columns *names*; those in *right* hold numbers."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in names:
        # the first column identifies the row: it is never shortened, the others wrap
        is_first = name == names[0]
        table.add_column(name, justify="right" if name in right else "left", no_wrap=is_first)
    return table


def json_line(value: object) -> None:
    """Print *value* as one line of JSON: times in UTC with milliseconds, NaN as null."""
    # orjson would write microseconds, and no fraction at all where they are 0
    options = orjson.OPT_APPEND_NEWLINE | orjson.OPT_PASSTHROUGH_DATETIME
    line = orjson.dumps(value, default=_serializable, option=options)
    sys.stdout.write(line.decode())


def _serializable(value: object) -> Any:
    """Convert what orjson does not serialize itself."""
    if isinstance(value, datetime):
        from fastopts.reader.export.times import iso  # not for commands without times

        return iso(value)
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


def utc(ms: int, with_ms: bool = False) -> str:
    """Format a time in ms since 1970 as `2026-11-24 10:00:00Z`, or `2026-11-24 10:00:00.123Z`."""
    text = datetime.fromtimestamp(ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"{text}.{ms % 1000:03d}Z" if with_ms else f"{text}Z"


def countdown(until_ms: int, now_ms: int) -> str:
    """Format the remaining time: `in 2d 3h`, or `over`."""
    return (
        f"in {number_format.duration((until_ms - now_ms) / 1000)}" if until_ms > now_ms else "over"
    )
