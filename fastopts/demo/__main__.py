"""Starts everything, shows it until Ctrl-C or the end of --duration, ends everything."""

import signal
import time
from pathlib import Path
from types import FrameType
from typing import Annotated

import redis
import typer
from rich.console import Console
from rich.live import Live

from fastopts import ending, keys, stdio
from fastopts.demo.processes import Processes
from fastopts.demo.screen import Frame, near_the_money, render, svg
from fastopts.reader import Option, OptionReader

LOOK_S = 0.5


def demo(
    symbols: Annotated[int, typer.Option(help="How many options, about.")] = 2000,
    rate: Annotated[float, typer.Option(help="Messages a second.")] = 2600,
    seed: Annotated[int, typer.Option(help="Of the simulated market.")] = 1,
    duration: Annotated[
        float | None, typer.Option(help="Seconds from the first look; else until Ctrl-C.")
    ] = None,
    picture: Annotated[Path | None, typer.Option(help="Draw the last look into an SVG.")] = None,
) -> None:
    """Show the collector at work on a SIMULATED market."""
    signals = Signals()
    console = Console()
    try:
        with Processes(symbols, rate, seed) as processes:
            last = _show(console, processes, signals, duration)
    except ending.EXPECTED as error:
        raise typer.Exit(ending.exit_code(error)) from error
    if picture is not None and last is not None:
        picture.write_text(svg(last))
    if signals.came:
        console.print("ended")


class Signals:
    """Remembers SIGINT and SIGTERM; a second one ends at once.

    A handler that raised could do so while a child is being started, which nobody would then end.
    """

    def __init__(self) -> None:
        self.came = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._remember)

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        signal.signal(number, signal.SIG_DFL)


def _show(
    console: Console, processes: Processes, signals: Signals, duration_s: float | None
) -> Frame | None:
    """Show one look after the other until a signal comes or time is up; return the last."""
    frame: Frame | None = None
    deadline = None if duration_s is None else time.monotonic() + duration_s
    before: dict[str, float | None] = {}
    url = processes.valkey.url
    with (
        OptionReader(url, venue="sim") as reader,
        redis.Redis.from_url(url, protocol=2, decode_responses=True) as client,
        Live(console=console, auto_refresh=False, screen=console.is_terminal) as live,
    ):
        while not signals.came and (deadline is None or time.monotonic() < deadline):
            processes.check()
            options = _options(reader, client)
            shown = near_the_money(options, time.time_ns() // 1_000_000)
            places = (processes.page_url, url)
            frame = Frame(processes.status, processes.said, options, shown, before, *places)
            live.update(render(frame), refresh=True)
            before = {option.symbol: option.mark_price for option in shown}
            time.sleep(LOOK_S)
    return frame


def _options(reader: OptionReader, client: redis.Redis) -> list[Option]:
    symbols = [
        str(symbol)
        for asset in ("BTC", "ETH", "SOL", "XRP")
        for symbol in client.smembers(keys.asset(asset))
    ]
    found = reader.get_many(sorted(symbols), require_live=False)
    return [option for option in found if isinstance(option, Option)]


if __name__ == "__main__":
    stdio.prepare()
    typer.run(demo)
