"""The doctor beside a collector at work."""

from pathlib import Path
from typing import Any

from fastopts import keys
from tests.cli.process import fastopts, start
from tests.sim.conftest import until
from tests.support.store import Store


def is_covered(store: Store) -> bool:
    told: Any = store.client.hget(keys.FEED, "coverage") or b"0/0"
    covered, wanted = map(int, told.split(b"/"))
    return covered == wanted > 0


def test_all_is_green_with_a_collector_at_work(
    tmp_path: Path, there: list[str], store: Store
) -> None:
    store.client.flushall()
    words = (*there, "--redis-url", store.url)
    with start("track", *words, "--coins", "BTC,ETH,SOL,XRP", cwd=tmp_path) as collector:
        assert collector.stderr is not None
        assert any("quotes from REST" in line for line in collector.stderr)
        until(lambda: is_covered(store))
        done = fastopts("doctor", *words, cwd=tmp_path)
        collector.terminate()
        collector.communicate(timeout=30)
    first, *lines, last = done.out.splitlines()
    assert first == "SIMULATED: not the market"
    assert [line.split()[0] for line in lines] == ["green"] * 19
    assert last == "all 19 green"
    assert done.code == 0
