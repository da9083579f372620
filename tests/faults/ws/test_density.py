"""Feeds whose rate decides how they are read."""

from pathlib import Path

from fastopts.sim import SimSettings
from tests.support.collector_harness import running_collector, until


async def test_WS_34_a_feed_that_turns_dense_and_sparse_loses_nothing(tmp_path: Path) -> None:
    async with running_collector(tmp_path, SimSettings(seed=5, symbols=120, rate=3000)) as harness:
        await harness.covered()
        cycle = harness.collector.cycle
        for _ in range(3):
            await until(lambda: cycle.is_on_timer)
            harness.venue.pause()
            await until(lambda: not cycle.is_on_timer)
            await until(lambda: harness.collector.table.pending == 0 and not harness.differences())
            harness.venue.resume()
        await harness.equal()
        harness.check_books()
        assert harness.collector.monitor.status().reconnects == 0
