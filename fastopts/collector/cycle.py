"""When sockets are read and the table is flushed: on one clock, or at each arrival.

    sparse    each socket is read as data arrives, and the flusher writes at once
    dense     no socket is watched; one timer reads all of them and flushes, in one wake-up, and
              reads the answer to the flush before

A flush has a clock anyway, so dense ticks reach Redis no later for being read on it, at a third to
a half of the CPU. Which of the two applies is measured all the time (`session.density`).
"""

import asyncio
from typing import Protocol

from fastopts.collector.store.flusher import Flusher
from fastopts.core import Table
from fastopts.session.density import Density

__all__ = ("Cycle", "Socket")

# Up to this interval, the answers of Redis wait for the next turn, too. They are timed then.
ANSWERS_WAIT_MAX_S = 0.02
RESOLUTION_S = 0.001  # of the timers of uvloop: they may go off a little early


class Socket(Protocol):
    """A connection that can be read on a clock."""

    def read(self) -> bool:
        """Read what has arrived, within bounds; return whether more may be left."""

    def pause_reading(self) -> None:
        """Read at calls of `read` only."""

    def resume_reading(self) -> None:
        """Read as data arrives."""


class Cycle:
    """Reads the sockets that were added, and flushes.

    *latency_s*: the interval of a clock that is always used; 0 to read each socket as data arrives;
    None to use a clock of *flush_s* while ticks are dense.
    """

    def __init__(
        self, table: Table, flusher: Flusher, flush_s: float, latency_s: float | None
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._table = table
        self._flusher = flusher
        self._is_adaptive = latency_s is None
        self._interval_s = flush_s if latency_s is None else latency_s
        self._density = Density()
        self._sockets: tuple[Socket, ...] = ()
        self._timer: asyncio.TimerHandle | None = None
        self._received = 0
        self._counted_at = self._loop.time()
        # A clock that is quicker than the flusher's cannot be that of the flushes, too.
        self._flush = flusher.flush if self._interval_s >= flush_s else flusher.wake
        if latency_s:
            self._flusher.poll(self._interval_s <= ANSWERS_WAIT_MAX_S)
            self._wait(self._counted_at, self._counted_at)

    @property
    def uses_clock(self) -> bool:
        """Whether sockets are ever read on a clock."""
        return self._interval_s > 0

    @property
    def is_on_clock(self) -> bool:
        """Whether sockets are read on a clock now."""
        return self._timer is not None

    def add(self, socket: Socket) -> None:
        """Read *socket*, whose reading is paused."""
        self._sockets = (*self._sockets, socket)
        if not self.is_on_clock:
            socket.resume_reading()

    def discard(self, socket: Socket) -> None:
        """No-op if it was not added."""
        self._sockets = tuple(each for each in self._sockets if each is not socket)

    def arrived(self) -> None:
        """A socket was read, and there may be something to write."""
        if self._timer is not None:
            return  # the turn that read it flushes
        self._flusher.wake()
        if self._is_adaptive:
            now = self._loop.time()
            if now - self._counted_at >= self._interval_s and self._is_dense(now):
                self._begin_clock(now)

    def stop(self) -> None:
        """Read nothing on a clock any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._flusher.poll(False)

    def _is_dense(self, now: float) -> bool:
        """Count the messages since the last look."""
        intervals = max(1.0, (now - self._counted_at) / self._interval_s)
        arrivals = self._table.received - self._received
        self._counted_at, self._received = now, self._received + arrivals
        return self._density.add(arrivals, intervals)

    def _begin_clock(self, now: float) -> None:
        for socket in self._sockets:
            socket.pause_reading()
        self._flusher.poll(self._interval_s <= ANSWERS_WAIT_MAX_S)
        due = max(now, self._flusher.next_at)
        self._wait(due, due)

    def _end_clock(self) -> None:
        self._timer = None
        self._flusher.poll(False)
        for socket in self._sockets:
            socket.resume_reading()

    def _wait(self, until: float, due: float) -> None:
        self._timer = self._loop.call_at(until, self._turn, due)

    def _turn(self, due: float) -> None:
        """Read everything, flush when it is *due*, and wait for the next turn."""
        has_more = False
        self._flusher.read()
        for socket in self._sockets:
            has_more = socket.read() or has_more
        now = self._loop.time()
        if now >= due - RESOLUTION_S:
            self._flush()
            if self._is_adaptive and not self._is_dense(now):
                self._end_clock()
                return
            due = max(due + self._interval_s, now)
        # What the bound on a read left behind does not wait; other callbacks run in between.
        self._wait(now if has_more else due, due)
