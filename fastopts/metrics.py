"""Figures that are kept while running."""

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

# Whole ms, as receive times are.
AGE_BOUNDS_MS: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000)
ANSWER_BOUNDS_MS: Final = (0.1, 0.2, 0.5, *AGE_BOUNDS_MS)


def quantile(ordered: list[float], q: float) -> float | None:
    """The value below which a share *q* of the *ordered* values lies; None for none."""
    if not ordered:
        return None
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


@dataclass(slots=True)
class Durations:
    """The last *size* durations, in ms."""

    size: int = 512
    _values: deque[float] = field(default_factory=deque)

    def add(self, value_ms: float) -> None:
        self._values.append(value_ms)
        if len(self._values) > self.size:
            self._values.popleft()

    def quantile_ms(self, q: float) -> float | None:
        return quantile(sorted(self._values), q)


@dataclass(slots=True)
class Histogram:
    """How many values lie in each interval between *bounds*, in ms.

    A bound belongs to the interval below it; the last of `counts` lies above all of them.
    """

    bounds: Sequence[float]
    counts: list[int] = field(default_factory=list)
    sum_ms: float = 0

    def __post_init__(self) -> None:
        self.counts = self.counts or [0] * (len(self.bounds) + 1)

    def add(self, value_ms: float) -> None:
        """Count *value_ms*. One below 0 tells of two clocks that disagree, and counts as 0."""
        value_ms = max(0, value_ms)
        self.counts[bisect_left(self.bounds, value_ms)] += 1
        self.sum_ms += value_ms

    def cumulative(self) -> list[int]:
        """For each bound, then for all: how many values are not above it."""
        return list(accumulate(self.counts))

    def buckets(self) -> list[tuple[str, int]]:
        """The same as Prometheus has it: each beside its bound in seconds."""
        bounds = (*(str(bound / 1000) for bound in self.bounds), "+Inf")
        return list(zip(bounds, self.cumulative(), strict=True))


def cpu_s() -> float:
    """CPU time of this process so far, in seconds."""
    return time.process_time()


def rss_mb() -> float:
    """Resident memory of this process, in MB (10**6 bytes); 0 where the system does not tell."""
    statm = _statm()
    if statm is not None:
        return int(os.pread(statm, 200, 0).split()[1]) * mmap.PAGESIZE / 1e6
    try:
        import resource
    except ImportError:  # Windows
        return 0.0
    # elsewhere only the highest so far is told: in bytes on macOS, in KiB on Linux
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def heap_in_use_mb() -> float | None:
    """What the C library's allocator has given out and not got back, in MB (10**6 bytes).

    Resident memory beyond it is code, Python's arenas of small objects, and free blocks that the
    allocator keeps. None where it cannot be asked: before glibc 2.33, and with other C libraries.
    """
    mallinfo2 = _mallinfo2()
    if mallinfo2 is None:
        return None
    found = mallinfo2()
    return float(found.uordblks + found.hblkhd) / 1e6


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
    """Opened once: later there may be no descriptor left."""
    if not hasattr(os, "pread"):  # Windows
        return None
    try:
        return os.open("/proc/self/statm", os.O_RDONLY)
    except OSError:
        return None
