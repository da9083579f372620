"""`fastopts top`: the loop."""

from typing import Annotated, Final

import typer
from rich.console import Console
from rich.live import Live

from fastopts.cli import options
from fastopts.cli.options import RedisUrl, Venue
from fastopts.cli.top import terminal
from fastopts.cli.top.screen import draw, read_screen
from fastopts.cli.top.view import View
from fastopts.reader import OptionReader

__all__ = ("top",)

REFRESH_S: Final = 0.5


def top(
    asset: Annotated[str | None, typer.Argument(metavar="ASSET", help="default: all")] = None,
    redis_url: RedisUrl = None,
    venue: Venue = None,
) -> None:
    """Show the live options on the whole screen, those with the highest turnover first.

    Keys: left and right choose the column to sort by, r reverses, a and t go through assets and
    types, / filters by a part of the symbol, Escape ends that, q quits.
    """
    with options.reader(redis_url, venue) as reader, terminal.keys() as pressed:
        _run(reader, View(asset.upper() if asset else None), pressed)


def _run(reader: OptionReader, view: View, pressed: terminal.Keys) -> None:
    console = Console(highlight=False)
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while not view.is_done:
            width, height = console.size
            live.update(draw(read_screen(reader, view, height), view, width), refresh=True)
            for key in pressed(REFRESH_S):
                view.press(key)
