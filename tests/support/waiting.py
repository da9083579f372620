"""The limit of waits for conditions."""

from typing import Final

__all__ = ("PATIENCE_S",)

# Shorter limits failed on a machine with ten times as many busy processes as cores. It only
# matters when a test fails; pytest's own limit for a test is 120 s.
PATIENCE_S: Final = 90.0
