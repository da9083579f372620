"""How often the server is measured, and for how long."""

from dataclasses import dataclass

__all__ = ("FULL", "QUICK", "Plan")


@dataclass(frozen=True, slots=True)
class Plan:
    """How often, and how many seconds at a time."""

    rounds: int
    turn_s: float
    crowd_s: float


FULL = Plan(rounds=5, turn_s=1.0, crowd_s=8.0)
QUICK = Plan(rounds=1, turn_s=0.5, crowd_s=3.0)
