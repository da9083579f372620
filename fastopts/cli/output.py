"""What commands print: tables, JSON, and numbers as people read them.

Off a terminal, or with NO_COLOR, it is plain text; off a terminal nothing is cut or wrapped.
"""

import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any, Final

import orjson
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

__all__ = ("countdown", "duration", "json_line", "percent", "show", "table", "utc", "venue")

_WIDE: Final = 10_000
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "m"), (1, "s"))


def show(what: RenderableType) -> None:
    """Print *what* to standard output."""
    is_terminal = sys.stdout.isatty()
    console = Console(
        color_system="auto" if is_terminal and not os.environ.get("NO_COLOR") else None,
        width=None if is_terminal else _WIDE,
        highlight=False,
    )
    with console.capture() as captured:
        console.print(what)
    # a table pads its cells to the end of the line, and a broken pipe is not rich's to handle
    sys.stdout.writelines(f"{line.rstrip()}\n" for line in captured.get().splitlines())
    sys.stdout.flush()


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


def percent(fraction: float | None) -> str:
    """A fraction as people read it: 0.5312 is `53.1%`."""
    return "-" if fraction is None else f"{fraction:.1%}"


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
