"""Where the server's answers come from: one mirror of everything, and the collector's counters."""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import Iterable
from typing import Final

from fastopts.clock import steady_s
from fastopts.errors import FastoptsError, one_line
from fastopts.reader import AsyncOptionReader, Option
from fastopts.reader.mirrors.async_mirror import AsyncMirror
from fastopts.reader.mirrors.listener import MirrorListener
from fastopts.serve.payloads.health import Look, look
from fastopts.serve.tasks import Failed, begin

__all__ = ("Source",)

log = logging.getLogger(__name__)

POLL_S: Final = 1.0
POLL_MIRROR_S: Final = 0.01
START_S: Final = 1.5  # an announcement comes every second
RATE_OVER: Final = 6  # polls: the collector renews its counters once a second


class Source:
    """Begin it within the event loop. It is there soon, whether Redis is or not: what can't be had
    of it says why."""

    mirror: AsyncMirror

    def __init__(self, reader: AsyncOptionReader, listener: MirrorListener, failed: Failed) -> None:
        self.counters: dict[str, int] = {}
        self.redis_s: float | None = None  # a round trip, when it was last polled
        self.messages_s: float | None = None
        self._reader = reader
        self._listener = listener
        self._failed = failed
        self._rates: deque[tuple[float, int]] = deque(maxlen=RATE_OVER)
        self._look: tuple[float, Look] | None = None
        self._told: str | None = None
        self._task: asyncio.Task[None] | None = None

    async def begin(self) -> None:
        self.mirror = self._reader.follow(self._listener)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(START_S):
                while self.mirror.problem is not None:  # noqa: ASYNC110 - it says no more often
                    await asyncio.sleep(POLL_MIRROR_S)
        self._task = begin(self._poll(), self._failed)

    async def end(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))
        await self.mirror.close()
        self._reader.close()

    async def recall(self, symbols: Iterable[str]) -> None:
        """Have the mirror hold those of *symbols* that were delivered before it began, and that the
        store still has. What can't be asked for stays unknown."""
        lost = self.mirror.lost(symbols)
        if not lost or self.mirror.problem is not None:
            return
        with contextlib.suppress(FastoptsError):
            for found in await self._reader.get_many(lost, require_live=False, allow_expired=True):
                if isinstance(found, Option):
                    self.mirror.remember(found)

    def look(self) -> Look:
        """The market as a whole, as it was within the last half second."""
        now = steady_s()
        if self._look is None or now - self._look[0] > POLL_S / 2:
            self._look = now, look(self.mirror)
        return self._look[1]

    async def _poll(self) -> None:
        while True:
            began = time.monotonic()
            try:
                self.counters = await self._reader.counters()
            except (FastoptsError, OSError):
                self.redis_s = None  # the mirror meets the same, and tells
                self._rates.clear()
            else:
                self.redis_s = time.monotonic() - began
                self._rates.append((began, self.counters.get("received", 0)))
            self.messages_s = self._rate()
            self._tell()
            await asyncio.sleep(POLL_S)

    def _rate(self) -> float | None:
        if len(self._rates) < 2:
            return None
        (first_at, first), (last_at, last) = self._rates[0], self._rates[-1]
        if last < first:  # another collector counts anew
            self._rates.clear()
            return None
        return (last - first) / (last_at - first_at)

    def _tell(self) -> None:
        """Log what changes between good and not."""
        problem = self.mirror.problem
        words = None if problem is None else one_line(str(problem))
        kind = None if problem is None else type(problem).__name__
        if kind != self._told:
            self._told = kind
            if words is None:
                self._reader.close()  # the counters are at the server that the mirror has found
                log.info("the feed is live")
            else:
                log.warning("nothing is live: %s", words)
