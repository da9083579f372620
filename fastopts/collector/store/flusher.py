"""Writes dirty slots of the table to Redis, on a timer.

Callbacks throughout: two hundred flushes a second in tasks, futures and timeouts cost more than
the encoding of the batches (measured at 2,600 messages a second).
"""

import asyncio
import time
from collections.abc import Callable

from fastopts.collector.limits import CollectorLimits
from fastopts.core import Batch, Table
from fastopts.errors import StoreError
from fastopts.metrics import ANSWER_BOUNDS_MS, Durations, Histogram
from fastopts.net.redis.pipeline import PipelineConnection
from fastopts.session.clocks import wall_ms

__all__ = ("Flusher",)

# Called at the end of a batch with None, or with the error that ended the connection. Slots that
# the server refused are in `Flusher.refusals`.
OnBatchDone = Callable[[StoreError | None], None]


class Flusher:
    """Flushes a table at most every *flush_s* between `resume` and `pause`.

    One batch is under way at a time, so that load makes batches larger, not later. `taken_at` is
    when the last one was taken from the table, `next_at` when the next one may be; both are times
    of the event loop. `lag` and `acknowledgements` are the times that the server took, recently and
    in total.
    """

    def __init__(
        self,
        table: Table,
        flush_s: float,
        now_ms: Callable[[], int],
        on_batch_done: OnBatchDone,
        limits: CollectorLimits | None = None,
    ) -> None:
        self.batches = 0
        self.lag = Durations()
        self.acknowledgements = Histogram(ANSWER_BOUNDS_MS)
        self._loop = asyncio.get_running_loop()
        self._table = table
        self.batch = Batch(table)
        self._flush_s = flush_s
        self._now_ms = now_ms
        self._on_batch_done = on_batch_done
        limits = limits or CollectorLimits()
        self._batch_bytes, self._timeout_s = limits.batch_bytes, limits.exchange_within_s
        self._connection: PipelineConnection | None = None
        self._may_flush = False
        self._timer: asyncio.TimerHandle | None = None
        self._is_polled = self._is_unwatched = False
        self._is_missed = False  # the last flush found a batch under way
        self.next_at = self._sent_at = 0.0
        self.taken_at = self._loop.time()
        # Slots still to be sent of those that were dirty at the first batch since `fall_behind`;
        # None before that batch.
        self._backlog: int | None = 0
        self._waiter: asyncio.Future[None] | None = None

    @property
    def refusals(self) -> list[tuple[str, str]]:
        """Symbol and error reply for each slot of the last batch that the server refused."""
        return self.batch.errors

    @property
    def has_caught_up(self) -> bool:
        """Whether all that was dirty at the first batch since `fall_behind` has been sent."""
        return self._backlog is not None and self._backlog <= 0

    def fall_behind(self) -> None:
        """Count what is dirty at the next batch as a backlog; see `has_caught_up`."""
        self._backlog = None

    def resume(self, connection: PipelineConnection) -> None:
        """Flush over *connection* whenever something is dirty, until `pause`."""
        self._connection, self._may_flush = connection, True
        if self._table.dirty:
            self.wake()

    def pause(self) -> None:
        """Start no further batch; one that is under way goes on."""
        self._may_flush = False
        self._watch_replies()

    async def drain(self) -> None:
        """Pause, and return once no batch is under way."""
        self.pause()
        if self._connection is None or not self._connection.is_busy:
            return
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def disconnect(self) -> None:
        """Note that the connection is lost: slots of a batch under way become dirty again."""
        self._connection, self._may_flush, self._is_unwatched = None, False, False
        self.batch.abandon()

    def wake(self) -> None:
        """Schedule a flush: something has become dirty."""
        if self._may_flush and self._timer is None:
            self._timer = self._loop.call_at(self.next_at, self.flush)

    def poll(self, is_on: bool) -> None:
        """While on, leave replies in the socket until `read`, if they come in time.

        A caller that reads on a timer saves a wake-up per batch by it.
        """
        self._is_polled = is_on
        if not is_on:
            self._watch_replies()

    def read(self) -> None:
        """Read the replies to the last batch; from now on watch for those that are missing."""
        if self._is_unwatched and self._connection is not None:
            self._connection.read()
            if not self.batch.done:
                self._watch_replies()

    def _watch_replies(self) -> None:
        if self._is_unwatched and self._connection is not None:
            self._connection.resume_reading()
        self._is_unwatched = False

    def flush(self) -> None:
        """Write what is dirty, now: for a caller that has a timer of its own."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._is_missed = not self.batch.done
        if not self._may_flush or self._is_missed:
            return  # `resume`, or the replies to the batch under way, will wake it
        assert self._connection is not None
        dirty = self._table.dirty
        self.taken_at = self._loop.time()
        payload = self.batch.encode(self._now_ms(), self._batch_bytes, wall_ms())
        encoded = dirty - self._table.dirty
        self._backlog = (dirty if self._backlog is None else self._backlog) - encoded
        if payload:
            # What the size limit left behind waits for the replies, not for the timer.
            wait_s = 0.0 if self._table.dirty else self._flush_s
            self.next_at = self._loop.time() + wait_s
            self._sent_at = time.monotonic()  # the loop's clock may step by whole milliseconds
            # The next turn of the timer reads the reply: no wake-up of its own for it.
            if self._is_polled and not self._is_unwatched:
                self._is_unwatched = True
                self._connection.pause_reading()
            self._connection.send(payload, self.batch, self._timeout_s, self._batch_done)

    def _batch_done(self, error: StoreError | None) -> None:
        if error is None:
            lag_ms = (time.monotonic() - self._sent_at) * 1000
            self.lag.add(lag_ms)
            self.acknowledgements.add(lag_ms)
            self.batches += 1
        else:
            self.pause()
        try:
            self._on_batch_done(error)
        finally:
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_result(None)
        if self._is_missed:
            self.next_at = self._loop.time()  # it was due already, and waits no longer
        if self._table.dirty:
            self.wake()
