"""What stands in a list for an option that was not handed over."""

from dataclasses import dataclass

from fastopts.errors import FastoptsError

__all__ = ("Absent",)


@dataclass(frozen=True, slots=True)
class Absent:
    """Stands for an option that was not handed over; false, and `reason` says why."""

    symbol: str
    reason: FastoptsError

    def __bool__(self) -> bool:
        return False
