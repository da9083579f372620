"""The venue's time: an estimate from its answers, corrected when this machine's clock is set."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

from fastopts.collector.store.writer import Writer
from fastopts.collector.venue.pool import ConnectionPool
from fastopts.core import Table
from fastopts.errors import ConnectionLost, VenueError
from fastopts.session.clocks import HostClock
from fastopts.session.venue_clock import ROUND_TRIP_MAX_MS, Judgement, VenueClock

if TYPE_CHECKING:
    from fastopts.capture.recorder import Recorder

__all__ = ("SkewCorrection", "VenueTime")

log = logging.getLogger(__name__)

ABSURD_MS = 24 * 3600 * 1000
# Wrong times come with every answer of a broken cache: one warning a minute has to suffice.
WARN_EVERY_S = 60.0
POLL_S = 2.0
ERROR_MAX_MS = 250.0  # an eighth of the lag at which a connection is late
# More than drift and the narrowing of an estimate cause: readers learn of such a change at once.
PUBLISH_FROM_MS = 50


class SkewCorrection:
    """Passes a changed skew on: to the table, to the measured lags, and to readers."""

    def __init__(
        self,
        table: Table,
        connections: ConnectionPool,
        writer: Writer,
        recorder: "Recorder | None" = None,
    ) -> None:
        self._table = table
        self._connections = connections
        self._writer = writer
        self._recorder = recorder

    def apply(self, skew_ms: int, change_ms: int) -> None:
        """Use *skew_ms*; the venue's clock is *change_ms* ahead of the former estimate."""
        if self._recorder is not None and skew_ms != self._table.skew_ms:
            self._recorder.event("skew", skew_ms=skew_ms)
        self._table.skew_ms = skew_ms
        if change_ms:
            self._connections.shift_lags(change_ms)
        if abs(change_ms) > PUBLISH_FROM_MS:
            self._writer.publish_feed()


class VenueTime:
    """Maintains the estimate *clock*, and `skew_ms`: the venue's clock minus this machine's.

    *skew_changed* is called with the new skew, and with by how many ms the estimate of the venue's
    clock has changed (0 if only this machine's clock was set). *steady_ms* is a clock that cannot
    be set.

    A time that is more than a day from the expected one is not used. For the first answer only this
    machine's clock says what to expect, and it may be wrong itself: two successive answers that
    agree with each other count for more.
    """

    def __init__(
        self,
        clock: VenueClock,
        steady_ms: Callable[[], float],
        skew_changed: Callable[[int, int], None],
    ) -> None:
        self.skew_ms = 0
        self.host_clock = HostClock(steady_ms, self._host_clock_stepped)
        self._clock = clock
        self._skew_changed = skew_changed
        self._warned_at = -WARN_EVERY_S
        self._has_been_known = False
        self._distant: tuple[int, float] | None = None  # the last distant time, and when it came

    @property
    def is_known(self) -> bool:
        """Whether there is an estimate."""
        return self._clock.known

    def now_ms(self) -> int:
        """Return the venue's time, or this machine's before it is known."""
        if not self._clock.known:
            return self.host_clock.observe_ms()
        return round(self._clock.at(asyncio.get_running_loop().time() * 1000))

    def process_answer(
        self, request: str, venue_ms: int, sent_at: float, received_at: float
    ) -> None:
        """Process the time in the answer to *request*; the others are monotonic seconds."""
        # Before anything else: if this machine's clock was set, the expected time changes.
        expected_ms = self.host_clock.observe_ms() + self.skew_ms
        if abs(venue_ms - expected_ms) > ABSURD_MS and not self._is_confirmed(
            venue_ms, received_at
        ):
            self._distant = None if self._has_been_known else (venue_ms, received_at)
            self._warn(f"the answer to {request} has an absurd time, which is ignored: {venue_ms}")
            return
        early_before = self._clock.early
        self._has_been_known = True
        judgement = self._clock.add(venue_ms, sent_at * 1000, received_at * 1000)
        if judgement is Judgement.EARLY:
            self._warn(
                f"the time in the answer to {request} is earlier than others allow: ignored"
                f" ({self._clock.early} so far)"
            )
        elif judgement is Judgement.CORRECTS:
            self._warn(
                f"the answer to {request} shows that {self._clock.early - early_before} times in"
                " earlier answers were too early: they are discarded"
            )
        self._update_skew(is_new_answer=True)

    def _is_confirmed(self, venue_ms: int, received_at: float) -> bool:
        """Whether a distant time agrees with the one before it: then this machine's clock is wrong.

        An answer from a cache repeats its time, and confirms nothing.
        """
        before = self._distant
        if self._has_been_known or before is None or venue_ms <= before[0]:
            return False
        elapsed_ms = (received_at - before[1]) * 1000
        if abs(venue_ms - before[0] - elapsed_ms) > ROUND_TRIP_MAX_MS:
            return False
        log.warning(
            "this machine's clock is %.1f days from the venue's: set it (the venue's is used)",
            abs(venue_ms - self.host_clock.observe_ms()) / ABSURD_MS,
        )
        return True

    async def keep(self, request_time: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Request the venue's time whenever pongs leave it too uncertain; runs until cancelled."""
        while True:
            if self._is_uncertain():
                try:
                    await request_time()
                except (VenueError, ConnectionLost) as error:
                    log.debug("no time from the venue: %s", error)
            await asyncio.sleep(POLL_S)

    def _is_uncertain(self) -> bool:
        now_ms = time.monotonic() * 1000
        return not self._clock.known or self._clock.error_ms(now_ms) > ERROR_MAX_MS

    def _host_clock_stepped(self, step_ms: float) -> None:
        log.warning(
            "this machine's clock was set by %+.1f s: only stored receive times follow it",
            step_ms / 1000,
        )
        self._update_skew(is_new_answer=False)

    def _update_skew(self, is_new_answer: bool) -> None:
        if not self._clock.known:
            return
        skew_ms = round(self._clock.at(time.monotonic() * 1000) - time.time() * 1000)
        change_ms, self.skew_ms = skew_ms - self.skew_ms, skew_ms
        self._skew_changed(skew_ms, change_ms if is_new_answer else 0)

    def _warn(self, text: str) -> None:
        now = time.monotonic()
        if now - self._warned_at >= WARN_EVERY_S:
            self._warned_at = now
            log.warning("%s", text)
