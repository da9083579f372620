"""Free memory is returned to the system, and is not counted as memory in use."""

import ctypes
import subprocess
import sys

import pytest

from fastopts import metrics
from fastopts.collector.operation import heap

MB = 1_000_000
IS_GLIBC = hasattr(ctypes.CDLL(None), "mallinfo2")

# Blocks of many sizes, every second one of which is freed last: holes all over the heap.
CHURN = """
import ctypes
from fastopts import metrics
from fastopts.collector.operation import heap
heap.bound()
libc = ctypes.CDLL(None)
malloc, free = libc.malloc, libc.free
malloc.restype, malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
free.argtypes = [ctypes.c_void_p]
def block(size):
    address = malloc(size)
    ctypes.memset(address, 1, size)
    return address
before = metrics.rss_mb()
blocks = [block(2_000 + i % 60_000) for i in range(0, 2_000_000, 500)]
full = metrics.rss_mb()
for address in blocks[:-1]:
    free(address)
heap.trim()
print(before, full, metrics.rss_mb(), metrics.heap_in_use_mb())
"""


@pytest.mark.skipif(not IS_GLIBC, reason="free memory is returned by glibc only")
def test_free_memory_below_a_block_that_stays_is_returned() -> None:
    out = subprocess.run([sys.executable, "-c", CHURN], check=True, capture_output=True, text=True)
    before, full, after, in_use = map(float, out.stdout.split())
    assert full > before + 80
    assert after < before + 15
    assert in_use < 40


@pytest.mark.skipif(not IS_GLIBC, reason="other C libraries do not tell")
def test_memory_in_use_excludes_freed_memory() -> None:
    before = metrics.heap_in_use_mb()
    assert before is not None
    block = bytearray(64 * MB)
    during = metrics.heap_in_use_mb()
    assert during is not None
    assert during - before == pytest.approx(64, abs=4)
    del block
    after = metrics.heap_in_use_mb()
    assert after is not None
    assert after == pytest.approx(before, abs=4)


def test_without_glibc_nothing_is_reported_and_nothing_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    metrics._mallinfo2.cache_clear()
    heap._function.cache_clear()
    try:
        assert metrics.heap_in_use_mb() is None
        heap.bound()
        heap.trim()
    finally:
        metrics._mallinfo2.cache_clear()
        heap._function.cache_clear()
