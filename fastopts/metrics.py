"""Measurements while running: durations, histograms, CPU and memory of this process.

Readers import this module, too, on every platform: functions that need POSIX or glibc return 0 or
None elsewhere.
"""

import ctypes
import functools
import mmap
import os
import sys
import time
from bisect import bisect_left
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any, Final

__all__ = (
    "AGE_BOUNDS_MS",
    "ANSWER_BOUNDS_MS",
    "Durations",
    "Histogram",
    "cpu_s",
    "heap_in_use_mb",
    "quantile",
    "rss_mb",
)

# Whole ms, the resolution of receive times.
AGE_BOUNDS_MS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
ANSWER_BOUNDS_MS: Final = (0.1, 0.2, 0.5, *AGE_BOUNDS_MS)


def quantile(ordered: list[float], q: float) -> float | None:
    """Return the *q*-quantile of the *ordered* values; None if there are none."""
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


@dataclass(slots=True)
class Durations:
    """The last *size* durations, in ms."""

    size: int = 512
    _values: deque[float] = field(default_factory=deque)

    def add(self, value_ms: float) -> None:
        """Add a duration; the oldest one is dropped if there are more than *size*."""
        self._values.append(value_ms)
        if len(self._values) > self.size:
            self._values.popleft()

    def quantile_ms(self, q: float) -> float | None:
        """Return the *q*-quantile; None if there are no durations."""
        return quantile(sorted(self._values), q)


@dataclass(slots=True)
class Histogram:
    """Counts of values, in ms, between *bounds*.

    A bound belongs to the interval below it; the last of `counts` is for values above all bounds.
    """

    bounds: Sequence[float]
    counts: list[int] = field(default_factory=list)
    sum_ms: float = 0

    def __post_init__(self) -> None:
        self.counts = self.counts or [0] * (len(self.bounds) + 1)

    def add(self, value_ms: float) -> None:
        """Count *value_ms*. A negative value, of two clocks that disagree, counts as 0."""
        value_ms = max(0, value_ms)
        self.counts[bisect_left(self.bounds, value_ms)] += 1
        self.sum_ms += value_ms

    def cumulative(self) -> list[int]:
        """Return for each bound the number of values not above it, then the number of all."""
        return list(accumulate(self.counts))

    def buckets(self) -> list[tuple[str, int]]:
        """Return the cumulative counts as Prometheus has them: bound in seconds and count."""
        bounds = (*(str(bound / 1000) for bound in self.bounds), "+Inf")
        return list(zip(bounds, self.cumulative(), strict=True))


def cpu_s() -> float:
    """Return the CPU time of this process so far, in seconds."""
    return time.process_time()


def rss_mb() -> float:
    """Return the resident memory of this process in MB (10**6 bytes); 0 on Windows."""
    statm = _statm()
    if statm is not None:
        return int(os.pread(statm, 200, 0).split()[1]) * mmap.PAGESIZE / 1e6
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    # Without /proc, only the peak is available: in bytes on macOS, in KiB on Linux.
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def heap_in_use_mb() -> float | None:
    """Return the memory that malloc has allocated and not freed, in MB (10**6 bytes).

    Resident memory beyond it is code, Python's arenas of small objects, and free blocks that malloc
    keeps. None if it is not known: before glibc 2.33, and with other C libraries.
    """
    mallinfo2 = _mallinfo2()
    if mallinfo2 is None:
        return None
    info = mallinfo2()
    return float(info.uordblks + info.hblkhd) / 1e6


class _Mallinfo2(ctypes.Structure):
    """https://man7.org/linux/man-pages/man3/mallinfo.3.html"""

    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
            *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
        )
    )


@functools.cache
def _mallinfo2() -> Any:
    if sys.platform == "win32":
        return None
    function = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if function is not None:
        function.restype = _Mallinfo2
    return function


@functools.cache
def _statm() -> int | None:
    """Open the file once and keep it: later there may be no free descriptor."""
    if not hasattr(os, "pread"):  # Windows
        return None
    try:
        return os.open("/proc/self/statm", os.O_RDONLY)
    except OSError:
        return None
