"""Feeds whose rate decides how they are read."""

from pathlib import Path

from fastopts.sim import SimSettings
from tests.support.collector_harness import running_collector, until


async def test_WS_34_a_feed_that_turns_dense_and_sparse_loses_nothing(tmp_path: Path) -> None:
    async with running_collector(tmp_path, SimSettings(seed=5, symbols=120, rate=3000)) as w:
        await w.covered()
        cycle = w.collector.cycle
        for _ in range(3):
            await until(lambda: cycle.is_on_timer)
            w.venue.pause()
            await until(lambda: not cycle.is_on_timer)
            await until(lambda: w.collector.table.pending == 0 and not w.differences())
            w.venue.resume()
        await w.equal()
        w.check_books()
        assert w.collector.monitor.status().reconnects == 0
