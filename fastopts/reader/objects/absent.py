"""`Absent`: the place of an option that a read of several could not return."""

from dataclasses import dataclass
from typing import Literal

from fastopts.errors import FastoptsError

__all__ = ("Absent",)


@dataclass(frozen=True, slots=True)
class Absent:
    """The place of an option that was not returned in a list of results; it is false.

    *reason* is the error that a read of this option alone would raise.
    """

    symbol: str
    reason: FastoptsError

    def to_dict(self) -> dict[str, str]:
        """Return `symbol`, the error's class name as `reason` and its message as `detail`."""
        return {
            "symbol": self.symbol,
            "reason": type(self.reason).__name__,
            "detail": str(self.reason),
        }

    def __bool__(self) -> Literal[False]:
        return False
