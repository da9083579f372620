"""Dirty slots to Redis on a clock.

Callbacks all the way: this is what a second has two hundred of, and tasks, futures and timeouts
would cost more than the encoding.
"""

import asyncio
import time
from collections.abc import Callable

from fastopts.core import Batch, Table
from fastopts.errors import StoreError
from fastopts.metrics import ANSWER_BOUNDS_MS, Durations, Histogram
from fastopts.net.redis.pipeline import EXCHANGE_TIMEOUT_S, PipelineConnection
from fastopts.session.clocks import wall_ms

__all__ = ("Flusher",)

# About 500 updates. The buffers of a batch stay resident, at twice their size; a larger one would
# not be quicker, as what is left over follows as soon as it is answered.
BATCH_BYTES = 1 << 18

# Hears that a batch is over: None, or the error that ended the connection. Slots that the server
# refused are in `Flusher.refusals`.
Over = Callable[[StoreError | None], None]


class Flusher:
    """Flushes a table at most every *flush_s* while it is let `go`.

    One batch is under way at a time, so load makes batches bigger, not later. `taken_at` is when
    the last one was taken from the table, `next_at` when the next one may be.
    `lag` and `acknowledgements` tell how long the server took, of late and altogether.
    """

    def __init__(self, table: Table, flush_s: float, now_ms: Callable[[], int], over: Over) -> None:
        self.batches = 0
        self.lag = Durations()
        self.acknowledgements = Histogram(ANSWER_BOUNDS_MS)
        self._loop = asyncio.get_running_loop()
        self._table = table
        self.batch = Batch(table)
        self._flush_s = flush_s
        self._now_ms = now_ms
        self._over = over
        self._channel: PipelineConnection | None = None
        self._may_go = False
        self._timer: asyncio.TimerHandle | None = None
        self._is_polled = self._is_unwatched = False
        self._is_missed = False  # the last flush found a batch under way
        self.next_at = self._sent_at = 0.0
        self.taken_at = self._loop.time()
        self._owed: int | None = 0
        self._waiter: asyncio.Future[None] | None = None

    @property
    def refusals(self) -> list[tuple[str, str]]:
        """Symbol and the server's words for each slot of the last batch that was refused."""
        return self.batch.errors

    @property
    def has_caught_up(self) -> bool:
        """Whether all that was dirty at the first batch since `fall_behind` has been sent."""
        return self._owed is not None and self._owed <= 0

    def fall_behind(self) -> None:
        """What the server holds grows old, until everything that is dirty then is written."""
        self._owed = None

    def go(self, channel: PipelineConnection) -> None:
        """Flush over *channel* whenever something is dirty, until `hold`."""
        self._channel, self._may_go = channel, True
        if self._table.dirty:
            self.wake()

    def hold(self) -> None:
        """Start no further batch."""
        self._may_go = False
        self._watch_answers()

    async def rest(self) -> None:
        """Hold, and return once no batch is under way."""
        self.hold()
        if self._channel is None or not self._channel.is_busy:
            return
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def hang_up(self) -> None:
        """The connection is gone; what was under way is dirty again."""
        self._channel, self._may_go, self._is_unwatched = None, False, False
        self.batch.abandon()

    def wake(self) -> None:
        """There is something to write."""
        if self._may_go and self._timer is None:
            self._timer = self._loop.call_at(self.next_at, self.flush)

    def poll(self, is_on: bool) -> None:
        """Let answers wait for `read`, as long as batches are sent and answered in time."""
        self._is_polled = is_on
        if not is_on:
            self._watch_answers()

    def read(self) -> None:
        """Read the answer to the last batch; watch for one that has not come yet."""
        if self._is_unwatched and self._channel is not None:
            self._channel.read()
            if not self.batch.done:
                self._watch_answers()

    def _watch_answers(self) -> None:
        if self._is_unwatched and self._channel is not None:
            self._channel.resume_reading()
        self._is_unwatched = False

    def flush(self) -> None:
        """Write what is dirty, now: for a caller that keeps to a clock itself."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._is_missed = not self.batch.done
        if not self._may_go or self._is_missed:
            return  # `go` or the answer will wake us
        assert self._channel is not None
        dirty = self._table.dirty
        self.taken_at = self._loop.time()
        payload = self.batch.encode(self._now_ms(), BATCH_BYTES, wall_ms())
        self._owed = (dirty if self._owed is None else self._owed) - (dirty - self._table.dirty)
        if payload:
            # What the limit left behind waits for the answer, not for the clock.
            wait_s = 0.0 if self._table.dirty else self._flush_s
            self.next_at = self._loop.time() + wait_s
            self._sent_at = time.monotonic()  # the loop's clock may step by whole milliseconds
            if self._is_polled and not self._is_unwatched:
                self._is_unwatched = True
                self._channel.pause_reading()
            self._channel.send(payload, self.batch, EXCHANGE_TIMEOUT_S, self._answered)

    def _answered(self, error: StoreError | None) -> None:
        if error is None:
            lag_ms = (time.monotonic() - self._sent_at) * 1000
            self.lag.add(lag_ms)
            self.acknowledgements.add(lag_ms)
            self.batches += 1
        else:
            self.hold()
        try:
            self._over(error)
        finally:
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_result(None)
        if self._is_missed:
            self.next_at = self._loop.time()  # it was due already, and waits no longer
        if self._table.dirty:
            self.wake()
