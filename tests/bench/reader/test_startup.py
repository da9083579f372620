"""New processes, really started: what they load is told of them."""

from bench.reader import startup
from bench.reader.contenders.common import Market
from tests.store import CALL, Store


def test_our_reader_loads_nothing_heavy_and_redis_py_does(store: Store) -> None:
    store.tick(CALL)
    found = startup.run(Market(store.url, "bybit", "BTC", [], [CALL], []), starts=1)
    alone, ours, pyredis = found.values()
    assert found[startup.FASTOPTS] is ours
    assert ours.strangers == []
    assert "redis" in pyredis.strangers
    assert alone.import_ms < ours.import_ms
    assert 1 < alone.rss_mb < ours.rss_mb < pyredis.rss_mb
    assert ours.import_cpu_ms > 0
