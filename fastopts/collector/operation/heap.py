"""glibc's heap: bounds on the free memory that it keeps. No-op on other C libraries.

REST answers are megabytes that live for milliseconds, every minute. By default glibc raises its
thresholds to the largest block that was ever freed, gives each thread an arena of its own, and
returns free memory only from the top of the heap: resident memory then creeps up for hours,
although what is in use stays the same.
"""

import ctypes
import functools
from typing import Any, Final

__all__ = ("bound", "trim")

# malloc.h
M_TRIM_THRESHOLD: Final = -1
M_MMAP_THRESHOLD: Final = -3
M_ARENA_MAX: Final = -8

KEPT_BYTES: Final = 128 * 1024  # glibc's own default, before it adapts


def bound() -> None:
    """Keep one arena, and return large free blocks at once: call it before the first thread.

    One arena suffices, as the threads beside the loop only wait for REST, one at a time.
    """
    mallopt = _function("mallopt")
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 1)
        mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


def trim() -> None:
    """Return free memory to the system; about a millisecond for a heap of 20 MB."""
    malloc_trim = _function("malloc_trim")
    if malloc_trim is not None:
        malloc_trim(0)


@functools.cache
def _function(name: str) -> Any:
    """A function of glibc; None where the C library is another one."""
    library = ctypes.CDLL(None)
    return getattr(library, name, None) if hasattr(library, "gnu_get_libc_version") else None
