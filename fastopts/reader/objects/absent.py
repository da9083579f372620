"""What stands in a list for an option that was not handed over."""

from dataclasses import dataclass

from fastopts.errors import FastoptsError

__all__ = ("Absent",)


@dataclass(frozen=True, slots=True)
class Absent:
    """Stands for an option that was not handed over; false, and `reason` says why."""

    symbol: str
    reason: FastoptsError

    def to_dict(self) -> dict[str, str]:
        """Return `symbol`, the error's name as `reason` and its message as `detail`."""
        return {
            "symbol": self.symbol,
            "reason": type(self.reason).__name__,
            "detail": str(self.reason),
        }

    def __bool__(self) -> bool:
        return False
