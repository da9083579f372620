"""Equal, moved or wrong: the rules, without I/O.

A row of REST has no time of its own, and ticks arrive between reading Redis and the venue's
response. So a single difference means nothing. An observation of a symbol is a hash, a row, and the
hash again:

    equal   one of the hashes equals the row in every field
    wrong   two rows, some time apart, both differed from the hash, which did not tick from before
            the first to after the second; or four observations had the same two values of a
            field, however often the symbol ticked
    moved   it ticked each time, so that nothing can be said
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Literal, get_args

from fastopts.cli.verify.fields import Difference, differences
from fastopts.cli.verify.store import Tick
from fastopts.cli.verify.venue import Row

__all__ = ("OUTCOMES", "Case", "Evidence", "Outcome")

ROWS_ENOUGH: Final = 2  # a tick that was on its way at the first row has arrived at the second
# A busy symbol never rests between two rows. A field that keeps one wrong value meanwhile is not
# updated; four observations rule out a chance.
OBSERVATIONS_ENOUGH: Final = 4
_TICK: Final = ("tm", "sq", "cn", "rt")  # every tick changes one of them

Outcome = Literal["equal", "moved", "wrong"]
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a symbol is wrong. The age is on the venue's clock, at the last row."""

    differences: tuple[Difference, ...]
    tick_age_ms: int
    rows_apart_ms: int


@dataclass(slots=True)
class Case:
    """The comparison of one symbol: call `observe` while `is_open`."""

    symbol: str
    outcome: Outcome = "moved"
    evidence: Evidence | None = None
    _tick: tuple[str | None, ...] = ()  # identity of the tick since the row at _since_ms
    _since_ms: int = 0
    _rows: int = 0  # consecutive rows that differed from it
    _observations: int = 0
    _first_ms: int = 0
    _steady: set[Difference] = field(default_factory=set)  # in every observation

    @property
    def is_open(self) -> bool:
        """Whether the symbol is still undecided."""
        return self.outcome == "moved"

    def observe(self, before: Tick | None, row: Row, after: Tick | None, at_ms: int) -> None:
        """Add an observation: the row of *at_ms* between two hashes, None for one not live."""
        if before is None or after is None:
            self._rows = self._observations = 0
            return
        first, second = differences(before, row), differences(after, row)
        if not first or not second:
            self.outcome = "equal"
            return
        self._count_rows(before, after, at_ms)
        self._count_observations(set(first) & set(second), at_ms)
        if self._rows >= ROWS_ENOUGH:
            self._set_wrong(second, after, self._since_ms, at_ms)
        elif self._observations >= OBSERVATIONS_ENOUGH and self._steady:
            self._set_wrong(self._steady, after, self._first_ms, at_ms)

    def _count_rows(self, before: Tick, after: Tick, at_ms: int) -> None:
        if _identity(before) != self._tick or self._rows == 0:
            self._tick, self._since_ms, self._rows = _identity(before), at_ms, 0
        self._rows += 1
        if _identity(after) != self._tick:
            self._rows = 0

    def _count_observations(self, common: set[Difference], at_ms: int) -> None:
        if self._observations == 0:
            self._steady, self._first_ms = common, at_ms
        self._steady &= common
        self._observations += 1

    def _set_wrong(
        self, evidence: Iterable[Difference], after: Tick, since_ms: int, at_ms: int
    ) -> None:
        ordered = sorted(evidence, key=lambda difference: difference.field)
        age_ms = at_ms - int(after.get("tm") or 0)
        self.outcome = "wrong"
        self.evidence = Evidence(tuple(ordered), age_ms, at_ms - since_ms)


def _identity(tick: Tick) -> tuple[str | None, ...]:
    return tuple(tick.get(name) for name in _TICK)
