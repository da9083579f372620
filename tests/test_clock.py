"""The clock that goes on while the machine sleeps."""

import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from fastopts import clock
from fastopts.compat import executor
from fastopts.net.redis import push_asyncio, push_blocking
from fastopts.reader import local_source, queries
from fastopts.reader.mirrors import mirror
from fastopts.reader.redis import source


def test_it_continues() -> None:
    before = clock.steady_s()
    time.sleep(0.01)
    assert 0.009 < clock.steady_s() - before < 5


@pytest.mark.skipif(sys.platform != "linux", reason="its clock is Linux's")
def test_it_counts_the_time_that_a_machine_sleeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test can send a machine to sleep: that is what the kernel promises of this clock."""
    monkeypatch.setattr(time, "clock_gettime", {time.CLOCK_BOOTTIME: 7.0}.__getitem__)
    assert clock.steady_s() == 7.0


@pytest.mark.parametrize(
    "module", [executor, push_asyncio, push_blocking, mirror, queries, local_source, source]
)
def test_records_read_after_the_feed_are_judged_by_it(module: ModuleType) -> None:
    assert module.__file__ is not None
    assert "monotonic" not in Path(module.__file__).read_text()
    assert vars(module)["steady_s"] is clock.steady_s
