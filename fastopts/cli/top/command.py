"""`fastopts top`: a live table on the whole screen."""

from typing import Annotated, Final

from rich.console import Console
from rich.live import Live

from fastopts.cli.options import StoreLocation, reads_store
from fastopts.cli.top import terminal
from fastopts.cli.top.screen import draw, read_screen
from fastopts.cli.top.view import View
from fastopts.command_line import argument
from fastopts.reader import OptionReader

__all__ = ("top",)

REFRESH_S: Final = 0.5  # people read no faster; a scan of the market takes a few ms


@reads_store
def top(
    location: StoreLocation,
    asset: Annotated[
        str | None, argument("ASSET", help="base coin, such as BTC (default: all)")
    ] = None,
) -> int:
    """Show a live table of options on the whole screen, highest turnover first.

    Keys: up, down, Page Up, Page Down, Home, End, j and k select a row and scroll; left and right
    choose the column to sort by, r reverses the order, a and t cycle through assets and types, /
    filters by a part of the symbol and Escape clears the filter, q quits. The selected row stays
    selected when the order changes; Home returns to the top of the list.
    """
    with location.reader() as reader, terminal.keys() as pressed:
        _run(reader, View(asset.upper() if asset else None), pressed)
    return 0


def _run(reader: OptionReader, view: View, pressed: terminal.Keys) -> None:
    console = Console(highlight=False)
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while not view.is_done:
            width, height = console.size
            live.update(draw(read_screen(reader, view, height), view, width), refresh=True)
            for key in pressed(REFRESH_S):
                view.press(key)
