"""Changes as they come, conflated for who is slower than they are."""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Generic, Literal, Self, TypeVar

from fastopts.errors import BadInput
from fastopts.reader.absent import Absent
from fastopts.reader.mirror import Mirror
from fastopts.reader.option import Option
from fastopts.reader.queries import Demand
from fastopts.reader.replica import Listener
from fastopts.vocabulary import VOCABULARY

__all__ = ("Backlog", "Gap", "Move", "Moves", "Watch")

GAPS_MAX: Final = 16
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Gap:
    """Stands in a stream of changes for what is missing from it.

    `skipped`: *count* changes were replaced by later ones of the same symbols before they were
    taken; nothing is lost. `broken`: what was live is not, or not all of it, see *reason*.
    `resumed`: all is current again, and what changed in between follows.
    """

    kind: Literal["skipped", "broken", "resumed"]
    count: int = 0
    reason: str = ""

    def __bool__(self) -> bool:
        return False


class Backlog:
    """What was not taken yet: one entry for each symbol at most, whatever the delay. A Listener.

    *guard* is held while it is touched, *wake* called, guarded, when something came in.
    """

    def __init__(self, guard: AbstractContextManager[Any], wake: Callable[[], None]) -> None:
        self._guard = guard
        self._wake = wake
        self._symbols: dict[str, None] = {}
        self._gaps: deque[Gap] = deque(maxlen=GAPS_MAX)
        self._skipped = 0
        self._until_told = 0

    def changed(self, symbols: Iterable[str]) -> None:
        with self._guard:
            for symbol in symbols:
                self._skipped += symbol in self._symbols
                self._symbols[symbol] = None
            self._wake()

    def broke(self, words: str) -> None:
        self._interrupt(Gap("broken", reason=words))

    def resumed(self) -> None:
        self._interrupt(Gap("resumed"))

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
        symbol = next(iter(self._symbols))
        del self._symbols[symbol]
        return symbol

    def _interrupt(self, gap: Gap) -> None:
        with self._guard:
            self._gaps.append(gap)
            self._wake()


class Watch(Generic[T]):
    """A stream of the options that changed, or of their Moves, and of Gaps. Iterate over it, or
    call `wait`; a context manager.

    Made by `OptionReader.watch` and `watch_moves`. It ends when it is closed.
    """

    def __init__(
        self,
        mirror: Callable[[Listener], Mirror],
        pick: Callable[[Option], T | None],
        demand: Demand,
        initial: bool,
    ) -> None:
        self._news = threading.Condition()
        self._backlog = Backlog(self._news, self._news.notify_all)
        self._pick = pick
        self._demand = demand
        self._is_closed = False
        self._mirror = mirror(self._backlog)
        self._mirror.wait()
        if initial:
            self._backlog.changed(self._mirror.symbols)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T | Gap:
        found = self.wait()
        if found is None:
            raise StopIteration
        return found

    def wait(self, timeout_s: float | None = None) -> T | Gap | None:
        """Return what comes next; None when it is closed, or nothing came within *timeout_s*."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while (taken := self._take(deadline)) is not None:
            found = taken if isinstance(taken, Gap) else self._picked(taken)
            if found is not None:
                return found
        return None

    def close(self) -> None:
        """End it and its connection; who waits for it is woken."""
        with self._news:
            self._is_closed = True
            self._news.notify_all()
        self._mirror.close()

    def _take(self, deadline: float | None) -> str | Gap | None:
        with self._news:
            while not self._is_closed:
                taken = self._backlog.take()
                left_s = None if deadline is None else deadline - time.monotonic()
                if taken is not None or (left_s is not None and left_s <= 0):
                    return taken
                self._news.wait(left_s)
        return None

    def _picked(self, symbol: str) -> T | None:
        [found] = self._mirror.get_many([symbol], **self._demand._asdict())
        return None if isinstance(found, Absent) else self._pick(found)


@dataclass(frozen=True, slots=True)
class Move:
    """A *field* of *option* went from *before* to *after*: a *change* of -0.1 is -10 %."""

    symbol: str
    field: str
    before: float
    after: float
    change: float
    option: Option


class Moves:
    """Finds the moves in a stream of options: from the value last told of, or first seen."""

    def __init__(self, threshold: float, field: str) -> None:
        """Raises BadInput for a threshold that is not above 0, or a field without numbers."""
        if isinstance(threshold, bool) or not 0 < threshold < math.inf:
            raise BadInput(f"threshold: {threshold!r}: write 0.05 for 5 %")
        word = VOCABULARY.get(field)
        if word is None or word.form != "number":
            numbers = [word.name for word in VOCABULARY.values() if word.form == "number"]
            raise BadInput(f"{field!r} has no numbers to move; take one of {', '.join(numbers)}")
        self._threshold = threshold
        self._field = field
        self._told: dict[str, float] = {}

    def look(self, option: Option) -> Move | None:
        """The move that *option* makes, if it makes one."""
        after: float | None = getattr(option, self._field)
        if after is None:
            return None
        before = self._told.setdefault(option.symbol, after)
        if before == after:
            return None
        change = (after - before) / abs(before) if before else math.copysign(math.inf, after)
        if abs(change) < self._threshold:
            return None
        self._told[option.symbol] = after
        return Move(option.symbol, self._field, before, after, change, option)
