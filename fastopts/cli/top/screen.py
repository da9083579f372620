"""One look at the market, drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from fastopts.cli.output import cells, printing
from fastopts.cli.output.printing import Column
from fastopts.cli.top.view import COLUMNS, View
from fastopts.errors import StoreError
from fastopts.reader import Option, OptionReader
from fastopts.reader.selection.bounds import Bounds

__all__ = ("ScreenData", "draw", "read_screen")

_HELP: Final = "q quit   ← → sort   r reverse   a asset   t type   / filter   Esc no filter"
_LINES: Final = 4  # two above the table, its heading, one below


@dataclass(frozen=True, slots=True)
class ScreenData:
    """The options to show, how many are live, how many match, and what is wrong."""

    options: Sequence[Option] = ()
    live: int = 0
    matching: int = 0
    venue: str = "bybit"
    now_ms: int = 0
    trouble: str | None = None


def read_screen(reader: OptionReader, view: View, height: int) -> ScreenData:
    """Read the market, and choose what *view* shows of it on *height* lines.

    Only live values are chosen. A server that does not answer is trouble to show, and no error.
    """
    bounds: Bounds = {"type": view.type}
    try:
        found = reader.scan(view.asset, gate=False, sort=view.sort, require_live=False, **bounds)
    except StoreError as error:
        return ScreenData(trouble=str(error))
    moment = found.market.moment
    view.assets = moment.feed.assets
    live = found.rows[found.market.column("live")[found.rows]]
    symbols = found.market.listing.symbols
    matching = [row for row in live.tolist() if view.text in symbols[row]]
    return ScreenData(
        [found.market.option(row) for row in matching[: max(height - _LINES, 0)]],
        len(live),
        len(matching),
        moment.feed.venue,
        moment.now_ms,
        None if moment.down is None else f"feed down: {moment.down}",
    )


def draw(seen: ScreenData, view: View, width: int) -> RenderableType:
    """Draw what was *seen* on *width* columns."""
    table = printing.fitting(_columns(seen.options, view), width)
    below = Text(f"/{view.text}_" if view.is_typing else _HELP, style="reverse")
    below.truncate(width, overflow="crop")
    return Group(_title(seen), _choice(seen, view), table, below)


def _title(seen: ScreenData) -> Text:
    parts = [printing.venue(seen.venue) or Text("fastopts top", style="bold")]
    if seen.now_ms:
        parts.append(Text(printing.utc(seen.now_ms)))
    if seen.trouble is not None:
        parts.append(Text(seen.trouble, style="bold red"))
    return _line(Text("  ").join(parts))


def _choice(seen: ScreenData, view: View) -> Text:
    kind = {"C": "calls", "P": "puts", None: "options"}[view.type]
    what = f"{view.asset or 'all'} {kind}" + (f" with {view.text!r}" if view.text else "")
    order = f"{view.column} {'▼' if view.is_descending else '▲'}"
    return _line(Text(f"{what}: {seen.matching:,} of {seen.live:,} live, by {order}", style="dim"))


def _line(text: Text) -> Text:
    text.no_wrap, text.overflow = True, "crop"
    return text


def _columns(found: Sequence[Option], view: View) -> list[Column]:
    return [
        Column(
            name,
            [cells.cell(option, name) for option in found],
            0 if name in ("symbol", view.column) else rank,
            cells.is_text(name),
        )
        for rank, name in enumerate(COLUMNS)
    ]
