"""CPU and memory of this process, without psutil."""

import os
import sys
import time
from pathlib import Path
from typing import Final

__all__ = ("CpuMeter", "memory_mb", "peak_mb")

MB: Final = 1024 * 1024  # as the old scripts counted; fastopts.metrics uses 10**6


class CpuMeter:
    """Measures the share of one core that this process uses."""

    def __init__(self) -> None:
        self._wall_s, self._cpu_s = time.monotonic(), time.process_time()

    def percent(self) -> float:
        """Return the share since the previous call, or since the meter was made; 100 is a core."""
        wall_s, cpu_s = self._wall_s, self._cpu_s
        self._wall_s, self._cpu_s = time.monotonic(), time.process_time()
        elapsed_s = self._wall_s - wall_s
        return (self._cpu_s - cpu_s) / elapsed_s * 100 if elapsed_s else 0.0


def memory_mb() -> float:
    """Return the resident memory in MB; its peak on systems without /proc, 0 if that is unknown."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return peak_mb()
    return pages * os.sysconf("SC_PAGE_SIZE") / MB


def peak_mb() -> float:
    """Return the peak of the resident memory in MB; 0 on Windows."""
    try:
        import resource
    except ImportError:
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (MB if sys.platform == "darwin" else 1024)  # bytes on macOS, else KiB
