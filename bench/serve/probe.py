"""How old ticks are when they are announced: `python -m bench.serve.probe URL VENUE`.

It follows the market as any program would, and on each line of stdin says how many ticks came since
the last, and how old they were: from the collector's receiving to being here, in ms.
"""

import asyncio
import sys
import time
from collections.abc import Iterable

import orjson
import uvloop

from bench.failures import reported
from fastopts.metrics import quantile
from fastopts.reader import AsyncOptionReader
from fastopts.reader.freshness.requirements import Requirements
from fastopts.reader.mirrors.async_mirror import AsyncMirror
from fastopts.reader.mirrors.listener import NullListener
from fastopts.reader.objects.option import Option

ANY = Requirements(require_live=False)


class Ages(NullListener):
    """Hears each announcement."""

    mirror: AsyncMirror

    def __init__(self) -> None:
        self.found_ms: list[float] = []

    def changed(self, symbols: Iterable[str]) -> None:
        now_ms = time.time_ns() / 1e6
        for symbol in symbols:
            option = self.mirror.find(symbol, ANY)
            if isinstance(option, Option):
                self.found_ms.append(now_ms - option.rt_ms)


async def main(url: str, venue: str) -> None:
    ages = Ages()
    ages.mirror = AsyncOptionReader(url, venue).follow(ages)
    print("{}", flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        found, ages.found_ms = sorted(ages.found_ms), []
        told = {
            "ticks": len(found),
            "p50_ms": quantile(found, 0.5),
            "p99_ms": quantile(found, 0.99),
        }
        print(orjson.dumps(told).decode(), flush=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        reported(lambda: runner.run(main(sys.argv[1], sys.argv[2])))
