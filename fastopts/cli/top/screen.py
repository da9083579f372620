"""One screen of `fastopts top`: read from the market, and drawn."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from fastopts.cli.output import cells, printing
from fastopts.cli.top.view import COLUMNS, View
from fastopts.errors import StoreError
from fastopts.reader import Option, OptionReader
from fastopts.reader.selection.bounds import Bounds

__all__ = ("ScreenData", "draw", "read_screen")

# The first ones matter most; those that do not fit are left out.
_HELP: Final = (
    *("q quit", "↑↓ PgUp PgDn row", "←→ sort", "r reverse", "a asset", "t type", "/ filter"),
    "Esc clear",
)
_SHORT_HELP: Final = (_HELP[0], "↑↓ row", *_HELP[2:])
_LINES: Final = 4  # two above the table, its heading, one below


@dataclass(frozen=True, slots=True)
class ScreenData:
    """The data of one screen.

    *options* are the rows to show, *coins* those of the matching ones, as `cells.column_heading`
    takes them; *live* counts live options in the scan, *matching* those that
    also match the text filter. *trouble* says why there may be no data.
    """

    options: Sequence[Option] = ()
    coins: tuple[str, str] = ("", "")
    live: int = 0
    matching: int = 0
    venue: str = "bybit"
    now_ms: int = 0
    trouble: str | None = None


def read_screen(reader: OptionReader, view: View, height: int) -> ScreenData:
    """Read the live options that *view* shows on *height* lines, and place its cursor.

    A server that does not answer is shown as trouble: it may come back while the user watches.
    """
    bounds: Bounds = {"type": view.type}
    try:
        # with stale values, which are left out below: a dead feed must not be an error here
        scan = reader.scan(view.asset, gate=False, sort=view.sort, require_live=False, **bounds)
    except StoreError as error:
        return ScreenData(trouble=str(error))
    moment = scan.market.moment
    view.assets = moment.feed.assets  # for the key `a`
    live = scan.rows[scan.market.column("live")[scan.rows]]
    symbols = scan.market.listing.symbols
    matching = [row for row in live.tolist() if view.text in symbols[row]]
    # of all matching rows, so that headings stay the same while the list scrolls
    asset, quote = (
        cells.common_coin(scan.market.column(name)[matching].tolist())
        for name in ("asset", "quote")
    )
    rows = max(height - _LINES, 0)
    view.cursor.place([symbols[row] for row in matching], rows)
    first = view.cursor.first
    return ScreenData(
        options=[scan.market.option(row) for row in matching[first : first + rows]],
        coins=(asset, quote),
        live=len(live),
        matching=len(matching),
        venue=moment.feed.venue,
        now_ms=moment.now_ms,
        trouble=None if moment.down is None else f"feed down: {moment.down}",
    )


def draw(data: ScreenData, view: View, width: int) -> RenderableType:
    """Draw *data* on *width* columns."""
    columns = cells.option_columns(data.options, COLUMNS, data.coins, ("symbol", view.column))
    lines = printing.fitted_table(columns, width).split("\n")
    selected = 1 + view.cursor.index - view.cursor.first  # behind the heading
    if view.cursor.symbol is not None and selected < len(lines):
        lines[selected].pad_right(width - lines[selected].cell_len)
        lines[selected].stylize("reverse")
    table = Text("\n").join(lines)
    table.no_wrap, table.overflow = True, "ignore"
    below = Text(f"/{view.text}_" if view.is_typing else _help(width), style="reverse")
    below.truncate(width, overflow="crop")
    return Group(_title(data), _choice(data, view, width), table, below)


def _help(width: int) -> str:
    """The keys, as many as fit *width*."""
    for texts, gap in ((_HELP, "   "), (_SHORT_HELP, "  "), (_SHORT_HELP, " ")):
        if len(line := gap.join(texts)) <= width:
            return line
    return textwrap.shorten(" ".join(_SHORT_HELP), width, placeholder="")


def _title(data: ScreenData) -> Text:
    parts = [printing.venue(data.venue) or Text("fastopts top", style="bold")]
    if data.trouble is not None:
        parts.append(Text(data.trouble, style="bold red"))  # first: a narrow line is cut at its end
    if data.now_ms:
        parts.append(Text(printing.utc(data.now_ms)))
    return _line(Text("  ").join(parts))


def _choice(data: ScreenData, view: View, width: int) -> Text:
    kind = {"C": "calls", "P": "puts", None: "options"}[view.type]
    scope = f"{view.asset or 'all'} {kind}" + (f" with {view.text!r}" if view.text else "")
    order = f"{cells.column_heading(view.column, *data.coins)} {'▼' if view.is_descending else '▲'}"
    counts = [f"{data.matching:,} of {data.live:,} live"]
    if data.matching == data.live:
        counts.append(f"{data.live:,} live")  # for a narrow terminal
    lines = [f"{scope}: {count}, by {order}{_position(data, view)}" for count in counts]
    return _line(Text(next((each for each in lines if len(each) <= width), lines[-1]), "dim"))


def _position(data: ScreenData, view: View) -> str:
    """Which rows are on the screen, and which one is selected; empty when all are shown."""
    cursor, shown = view.cursor, len(data.options)
    if cursor.symbol is not None:
        return f", row {cursor.index + 1:,}"
    return f", rows 1-{shown:,}" if 0 < shown < data.matching else ""


def _line(text: Text) -> Text:
    text.no_wrap, text.overflow = True, "crop"
    return text
