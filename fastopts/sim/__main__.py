"""`python -m fastopts.sim`: run a simulated venue until SIGINT or SIGTERM."""

import asyncio
import contextlib
import gc
import signal
import sys
from typing import Annotated

from fastopts import command_line, loops
from fastopts.command_line import option
from fastopts.sim.server import SimVenue
from fastopts.sim.settings import ArgsMode, KeyOrder, SimSettings, split_coins

_DEFAULT = SimSettings()


def sim(
    port: Annotated[int, option(metavar="N", help="port to listen on; 0: any free port")] = 8900,
    seed: Annotated[int, option(metavar="N", help="seed of the market")] = _DEFAULT.seed,
    symbols: Annotated[
        int, option(metavar="N", help="approximate number of options")
    ] = _DEFAULT.symbols,
    rate: Annotated[
        float, option(metavar="N", help="tickers per second over all subscribed symbols")
    ] = _DEFAULT.rate,
    coins: Annotated[str, option(metavar="BTC,ETH", help="base coins")] = ",".join(_DEFAULT.coins),
    tls: Annotated[bool, option(help="https and wss with a self-signed certificate")] = False,
    key_order: Annotated[
        KeyOrder, option(help="key order of tickers: that of a year, or alternating")
    ] = _DEFAULT.key_order,
    args_mode: Annotated[
        ArgsMode, option(help="what --args-chars-max limits")
    ] = _DEFAULT.args_mode,
    topics_max: Annotated[
        int, option(metavar="N", help="maximum topics per connection")
    ] = _DEFAULT.topics_max,
    args_chars_max: Annotated[
        int, option(metavar="N", help="maximum characters of the args of subscriptions")
    ] = _DEFAULT.args_chars_max,
    ping_timeout_s: Annotated[
        float,
        option(
            metavar="S",
            help="close a connection after this time without a JSON ping",
            deprecated=("--ping-timeout",),
        ),
    ] = _DEFAULT.ping_timeout_s,
) -> int:
    """Serve a SIMULATED options market with Bybit's protocol, on loopback."""
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
        ping_timeout_s=ping_timeout_s,
    )
    with (
        contextlib.suppress(KeyboardInterrupt),
        asyncio.Runner(loop_factory=loops.factory()) as runner,
    ):
        runner.run(_serve(settings))
    return 0


async def _serve(settings: SimSettings) -> None:
    stop = asyncio.Event()
    with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C raises KeyboardInterrupt
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with SimVenue(settings) as venue, asyncio.TaskGroup() as tasks:
        print(  # noqa: T201
            f"SIMULATED market, no real prices: {len(venue.symbols)} symbols; "
            f"REST {venue.rest_url}; WebSocket {venue.ws_url}"
            + (f"; certificate {venue.certificate}" if venue.certificate else ""),
            flush=True,
        )
        # The market lives as long as the process. Without this each full garbage collection
        # traverses it, which delays ticks by 20 ms.
        gc.freeze()
        feed = tasks.create_task(venue.wait())
        await stop.wait()
        feed.cancel()


if __name__ == "__main__":
    sys.exit(command_line.main(sim, program="python -m fastopts.sim"))
