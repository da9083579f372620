"""`Watch`: changes as they come, conflated for who is slower than they are; and what it shares
with the one for asyncio."""

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
from fastopts.reader.selection import arguments as checks
from fastopts.reader.selection.matching import NAMED_MAX

__all__ = ("Picker", "Watch")

T = TypeVar("T")


class Picker(Generic[T]):
    """Makes of the backlog what a consumer is handed."""

    def __init__(
        self,
        backlog: Backlog,
        mirror: BaseMirror,
        pick: Callable[[Option], T | None],
        demand: Requirements,
    ) -> None:
        self._backlog = backlog
        self._mirror = mirror
        self._pick = pick
        self._demand = demand
        self._is_due = False  # a look at whether the selection is listed
        self._unlisted: set[str] = set()

    def next(self) -> T | Gap | None:
        """The first thing of interest in the backlog; None when there is none."""
        if (gap := self._gone()) is not None:
            return gap
        while (taken := self._take()) is not None:
            if isinstance(taken, Gap):
                return taken
            picked = None if isinstance(taken, Absent) else self._pick(taken)
            if picked is not None:
                return picked
        return None

    def _gone(self) -> Gap | None:
        """The part of the selection that is not listed and not reported yet."""
        self._is_due |= self._backlog.take_relisted()
        if not self._is_due or (found := self._mirror.unlisted()) is None:
            return None
        self._is_due = False
        fresh = [str(reason) for name, reason in found.items() if name not in self._unlisted]
        self._unlisted = set(found)
        return Gap("unlisted", len(fresh), "; ".join(fresh[:NAMED_MAX])) if fresh else None

    def _take(self) -> Option | Absent | Gap | None:
        with self._backlog.guard:
            taken = self._backlog.take()
            if taken is None or isinstance(taken, Gap):
                return taken
            found = self._mirror.find(taken, self._demand)
            if isinstance(found, Absent) and isinstance(found.reason, StaleData):
                self._backlog.withhold(taken)
            return found


class Watch(Uncopied, Generic[T]):
    """A stream of the options that changed, or of their Moves, and of Gaps. Iterate over it, or
    call `wait`; a context manager.

    Made by `OptionReader.watch` and `watch_moves`. It ends when it is closed; after a fork it stays
    with the parent.
    """

    def __init__(
        self,
        mirror: Callable[[MirrorListener], Mirror],
        pick: Callable[[Option], T | None],
        demand: Requirements,
        initial: bool,
    ) -> None:
        self._news = threading.Condition()
        self._is_closed = False
        self._backlog = Backlog(self._news, self._news.notify_all)
        self._mirror = mirror(self._backlog)
        self._picker = Picker(self._backlog, self._mirror, pick, demand)
        self._mirror.wait()
        self._backlog.begin(self._mirror.symbols if initial else (), self._mirror.problem)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def problem(self) -> FastoptsError | None:
        """Why nothing is live at the moment; None when something can be."""
        return self._mirror.problem

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T | Gap:
        found = self.wait()
        if found is None:
            raise StopIteration
        return found

    def wait(self, timeout_s: float | None = None) -> T | Gap | None:
        """Return what comes next; None when it is closed, or nothing came within *timeout_s*.

        A Gap is false, too: ask `is None`. Raises FeedDown in a process that was forked.
        """
        timeout_s = checks.timeout("timeout_s", timeout_s)
        if self._mirror.forked and self._mirror.problem is not None:
            raise self._mirror.problem
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while not self._is_closed:
            found = self._picker.next()
            if found is not None or not self._await_news(deadline):
                return found
        return None

    def close(self) -> None:
        """End it and its connection; who waits for it is woken."""
        if self._mirror.forked:
            return  # the guard may be held by a thread that stayed behind
        with self._news:
            self._is_closed = True
            self._news.notify_all()
        self._mirror.close()

    def _await_news(self, deadline: float | None) -> bool:
        """Whether there may be some before the *deadline*."""
        with self._news:
            while self._backlog.is_empty() and not self._is_closed:
                left_s = None if deadline is None else deadline - time.monotonic()
                if left_s is not None and left_s <= 0:
                    return False
                self._news.wait(left_s)
        return True
