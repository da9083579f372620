"""What the process uses."""

import time
from pathlib import Path

import pytest

from fastopts.compat import usage


def test_the_share_of_a_core_is_that_since_the_last_call() -> None:
    meter = usage.CpuMeter()
    start = time.process_time()
    while time.process_time() - start < 0.02:
        pass
    busy = meter.percent()
    assert busy > 0
    time.sleep(0.05)
    assert meter.percent() < busy


def test_memory_grows_by_what_is_written_to() -> None:
    before = usage.memory_mb()
    held = bytearray(b"x") * (32 * usage.MB)
    assert usage.memory_mb() - before > 24
    assert len(held) == 32 * usage.MB
    assert usage.peak_mb() >= usage.memory_mb() * 0.9


def test_without_proc_it_is_the_peak(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: Path) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", refuse)
    assert usage.memory_mb() == pytest.approx(usage.peak_mb(), rel=0.1)
