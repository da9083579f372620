"""Equal, moved or wrong: the rules, without I/O.

A row of REST has no time of its own, and ticks come between reading Redis and asking the venue. So
what differs once means nothing. A symbol is looked at as hash, row, hash:

    equal   one of the hashes is the row, field by field
    wrong   two rows, a while apart, both differed from the hash, which did not tick from before
            the first to after the second; or four looks found the same field at the same two
            values, however often the symbol ticked
    moved   it ticked each time, so that nothing can be said
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from fastopts.cli.verify.fields import Difference, differences
from fastopts.cli.verify.store import Tick
from fastopts.cli.verify.venue import Row

__all__ = ("OUTCOMES", "Case", "Evidence", "Outcome")

ROWS_ENOUGH: Final = 2
LOOKS_ENOUGH: Final = 4
_TICK: Final = ("tm", "sq", "cn", "rt")  # of which each tick changes some

Outcome = Literal["equal", "moved", "wrong"]
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a symbol is wrong; ages are on the venue's clock, at the last row."""

    differences: tuple[Difference, ...]
    tick_age_ms: int
    rows_apart_ms: int


@dataclass(slots=True)
class Case:
    """One symbol. Show it looks with `see` until `is_open` no more."""

    symbol: str
    outcome: Outcome = "moved"
    evidence: Evidence | None = None
    _tick: tuple[str | None, ...] = ()  # that stands since the row at _since_ms
    _since_ms: int = 0
    _rows: int = 0  # in a row that differed from it
    _looks: int = 0
    _first_ms: int = 0
    _steady: set[Difference] = field(default_factory=set)  # seen at every look

    @property
    def is_open(self) -> bool:
        return self.outcome == "moved"

    def see(self, before: Tick | None, row: Row, after: Tick | None, at_ms: int) -> None:
        """Look at the row of *at_ms* between two hashes, None standing for what is not live."""
        if before is None or after is None:
            self._rows = self._looks = 0
            return
        found = [differences(before, row), differences(after, row)]
        if not all(found):
            self.outcome = "equal"
            return
        self._count_rows(before, after, at_ms)
        self._count_looks(set(found[0]) & set(found[1]), at_ms)
        if self._rows >= ROWS_ENOUGH:
            self._find_wrong(found[1], after, self._since_ms, at_ms)
        elif self._looks >= LOOKS_ENOUGH and self._steady:
            self._find_wrong(self._steady, after, self._first_ms, at_ms)

    def _count_rows(self, before: Tick, after: Tick, at_ms: int) -> None:
        if _identity(before) != self._tick or self._rows == 0:
            self._tick, self._since_ms, self._rows = _identity(before), at_ms, 0
        self._rows += 1
        if _identity(after) != self._tick:
            self._rows = 0

    def _count_looks(self, found: set[Difference], at_ms: int) -> None:
        if self._looks == 0:
            self._steady, self._first_ms = found, at_ms
        self._steady &= found
        self._looks += 1

    def _find_wrong(
        self, found: Iterable[Difference], after: Tick, since_ms: int, at_ms: int
    ) -> None:
        told = sorted(found, key=lambda one: one.field)
        age_ms = at_ms - int(after.get("tm") or 0)
        self.outcome = "wrong"
        self.evidence = Evidence(tuple(told), age_ms, at_ms - since_ms)


def _identity(tick: Tick) -> tuple[str | None, ...]:
    return tuple(tick.get(name) for name in _TICK)
