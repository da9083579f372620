"""`Watch`: a stream of conflated changes; `Picker` is common to it and AsyncWatch."""

import threading
import time
from collections.abc import Callable
from typing import Generic, Self, TypeVar

from fastopts.errors import FastoptsError, StaleData
from fastopts.reader.freshness.requirements import Requirements
from fastopts.reader.mirrors.backlog import Backlog, Gap
from fastopts.reader.mirrors.listener import MirrorListener
from fastopts.reader.mirrors.mirror import BaseMirror, Mirror
from fastopts.reader.objects.absent import Absent
from fastopts.reader.objects.option import Option
from fastopts.reader.objects.uncopied import Uncopied
from fastopts.reader.selection.arguments import timeout
from fastopts.reader.selection.matching import NAMED_MAX

__all__ = ("Picker", "Watch")

T = TypeVar("T")


class Picker(Generic[T]):
    """Takes symbols from a backlog, reads them in the mirror, and applies *pick* to the options.

    The backlog holds symbols rather than values: a slow consumer gets the value of the moment at
    which it asks.
    """

    def __init__(
        self,
        backlog: Backlog,
        mirror: BaseMirror,
        pick: Callable[[Option], T | None],
        requirements: Requirements,
    ) -> None:
        self._backlog = backlog
        self._mirror = mirror
        self._pick = pick
        self._requirements = requirements
        self._is_check_due = False  # whether the selection is still listed
        self._reported: set[str] = set()  # symbols whose delisting was reported

    def next(self) -> T | Gap | None:
        """Return the next result or Gap; None if the backlog has none."""
        if (gap := self._unlisted()) is not None:
            return gap
        while (item := self._take()) is not None:
            if isinstance(item, Gap):
                return item
            picked = None if isinstance(item, Absent) else self._pick(item)
            if picked is not None:
                return picked
        return None

    def _unlisted(self) -> Gap | None:
        """Return a Gap for the part of the selection that left the listing, once for each."""
        self._is_check_due |= self._backlog.take_relisted()
        if not self._is_check_due or (errors := self._mirror.unlisted()) is None:
            return None
        self._is_check_due = False
        new = [str(error) for name, error in errors.items() if name not in self._reported]
        self._reported = set(errors)
        return Gap("unlisted", len(new), "; ".join(new[:NAMED_MAX])) if new else None

    def _take(self) -> Option | Absent | Gap | None:
        # Guarded as a whole: if `revived` ran between reading a stale value and withholding its
        # symbol, the symbol would stay withheld although its value is live.
        with self._backlog.guard:
            symbol = self._backlog.take()
            if symbol is None or isinstance(symbol, Gap):
                return symbol
            result = self._mirror.find(symbol, self._requirements)
            if isinstance(result, Absent) and isinstance(result.reason, StaleData):
                self._backlog.withhold(symbol)
            return result


class Watch(Uncopied, Generic[T]):
    """A stream of changed options, or of Moves, with Gaps in between. Iterate over it, or call
    `wait`; a context manager.

    Made by `OptionReader.watch` and `watch_moves`. Iteration ends when it is closed. A forked child
    can't use it.
    """

    def __init__(
        self,
        mirror: Callable[[MirrorListener], Mirror],
        pick: Callable[[Option], T | None],
        requirements: Requirements,
    ) -> None:
        self._news = threading.Condition()
        self._is_closed = False
        self._backlog = Backlog(self._news, self._news.notify_all)
        self._mirror = mirror(self._backlog)
        self._picker = Picker(self._backlog, self._mirror, pick, requirements)

    def start(self, initial: bool) -> None:
        """Wait until its mirror is current. Raises what `Mirror.wait` raises."""
        self._mirror.wait()
        self._backlog.begin(self._mirror.symbols if initial else (), self._mirror.problem)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def problem(self) -> FastoptsError | None:
        """The error that makes every value stale; None if values can be live."""
        return self._mirror.problem

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T | Gap:
        item = self.wait()
        if item is None:
            raise StopIteration
        return item

    def wait(self, timeout_s: float | None = None) -> T | Gap | None:
        """Return the next item; None if nothing comes within *timeout_s*, or if it is closed.

        A Gap is false, too: test for `is None`. Raises FeedDown in a forked child.
        """
        timeout_s = timeout("timeout_s", timeout_s)
        if self._mirror.forked and self._mirror.problem is not None:
            raise self._mirror.problem
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._is_closed:
            item = self._picker.next()
            if item is not None or not self._await_news(deadline):
                return item
        return None

    def close(self) -> None:
        """Close it and its connection. A thread that waits for the next item gets None."""
        if self._mirror.forked:
            return  # a thread of the parent may have held the lock when the process was forked
        with self._news:
            self._is_closed = True
            self._news.notify_all()
        self._mirror.close()

    def _await_news(self, deadline: float | None) -> bool:
        """Wait until the backlog has something. False if it has nothing before the *deadline*."""
        with self._news:
            while self._backlog.is_empty() and not self._is_closed:
                timeout_s = None if deadline is None else deadline - time.monotonic()
                if timeout_s is not None and timeout_s <= 0:
                    return False
                self._news.wait(timeout_s)
        return True
