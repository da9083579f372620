"""The age of ticks when they are announced: `python -m bench.serve.probe URL VENUE`.

It follows the market as any program would. For each line of stdin it prints the number of ticks
since the previous line, and their ages in ms: from reception by the collector to reception here.
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

# Old ticks are what this measures: they must not be refused.
ANY = Requirements(require_live=False)


class Ages(NullListener):
    """Records the age of every changed option."""

    mirror: AsyncMirror

    def __init__(self) -> None:
        self.ages_ms: list[float] = []

    def changed(self, symbols: Iterable[str]) -> None:
        """Record the ages of *symbols*."""
        now_ms = time.time_ns() / 1e6
        for symbol in symbols:
            option = self.mirror.find(symbol, ANY)
            if isinstance(option, Option):
                self.ages_ms.append(now_ms - option.rt_ms)


async def main(url: str, venue: str) -> None:
    """Follow the market and answer requests until stdin ends."""
    ages = Ages()
    ages.mirror = AsyncOptionReader(url, venue).follow(ages)
    print("{}", flush=True)
    loop = asyncio.get_running_loop()
    while await loop.run_in_executor(None, sys.stdin.readline):
        ages_ms, ages.ages_ms = sorted(ages.ages_ms), []
        answer = {
            "ticks": len(ages_ms),
            "p50_ms": quantile(ages_ms, 0.5),
            "p99_ms": quantile(ages_ms, 0.99),
        }
        print(orjson.dumps(answer).decode(), flush=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        reported(lambda: runner.run(main(sys.argv[1], sys.argv[2])))
