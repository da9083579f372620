"""Start everything, show it until Ctrl-C or the end of --duration, and stop everything."""

import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import Annotated, Final

import redis

from fastopts import command_line, keys
from fastopts.cli.options import duration as parse_duration
from fastopts.command_line import option
from fastopts.demo.processes import PAGE_PORT, REDIS_PORT, Processes
from fastopts.demo.screen import Frame, near_the_money, svg
from fastopts.demo.view import DemoView, leave_screen, view
from fastopts.reader import Option, OptionReader

__all__ = ("demo",)

FRAME_S: Final = 0.5  # as often as a person can read a changed price
ASSETS: Final = ("BTC", "ETH", "SOL", "XRP")
_PORTS: Final = "the next free one if it is taken; 0: any free port"


def demo(
    symbols: Annotated[
        int, option(metavar="N", minimum=2, maximum=20_000, help="approximate number of options")
    ] = 2000,
    rate: Annotated[
        float, option(metavar="N", minimum=1, maximum=200_000, help="messages per second")
    ] = 2600,
    seed: Annotated[int, option(metavar="N", help="seed of the simulated market")] = 1,
    port: Annotated[
        int,
        option(metavar="N", minimum=0, maximum=65535, help=f"port of the dashboard; {_PORTS}"),
    ] = PAGE_PORT,
    redis_port: Annotated[
        int, option(metavar="N", minimum=0, maximum=65535, help=f"port of Valkey; {_PORTS}")
    ] = REDIS_PORT,
    duration: Annotated[
        float | None,
        option(
            metavar="TIME",
            parse=parse_duration,
            help="stop after 90s, 10m or 2h (default: with Ctrl-C)",
        ),
    ] = None,
    picture: Annotated[
        Path | None, option(metavar="FILE", help="write the last screen as an SVG")
    ] = None,
) -> int:
    """Run the collector, the server and a live view on a SIMULATED market.

    A private Valkey holds the data. Nothing is shared with other collectors, and nothing remains.
    The screen shows the address of the dashboard and the lines to paste in a second terminal.
    """
    signals = Signals()
    with Processes(symbols, rate, seed, port, redis_port) as processes:
        with view() as shown:
            last_frame = _show(shown, processes, signals, duration)
        if picture is not None and last_frame is not None:
            picture.write_text(svg(last_frame))
        print("stopping")  # noqa: T201
    return 0


class Signals:
    """Remembers the signals that stop the demo; the second one ends the process at once.

    The terminal gets its own screen back even then.

    A handler that raised could do so while a child process is being started, which then nobody
    would stop.
    """

    def __init__(self) -> None:
        self.received = False
        self._parent = os.getppid()
        for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
            number = getattr(signal, name, None)
            # nohup has SIGHUP ignored, so that the demo outlives its terminal
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._remember)

    def should_stop(self) -> bool:
        """Whether a signal has come, or the make or shell that started it on a terminal has died.

        Without its parent the demo is a background process that Ctrl-C does not reach. Off a
        terminal it may outlive it: nohup.
        """
        return self.received or (os.getppid() != self._parent and sys.stdin.isatty())

    def _remember(self, number: int, frame: FrameType | None) -> None:
        if self.received:
            leave_screen()
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        self.received = True


def _show(
    shown: DemoView, processes: Processes, signals: Signals, duration_s: float | None
) -> Frame | None:
    """Show frames until a signal or the end of *duration_s*; return the last one."""
    frame: Frame | None = None
    deadline = None if duration_s is None else time.monotonic() + duration_s
    previous_prices: dict[str, float | None] = {}
    redis_url = processes.valkey.url
    with (
        OptionReader(redis_url, venue="sim") as reader,
        redis.Redis.from_url(redis_url, protocol=2, decode_responses=True) as client,
    ):
        while not signals.should_stop() and (deadline is None or time.monotonic() < deadline):
            processes.check()
            options = _options(reader, client)
            quoted = near_the_money(options, time.time_ns() // 1_000_000)
            frame = Frame(
                status=processes.status,
                log_line=processes.log_line,
                options=options,
                shown=quoted,
                previous_prices=previous_prices,
                page_url=processes.page_url,
                redis_url=redis_url,
            )
            shown.show(frame)
            previous_prices = {option.symbol: option.mark_price for option in quoted}
            time.sleep(FRAME_S)
    return frame


def _options(reader: OptionReader, client: redis.Redis) -> list[Option]:
    symbols = [str(symbol) for asset in ASSETS for symbol in client.smembers(keys.asset(asset))]
    results = reader.get_many(sorted(symbols), require_live=False)
    return [result for result in results if isinstance(result, Option)]


if __name__ == "__main__":
    sys.exit(command_line.main(demo, program="python -m fastopts.demo"))
