"""`Backlog`: changes that a consumer has not taken yet, conflated; and the Gaps between them."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, Literal

from fastopts.errors import FastoptsError

__all__ = ("Backlog", "Gap")

GAPS_MAX: Final = 16  # that wait for a consumer; the oldest are dropped


@dataclass(frozen=True, slots=True)
class Gap:
    """An item of a stream that reports what is missing from it. It is false.

    `skipped`: *count* changes were replaced by later ones of the same symbols before they were
    taken; nothing is lost. `broken`: values that were live are stale, all or some, see *reason*;
    another may follow with a worse reason. `resumed`: they are live again or replaced, and the
    changes in between follow. `unlisted`: *count* of the selected symbols, or the selected asset or
    series, are not listed (any more), see *reason*: no change of them will come.
    """

    kind: Literal["skipped", "broken", "resumed", "unlisted"]
    count: int = 0
    reason: str = ""

    def __bool__(self) -> Literal[False]:
        return False


class Backlog:
    """At most one entry for each symbol, however slow the consumer is. A MirrorListener.

    *guard* is held while it changes; *wake* is called under it when there is something to take.
    Memory is bound by the number of symbols, not by the rate of changes.
    """

    def __init__(self, guard: AbstractContextManager[Any], wake: Callable[[], None]) -> None:
        self.guard = guard
        self._wake = wake
        self._symbols: OrderedDict[str, None] = OrderedDict()  # oldest change first
        self._withheld: OrderedDict[str, None] = OrderedDict()
        self._gaps: deque[Gap] = deque(maxlen=GAPS_MAX)
        self._skipped = 0
        self._until_skipped_gap = 0  # symbols to take before the next such Gap
        self._is_relisted = False
        self._began_broken = False

    def begin(self, symbols: Iterable[str], problem: FastoptsError | None = None) -> None:
        """Start with *symbols*, dropping all earlier changes; first a Gap for a *problem*."""
        with self.guard:
            self._symbols = OrderedDict.fromkeys(symbols)
            self._skipped = self._until_skipped_gap = 0
            self._began_broken = problem is not None
            self._gaps.clear()
            if problem is not None:
                self._gaps.append(Gap("broken", reason=str(problem)))

    def changed(self, symbols: Iterable[str]) -> None:
        """Add *symbols*; those that are there already count as skipped."""
        with self.guard:
            for symbol in symbols:
                self._skipped += symbol in self._symbols
                self._symbols[symbol] = None
            self._wake()

    def relisted(self) -> None:
        """Note that the listing changed."""
        with self.guard:
            self._is_relisted = True
            self._wake()

    def take_relisted(self) -> bool:
        """Return whether the listing changed since the last call."""
        with self.guard:
            is_relisted, self._is_relisted = self._is_relisted, False
            return is_relisted

    def revived(self) -> None:
        """Add the withheld symbols again, before all others."""
        if self._began_broken:  # before the replica had a state that could break and resume
            self.resumed()
        with self.guard:
            if self._withheld:
                self._symbols = self._withheld | self._symbols
                self._withheld = OrderedDict()
                self._wake()

    def broke(self, reason: str) -> None:
        """Add a Gap `broken`."""
        self._interrupt(Gap("broken", reason=reason))

    def resumed(self) -> None:
        """Add a Gap `resumed`."""
        self._began_broken = False
        self._interrupt(Gap("resumed"))

    def is_empty(self) -> bool:
        """Whether `take` would return None. Call it under the guard."""
        return not (self._gaps or self._symbols or self._skipped or self._is_relisted)

    def take(self) -> str | Gap | None:
        """Remove and return the next Gap or changed symbol; None if there is none.

        Call it under the guard.
        """
        if self._gaps:
            return self._gaps.popleft()
        if self._skipped and self._until_skipped_gap <= 0:
            # One such Gap for each round through the backlog: a slow consumer would otherwise get
            # one before each symbol, and be slower still.
            skipped, self._skipped = self._skipped, 0
            self._until_skipped_gap = len(self._symbols)
            return Gap("skipped", skipped)
        if not self._symbols:
            return None
        self._until_skipped_gap -= 1
        return self._symbols.popitem(last=False)[0]

    def withhold(self, symbol: str) -> None:
        """Keep *symbol*, which was taken and is stale, until `revived`. Call it under the guard.

        A connection may break before the feed shows it. The change is not lost: if the value is
        live again without a new record, it is delivered then.
        """
        self._withheld[symbol] = None

    def _interrupt(self, gap: Gap) -> None:
        with self.guard:
            self._gaps.append(gap)
            self._wake()
