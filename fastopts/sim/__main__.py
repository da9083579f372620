"""python -m fastopts.sim: a simulated venue until it is told to stop."""

import asyncio
import contextlib
import gc
import signal
from typing import Annotated

import typer

from fastopts import ending, loops, stdio
from fastopts.sim.server import SimVenue
from fastopts.sim.settings import ArgsMode, KeyOrder, SimSettings, split_coins

_DEFAULT = SimSettings()


def run(
    port: Annotated[int, typer.Option(help="0 takes a free one")] = 8900,
    seed: Annotated[int, typer.Option(help="the same seed, the same market")] = _DEFAULT.seed,
    symbols: Annotated[int, typer.Option(help="how many options, about")] = _DEFAULT.symbols,
    rate: Annotated[
        float, typer.Option(help="tickers a second over all subscribed symbols")
    ] = _DEFAULT.rate,
    coins: Annotated[str, typer.Option(help="such as BTC,ETH")] = ",".join(_DEFAULT.coins),
    tls: Annotated[bool, typer.Option("--tls", help="https and wss, self-signed")] = False,
    key_order: Annotated[
        KeyOrder, typer.Option(help="of tickers: by year, or both in turn")
    ] = _DEFAULT.key_order,
    args_mode: Annotated[
        ArgsMode, typer.Option(help="what the characters of args are counted over")
    ] = _DEFAULT.args_mode,
    topics_max: Annotated[int, typer.Option(help="a connection")] = _DEFAULT.topics_max,
    args_chars_max: Annotated[int, typer.Option(help="of args")] = _DEFAULT.args_chars_max,
    ping_timeout: Annotated[
        float, typer.Option(help="seconds without a JSON ping until a connection is cut off")
    ] = _DEFAULT.ping_timeout_s,
) -> None:
    """Serve a SIMULATED options market in Bybit's dialect, on loopback."""
    try:
        settings = SimSettings(
            seed=seed,
            port=port,
            symbols=symbols,
            rate=rate,
            coins=split_coins(coins),
            tls=tls,
            key_order=key_order,
            args_mode=args_mode,
            topics_max=topics_max,
            args_chars_max=args_chars_max,
            ping_timeout_s=ping_timeout,
        )
        with asyncio.Runner(loop_factory=loops.factory()) as runner:
            runner.run(_serve(settings))
    except KeyboardInterrupt:
        return
    except ending.EXPECTED as error:
        raise typer.Exit(ending.exit_code(error)) from None


async def _serve(settings: SimSettings) -> None:
    stop = asyncio.Event()
    with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C raises KeyboardInterrupt
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with SimVenue(settings) as venue, asyncio.TaskGroup() as tasks:
        typer.echo(
            f"SIMULATED market, no real prices: {len(venue.symbols)} symbols; "
            f"REST {venue.rest_url}; WebSocket {venue.ws_url}"
            + (f"; certificate {venue.certificate}" if venue.certificate else "")
        )
        # The market stays for good: spare the collector from walking it, 20 ms each time.
        gc.freeze()
        feed = tasks.create_task(venue.wait())
        await stop.wait()
        feed.cancel()


if __name__ == "__main__":
    stdio.prepare()
    typer.run(run)
