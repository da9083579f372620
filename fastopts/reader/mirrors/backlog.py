"""What a consumer has not taken yet: changes, conflated, and what is missing from them."""

from collections import OrderedDict, deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, Literal

from fastopts.errors import FastoptsError

__all__ = ("Backlog", "Gap")

GAPS_MAX: Final = 16


@dataclass(frozen=True, slots=True)
class Gap:
    """Stands in a stream of changes for what is missing from it; false.

    `skipped`: *count* changes were replaced by later ones of the same symbols before they were
    taken; nothing is lost. `broken`: what was live is not, or not all of it, see *reason*; it may
    come again with a worse one. `resumed`: it is live again or replaced, and what changed in
    between follows. `unlisted`: *count* of the selected symbols, or the selected asset or series,
    are not listed, or not any more, see *reason*: no change of them will come.
    """

    kind: Literal["skipped", "broken", "resumed", "unlisted"]
    count: int = 0
    reason: str = ""

    def __bool__(self) -> bool:
        return False


class Backlog:
    """One entry for each symbol at most, whatever the delay. A MirrorListener.

    *guard* is held while it is touched, *wake* called, guarded, when something came in.
    """

    def __init__(self, guard: AbstractContextManager[Any], wake: Callable[[], None]) -> None:
        self.guard = guard
        self._wake = wake
        self._symbols: OrderedDict[str, None] = OrderedDict()
        self._withheld: OrderedDict[str, None] = OrderedDict()
        self._gaps: deque[Gap] = deque(maxlen=GAPS_MAX)
        self._skipped = 0
        self._until_told = 0
        self._is_relisted = False
        self._began_broken = False

    def begin(self, symbols: Iterable[str], problem: FastoptsError | None = None) -> None:
        """Have *symbols* for a start, and none of the changes up to now; first of all the *problem*
        that makes that nothing is live, if there is one."""
        with self.guard:
            self._symbols = OrderedDict.fromkeys(symbols)
            self._skipped = self._until_told = 0
            self._began_broken = problem is not None
            self._gaps.clear()
            if problem is not None:
                self._gaps.append(Gap("broken", reason=str(problem)))

    def changed(self, symbols: Iterable[str]) -> None:
        with self.guard:
            for symbol in symbols:
                self._skipped += symbol in self._symbols
                self._symbols[symbol] = None
            self._wake()

    def relisted(self) -> None:
        with self.guard:
            self._is_relisted = True
            self._wake()

    def take_relisted(self) -> bool:
        """Whether what is listed has changed since this was asked last."""
        with self.guard:
            is_relisted, self._is_relisted = self._is_relisted, False
            return is_relisted

    def revived(self) -> None:
        if self._began_broken:  # the replica has not reported that
            self.resumed()
        with self.guard:
            if self._withheld:
                self._symbols = self._withheld | self._symbols
                self._withheld = OrderedDict()
                self._wake()

    def broke(self, words: str) -> None:
        self._interrupt(Gap("broken", reason=words))

    def resumed(self) -> None:
        self._began_broken = False
        self._interrupt(Gap("resumed"))

    def is_empty(self) -> bool:
        """Whether `take` has nothing. To be called guarded."""
        return not (self._gaps or self._symbols or self._skipped or self._is_relisted)

    def take(self) -> str | Gap | None:
        """The next symbol that changed, or what is missing before it; None: nothing is there.

        To be called guarded.
        """
        if self._gaps:
            return self._gaps.popleft()
        if self._skipped and self._until_told <= 0:
            # Once for each round through the backlog: who is slow is told, not flooded.
            skipped, self._skipped = self._skipped, 0
            self._until_told = len(self._symbols)
            return Gap("skipped", skipped)
        if not self._symbols:
            return None
        self._until_told -= 1
        return self._symbols.popitem(last=False)[0]

    def withhold(self, symbol: str) -> None:
        """Keep *symbol*, which was taken and is not live, until more is. To be called guarded."""
        self._withheld[symbol] = None

    def _interrupt(self, gap: Gap) -> None:
        with self.guard:
            self._gaps.append(gap)
            self._wake()
