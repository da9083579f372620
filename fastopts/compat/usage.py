"""What this process uses."""

import os
import sys
import time
from pathlib import Path

__all__ = ("CpuMeter", "memory_mb")

MB = 1024 * 1024


class CpuMeter:
    """Measures the share of a core that this process takes."""

    def __init__(self) -> None:
        self._wall_s, self._cpu_s = time.monotonic(), time.process_time()

    def percent(self) -> float:
        """Since the last call, or since the meter was made: 100 is one core."""
        wall_s, cpu_s = self._wall_s, self._cpu_s
        self._wall_s, self._cpu_s = time.monotonic(), time.process_time()
        passed_s = self._wall_s - wall_s
        return (self._cpu_s - cpu_s) / passed_s * 100 if passed_s else 0.0


def memory_mb() -> float:
    """Resident memory: now where /proc tells it, else the most there ever was, else 0."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return peak_mb()
    return pages * os.sysconf("SC_PAGE_SIZE") / MB


def peak_mb() -> float:
    """The most resident memory there ever was; 0 where that is not told."""
    try:
        import resource
    except ImportError:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (MB if sys.platform == "darwin" else 1024)
