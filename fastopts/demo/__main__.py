"""Start everything, draw it until Ctrl-C or the end of --duration, and stop everything."""

import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Annotated, Final

import redis
from rich.console import Console
from rich.live import Live

from fastopts import command_line, config, keys
from fastopts.command_line import option
from fastopts.demo.processes import Processes
from fastopts.demo.screen import Frame, near_the_money, render, svg
from fastopts.reader import Option, OptionReader

FRAME_S: Final = 0.5  # as often as a person can read a changed price
ASSETS: Final = ("BTC", "ETH", "SOL", "XRP")


def demo(
    symbols: Annotated[int, option(metavar="N", help="approximate number of options")] = 2000,
    rate: Annotated[float, option(metavar="N", help="messages per second")] = 2600,
    seed: Annotated[int, option(metavar="N", help="seed of the simulated market")] = 1,
    duration: Annotated[
        float | None,
        option(
            metavar="TIME",
            parse=config.SETTINGS["duration"].parse,
            help="stop after 90s, 10m or 2h (default: with Ctrl-C)",
        ),
    ] = None,
    picture: Annotated[
        Path | None, option(metavar="FILE", help="write the last screen as an SVG")
    ] = None,
) -> int:
    """Run the collector, the server and a live view on a SIMULATED market."""
    signals = Signals()
    console = Console()
    with Processes(symbols, rate, seed) as processes:
        last_frame = _draw(console, processes, signals, duration)
    if picture is not None and last_frame is not None:
        picture.write_text(svg(last_frame))
    if signals.received:
        console.print("stopped")
    return 0


class Signals:
    """Remembers SIGINT and SIGTERM; the second one ends the process at once.

    A handler that raised could do so while a child process is being started, which then nobody
    would stop.
    """

    def __init__(self) -> None:
        self.received = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._remember)

    def _remember(self, number: int, frame: FrameType | None) -> None:
        self.received = True
        signal.signal(number, signal.SIG_DFL)


def _draw(
    console: Console, processes: Processes, signals: Signals, duration_s: float | None
) -> Frame | None:
    """Draw frames until a signal or the end of *duration_s*; return the last one."""
    frame: Frame | None = None
    deadline = None if duration_s is None else time.monotonic() + duration_s
    previous_prices: dict[str, float | None] = {}
    redis_url = processes.valkey.url
    with (
        OptionReader(redis_url, venue="sim") as reader,
        redis.Redis.from_url(redis_url, protocol=2, decode_responses=True) as client,
        # The alternate screen leaves the user's scrollback alone; a pipe or a log has none.
        Live(console=console, auto_refresh=False, screen=console.is_terminal) as live,
    ):
        while not signals.received and (deadline is None or time.monotonic() < deadline):
            processes.check()
            options = _options(reader, client)
            shown = near_the_money(options, time.time_ns() // 1_000_000)
            frame = Frame(
                status=processes.status,
                log_line=processes.log_line,
                options=options,
                shown=shown,
                previous_prices=previous_prices,
                page_url=processes.page_url,
                redis_url=redis_url,
            )
            live.update(render(frame), refresh=True)
            previous_prices = {option.symbol: option.mark_price for option in shown}
            time.sleep(FRAME_S)
    return frame


def _options(reader: OptionReader, client: redis.Redis) -> list[Option]:
    symbols = [str(symbol) for asset in ASSETS for symbol in client.smembers(keys.asset(asset))]
    results = reader.get_many(sorted(symbols), require_live=False)
    return [result for result in results if isinstance(result, Option)]


if __name__ == "__main__":
    sys.exit(command_line.main(demo, program="python -m fastopts.demo"))
