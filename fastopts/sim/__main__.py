"""`python -m fastopts.sim`: run a simulated venue until SIGINT or SIGTERM."""

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
    port: Annotated[int, typer.Option(help="0: any free port")] = 8900,
    seed: Annotated[int, typer.Option(help="seed of the simulated market")] = _DEFAULT.seed,
    symbols: Annotated[int, typer.Option(help="approximate number of options")] = _DEFAULT.symbols,
    rate: Annotated[
        float, typer.Option(help="tickers per second, over all subscribed symbols")
    ] = _DEFAULT.rate,
    coins: Annotated[
        str, typer.Option(help="comma-separated coins, for example BTC,ETH")
    ] = ",".join(_DEFAULT.coins),
    tls: Annotated[
        bool, typer.Option("--tls", help="serve https and wss with a self-signed certificate")
    ] = False,
    key_order: Annotated[
        KeyOrder,
        typer.Option(
            help="key order of ticker messages: as recorded in 2026 or 2023, or alternating"
        ),
    ] = _DEFAULT.key_order,
    args_mode: Annotated[
        ArgsMode,
        typer.Option(
            help="whether the limit on args counts characters per connection or per frame"
        ),
    ] = _DEFAULT.args_mode,
    topics_max: Annotated[
        int, typer.Option(help="maximum topics per connection")
    ] = _DEFAULT.topics_max,
    args_chars_max: Annotated[
        int, typer.Option(help="maximum characters of args")
    ] = _DEFAULT.args_chars_max,
    ping_timeout: Annotated[
        float, typer.Option(help="seconds without a JSON ping after which a connection is closed")
    ] = _DEFAULT.ping_timeout_s,
) -> None:
    """Serve a SIMULATED options market with Bybit's protocol, on loopback."""
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
        # The market lives as long as the process. Without this each full garbage collection
        # traverses it, which delays ticks by 20 ms.
        gc.freeze()
        feed = tasks.create_task(venue.wait())
        await stop.wait()
        feed.cancel()


if __name__ == "__main__":
    stdio.prepare()
    typer.run(run)
