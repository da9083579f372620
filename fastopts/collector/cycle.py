"""When sockets are read and the table is flushed: on one timer, or at each arrival.

    sparse    each socket is read as data arrives, and the flusher writes at once
    dense     no socket is watched; one timer reads all of them and flushes, in one wake-up, and
              reads the reply to the previous flush

A flush has a timer anyway, so dense ticks reach Redis no later for being read on it, at a third to
a half of the CPU: 190 wake-ups a second at 2,600 messages a second instead of 320. Which of the two
applies is measured all the time (`session.density`).
"""

import asyncio

from fastopts.collector.store.flusher import Flusher
from fastopts.core import Table
from fastopts.net.manual_transport import ManualReading
from fastopts.session.density import Density

__all__ = ("Cycle",)

# Up to this interval replies of Redis wait for the next turn, too; beyond it they are read as they
# arrive, so that the measured acknowledgement times stay meaningful.
REPLIES_WAIT_MAX_S = 0.02
RESOLUTION_S = 0.001  # uvloop's timers may fire this much early


class Cycle:
    """Reads the sockets added to it, and flushes.

    *latency_s* is the interval of a timer that is always used; 0 reads each socket as data arrives;
    None uses a timer of *flush_s* while ticks are dense.
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
        self._sockets: tuple[ManualReading, ...] = ()
        self._timer: asyncio.TimerHandle | None = None
        self._received = 0
        self._counted_at = self._loop.time()
        # A timer that is quicker than the flusher's interval cannot drive the flushes, too.
        self._flush = flusher.flush if self._interval_s >= flush_s else flusher.wake
        if latency_s:
            self._flusher.poll(self._interval_s <= REPLIES_WAIT_MAX_S)
            self._schedule(self._counted_at, self._counted_at)

    @property
    def uses_timer(self) -> bool:
        """Whether sockets are ever read on the timer."""
        return self._interval_s > 0

    @property
    def is_on_timer(self) -> bool:
        """Whether sockets are read on the timer now."""
        return self._timer is not None

    def add(self, socket: ManualReading) -> None:
        """Read *socket*, whose reading is paused."""
        self._sockets = (*self._sockets, socket)
        if not self.is_on_timer:
            socket.resume_reading()

    def discard(self, socket: ManualReading) -> None:
        """Stop reading *socket*. No-op if it was not added."""
        self._sockets = tuple(each for each in self._sockets if each is not socket)

    def arrived(self) -> None:
        """A socket was read: flush, unless the timer's turn that read it does."""
        if self._timer is not None:
            return
        self._flusher.wake()
        if self._is_adaptive:
            now = self._loop.time()
            if now - self._counted_at >= self._interval_s and self._measure_density(now):
                self._begin_timer(now)

    def stop(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._flusher.poll(False)

    def _measure_density(self, now: float) -> bool:
        """Add the messages since the last measurement; return whether ticks are dense."""
        intervals = max(1.0, (now - self._counted_at) / self._interval_s)
        arrivals = self._table.received - self._received
        self._counted_at, self._received = now, self._received + arrivals
        return self._density.add(arrivals, intervals)

    def _begin_timer(self, now: float) -> None:
        # Paused sockets cost nothing: event loops' own transports would need several system calls
        # for each pause and resume, so that these are read manually (net.manual_transport).
        for socket in self._sockets:
            socket.pause_reading()
        self._flusher.poll(self._interval_s <= REPLIES_WAIT_MAX_S)
        due = max(now, self._flusher.next_at)
        self._schedule(due, due)

    def _end_timer(self) -> None:
        self._timer = None
        self._flusher.poll(False)
        for socket in self._sockets:
            socket.resume_reading()

    def _schedule(self, at: float, due: float) -> None:
        self._timer = self._loop.call_at(at, self._turn, due)

    def _turn(self, due: float) -> None:
        """Read everything, flush when it is *due*, and schedule the next turn."""
        has_more = False
        self._flusher.read()
        for socket in self._sockets:
            has_more = socket.read() or has_more
        now = self._loop.time()
        if now >= due - RESOLUTION_S:
            self._flush()
            if self._is_adaptive and not self._measure_density(now):
                self._end_timer()
                return
            due = max(due + self._interval_s, now)
        # What the size limit of a read left in a socket does not wait for the next interval, but
        # other callbacks run in between.
        self._schedule(now if has_more else due, due)
