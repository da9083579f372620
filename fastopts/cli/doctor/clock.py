"""What it means when another clock differs from ours."""

from typing import Final

from fastopts.cli.doctor.check import Finding, green, yellow
from fastopts.cli.output import printing

__all__ = ("APART_MS", "judge_clock")

APART_MS: Final = 1000


def judge_clock(whose: str, ahead_ms: float, trip_ms: float) -> Finding:
    """What it means that *whose* clock shows *ahead_ms* more than ours, as a question told."""
    words = f"{whose} is {printing.duration(abs(ahead_ms) / 1000)}"
    words += f" {'ahead' if ahead_ms > 0 else 'behind'}, give or take {trip_ms / 2:.0f} ms"
    if abs(ahead_ms) - trip_ms / 2 > APART_MS:
        return yellow(words, "set both clocks by NTP: timedatectl set-ntp true")
    return green(words)
