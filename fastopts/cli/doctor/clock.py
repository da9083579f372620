"""The finding on the difference between another clock and ours."""

from typing import Final

from fastopts import number_format
from fastopts.cli.doctor.check import Finding, green, yellow

__all__ = ("APART_MS", "judge_clock")

# Ages are corrected for the skew; a second is far beyond the error of NTP, and points to none.
APART_MS: Final = 1000


def judge_clock(owner: str, ahead_ms: float, round_trip_ms: float) -> Finding:
    """Judge the clock of *owner*, which a request found *ahead_ms* before ours.

    The error is half the round trip of that request: a difference within it proves nothing.
    """
    error_ms = round_trip_ms / 2
    direction = "ahead" if ahead_ms > 0 else "behind"
    difference = number_format.duration(abs(ahead_ms) / 1000)
    summary = f"{owner} is {difference} {direction} (± {error_ms:.0f} ms)"
    if abs(ahead_ms) - error_ms > APART_MS:
        return yellow(summary, "synchronise both clocks with NTP: timedatectl set-ntp true")
    return green(summary)
