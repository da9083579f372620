"""The clock that tells how old something is, where nobody else's clock can."""

import sys
import time

__all__ = ("steady_s",)

if sys.platform == "linux":

    def steady_s() -> float:
        """Seconds of a clock that nobody sets, and that goes on while the machine sleeps.

        `time.monotonic` stands still then: what was live before would be so for a while after.
        """
        return time.clock_gettime(time.CLOCK_BOOTTIME)

elif sys.platform == "darwin":

    def steady_s() -> float:
        # here it is the system's CLOCK_MONOTONIC that goes on, and Python's that stands still
        return time.clock_gettime(time.CLOCK_MONOTONIC)

else:
    steady_s = time.monotonic
