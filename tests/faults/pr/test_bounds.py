"""What the venue lists may change without end; what is kept of it may not grow with it."""

import itertools
from pathlib import Path

import pytest

from fastopts.embedded import EmbeddedValkey
from tests.support import scripted_venue
from tests.support.collector_harness import until
from tests.support.collector_limits import quicken
from tests.support.scripted_venue import CALL


async def test_PR_21_a_list_of_ever_new_options_fills_no_memory(
    tmp_path: Path,
    shared_valkey: EmbeddedValkey,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    quicken(monkeypatch, symbols_max=60)
    strikes = itertools.count(100)

    async with scripted_venue.scripted_collector(tmp_path, shared_valkey, reconcile_s=0) as harness:
        kept = harness.collector.universe
        for _ in range(12):
            fresh = [f"BTC-27NOV99-{next(strikes)}-C-USDT" for _ in range(20)]
            harness.venue.symbols = [CALL, *fresh]
            await kept.refresh(harness.collector._universe_changed)
            assert len(kept.instruments) <= 60
            assert len(harness.table) <= 60
            assert len(kept._delisted) <= 60
            assert sum(len(line.shard.symbols) for line in harness.collector.connections) <= 60
        assert CALL in kept.instruments
        await until(lambda: harness.client.hget("stats", "skipped:limit") == "20")
        harness.check_books()
    assert "the limit of a collector is reached, such as BTC-27NOV99-" in caplog.text
