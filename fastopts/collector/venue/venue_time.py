"""Judges the times in the venue's answers, and passes on what they say of its clock."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from typing import Any

from fastopts.errors import ConnectionLost, VenueError
from fastopts.session.venue_clock import ROUND_TRIP_MAX_MS, Judgement, VenueClock

__all__ = ("VenueTime",)

log = logging.getLogger(__name__)

ABSURD_MS = 24 * 3600 * 1000
WARN_EVERY_S = 60.0
LOOK_S = 2.0
ERROR_MAX_MS = 250.0  # an eighth of the lag at which a connection is late
MOVED_MS = 50  # more than drift and the narrowing of an estimate; readers learn of it at once


class VenueTime:
    """The estimate *clock*, and how far the venue's clock is from ours: `skew_ms`.

    *now_ms* is our wall clock. `corrected` is called with the new skew, and with by how many ms it
    differs from what was assumed before, when an answer changed it.

    A time that is more than a day from the expected one is not used. Only our clock says what to
    expect of the first answer, and it may be wrong itself: two answers in a row that agree with
    each other count more.
    """

    def __init__(
        self,
        clock: VenueClock,
        now_ms: Callable[[], int],
        corrected: Callable[[int, int], None],
    ) -> None:
        self.skew_ms = 0
        self._clock = clock
        self._now_ms = now_ms
        self._corrected = corrected
        self._warned_at = -WARN_EVERY_S
        self._has_been_known = False
        self._distant: tuple[int, float] | None = None  # the last first answer that was not used

    @property
    def is_known(self) -> bool:
        return self._clock.known

    def answered(self, question: str, venue_ms: int, sent_at: float, received_at: float) -> None:
        """Take the time in the answer to *question*; the other times are monotonic seconds."""
        now_ms = self._now_ms()  # first: if our clock was set, `our_clock_stepped` follows
        expected_ms = now_ms + self.skew_ms
        if abs(venue_ms - expected_ms) > ABSURD_MS and not self._is_confirmed(
            venue_ms, received_at
        ):
            self._warn(f"the answer to {question} has an absurd time and is not used: {venue_ms}")
            return
        before = self._clock.early
        self._has_been_known = True
        judgement = self._clock.add(venue_ms, sent_at * 1000, received_at * 1000)
        if judgement is Judgement.EARLY:
            self._warn(
                f"the time in the answer to {question} is earlier than others allow: not used"
                f" ({self._clock.early} so far)"
            )
        elif judgement is Judgement.CORRECTS:
            self._warn(
                f"the answer to {question} shows that {self._clock.early - before} times in"
                " earlier answers were too early: they are discarded"
            )
        self._correct(is_news=True)

    def _is_confirmed(self, venue_ms: int, received_at: float) -> bool:
        """Whether a distant time agrees with the one before it: then it is our clock that is wrong.

        An answer from a cache repeats its time and confirms nothing.
        """
        if self._has_been_known:
            return False
        before, self._distant = self._distant, (venue_ms, received_at)
        if before is None or venue_ms <= before[0]:
            return False
        passed_ms = (received_at - before[1]) * 1000
        if abs(venue_ms - before[0] - passed_ms) > ROUND_TRIP_MAX_MS:
            return False
        log.warning(
            "this machine's clock is %.1f days from the venue's: set it (the venue's is used)",
            abs(venue_ms - self._now_ms()) / ABSURD_MS,
        )
        return True

    async def keep(self, ask: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Ask the venue for its time whenever pongs do not give it precisely; never returns."""
        while True:
            if self._is_wanting():
                try:
                    await ask()
                except (VenueError, ConnectionLost) as error:
                    log.debug("no time from the venue: %s", error)
            await asyncio.sleep(LOOK_S)

    def _is_wanting(self) -> bool:
        now_ms = time.monotonic() * 1000
        return not self._clock.known or self._clock.error_ms(now_ms) > ERROR_MAX_MS

    def our_clock_stepped(self) -> None:
        """Our wall clock was set: measure the venue's against it anew."""
        self._correct(is_news=False)

    def _correct(self, is_news: bool) -> None:
        if not self._clock.known:
            return
        skew_ms = round(self._clock.at(time.monotonic() * 1000) - time.time() * 1000)
        change_ms, self.skew_ms = skew_ms - self.skew_ms, skew_ms
        self._corrected(skew_ms, change_ms if is_news else 0)

    def _warn(self, text: str) -> None:
        now = time.monotonic()
        if now - self._warned_at >= WARN_EVERY_S:
            self._warned_at = now
            log.warning("%s", text)
