"""How late a loop is."""

import asyncio
import time

from fastopts.collector.operation.loop_lag import LoopLag


async def test_the_worst_since_the_last_read_is_returned_once() -> None:
    lag = LoopLag()
    lag.begin()
    await asyncio.sleep(0.05)
    time.sleep(0.4)  # noqa: ASYNC251 - that is the lag
    await asyncio.sleep(0.02)
    assert lag.take_ms() > 200
    assert lag.take_ms() == 0
    lag.end()
    lag.end()
