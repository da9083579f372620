"""How often the server is measured, and for how long."""

from dataclasses import dataclass

__all__ = ("FULL", "QUICK", "Plan")


@dataclass(frozen=True, slots=True)
class Plan:
    """How often, and how many seconds at a time; the page's views, and visits of it."""

    rounds: int
    turn_s: float
    crowd_s: float
    view_s: float
    visits: int


FULL = Plan(rounds=5, turn_s=1.0, crowd_s=8.0, view_s=8.0, visits=9)
QUICK = Plan(rounds=1, turn_s=0.5, crowd_s=3.0, view_s=2.0, visits=1)
