"""Costs of starting a process that reads: real processes, and the modules they load."""

from bench.reader import startup
from bench.reader.contenders.common import Workload
from tests.support.store import CALL, Store


def test_fastopts_loads_no_heavy_module_and_redis_py_does(store: Store) -> None:
    store.tick(CALL)
    starts = startup.run(Workload(store.url, "bybit", "BTC", [], [CALL], []), starts=1)
    python, fastopts, pyredis = starts.values()
    assert starts[startup.FASTOPTS] is fastopts
    assert fastopts.strangers == []
    assert "redis" in pyredis.strangers
    assert python.import_ms < fastopts.import_ms
    assert 1 < python.rss_mb < fastopts.rss_mb < pyredis.rss_mb
    assert fastopts.import_cpu_ms > 0
