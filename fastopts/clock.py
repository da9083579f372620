"""A clock for ages and timeouts that counts the time during which the machine sleeps."""

import sys
import time

__all__ = ("steady_s",)

if sys.platform == "linux":

    def steady_s() -> float:
        """Return seconds of a clock that nobody sets and that runs while the machine sleeps.

        `time.monotonic` stands still during sleep: values that were live before would be returned
        as live for a while after.
        """
        return time.clock_gettime(time.CLOCK_BOOTTIME)

elif sys.platform == "darwin":

    def steady_s() -> float:
        """Return seconds of a clock that nobody sets and that runs while the machine sleeps."""
        # On macOS, CLOCK_MONOTONIC runs during sleep, and Python's time.monotonic does not.
        return time.clock_gettime(time.CLOCK_MONOTONIC)

else:
    steady_s = time.monotonic
