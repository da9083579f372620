"""How often the server is measured, and for how long."""

from dataclasses import dataclass

__all__ = ("FULL", "QUICK", "ServePlan")


@dataclass(frozen=True, slots=True)
class ServePlan:
    """Number of rounds, and the seconds of each measurement.

    *turn_s*: requests of one kind, *crowd_s*: a crowd of stream clients, *view_s*: one view of the
    page. *visits*: page loads timed.
    """

    rounds: int
    turn_s: float
    crowd_s: float
    view_s: float
    visits: int


FULL = ServePlan(rounds=5, turn_s=1.0, crowd_s=8.0, view_s=8.0, visits=9)
QUICK = ServePlan(rounds=1, turn_s=0.5, crowd_s=3.0, view_s=2.0, visits=1)
