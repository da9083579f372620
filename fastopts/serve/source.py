"""The market source: one mirror of the whole market, the collector's counters, and the health."""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final

from fastopts.clock import steady_s
from fastopts.errors import FastoptsError, one_line
from fastopts.reader import AsyncOptionReader, Option
from fastopts.reader.mirrors.async_mirror import AsyncMirror
from fastopts.serve.payloads.health import MarketHealth, measure

__all__ = ("MarketSource", "OnFailure", "start_task")

log = logging.getLogger(__name__)

POLL_S: Final = 1.0  # the collector renews its counters once a second
HEALTH_TTL_S: Final = 0.5  # measuring reads every option; /ready, /metrics and streams share it

# At start, the first request is more useful with data than early. An announcement comes at least
# once a second, so a mirror of a live feed is current after that.
START_TIMEOUT_S: Final = 1.5
START_POLL_S: Final = 0.01

RATE_POLLS: Final = 6  # the rate of messages is that of the last 5 s

OnFailure = Callable[[BaseException], None]


def start_task(work: Coroutine[Any, Any, None], on_failure: OnFailure) -> asyncio.Task[None]:
    """Run *work* in a task and call *on_failure* with the exception that ends it.

    For tasks that run as long as the server: nobody awaits them, so asyncio would report their
    error only when they are garbage.
    """

    def report(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            on_failure(error)

    task = asyncio.create_task(work)
    task.add_done_callback(report)
    return task


class MarketSource:
    """What the server reads: `mirror` has the market, the other attributes are polled.

    It works without Redis, too: reads of the mirror then raise why there is nothing to return.
    """

    def __init__(
        self, reader: AsyncOptionReader, mirror: AsyncMirror, on_failure: OnFailure
    ) -> None:
        """Take over *reader* and the *mirror* that follows it; `close` closes both."""
        self.mirror = mirror
        self.counters: dict[str, int] = {}  # of the collector
        self.redis_s: float | None = None  # round trip of the newest poll
        self.messages_s: float | None = None  # messages that the collector receives per second
        self._reader = reader
        self._on_failure = on_failure
        self._polls: deque[tuple[float, int]] = deque(maxlen=RATE_POLLS)
        self._health: tuple[float, MarketHealth] | None = None
        self._logged_problem: str | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Wait until the mirror is current, at most `START_TIMEOUT_S`, and start polling."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_TIMEOUT_S):
                while self.mirror.problem is not None:  # noqa: ASYNC110 - a mirror has no event
                    await asyncio.sleep(START_POLL_S)
        self._task = start_task(self._poll(), self._on_failure)

    async def close(self) -> None:
        """Stop polling, and close the mirror and the reader."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
        await self.mirror.close()
        self._reader.close()

    async def recall(self, symbols: Iterable[str]) -> None:
        """Load delivered options into the mirror that Redis still has.

        The mirror itself keeps those that were delivered since its start. Nothing is raised: an
        option that can't be loaded stays unknown.
        """
        lost = self.mirror.lost(symbols)
        if not lost or self.mirror.problem is not None:
            return
        with contextlib.suppress(FastoptsError):
            results = await self._reader.get_many(lost, require_live=False, allow_expired=True)
            for option in results:
                if isinstance(option, Option):
                    self.mirror.remember(option)

    def health(self) -> MarketHealth:
        """Return the health of the market, at most `HEALTH_TTL_S` old."""
        now = steady_s()
        if self._health is None or now - self._health[0] > HEALTH_TTL_S:
            self._health = now, measure(self.mirror)
        return self._health[1]

    async def _poll(self) -> None:
        while True:
            started_at = time.monotonic()
            try:
                self.counters = await self._reader.counters()
            except (FastoptsError, OSError):
                self.redis_s = None  # _log_problem() logs the mirror's error, which is the same
                self._polls.clear()
            else:
                self.redis_s = time.monotonic() - started_at
                self._polls.append((started_at, self.counters.get("received", 0)))
            self.messages_s = self._rate()
            self._log_problem()
            await asyncio.sleep(POLL_S)

    def _rate(self) -> float | None:
        if len(self._polls) < 2:
            return None
        (first_at, first), (last_at, last) = self._polls[0], self._polls[-1]
        if last < first:  # another collector started from 0
            self._polls.clear()
            return None
        return (last - first) / (last_at - first_at)

    def _log_problem(self) -> None:
        """Log when the feed goes down, for another reason, or comes back."""
        problem = self.mirror.problem
        kind = None if problem is None else type(problem).__name__
        if kind == self._logged_problem:
            return
        self._logged_problem = kind
        if problem is None:
            # The mirror may have found another server after a failover: reconnect there.
            self._reader.close()
            log.info("feed is live")
        else:
            log.warning("no live data: %s", one_line(str(problem)))
