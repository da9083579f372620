"""Drives the venue's REST conversations: the requests, the retries, and the ban."""

import asyncio
import logging
from collections.abc import Callable, Generator
from typing import TypeVar

from fastopts.collector.operation import heap
from fastopts.errors import ConnectionLost, VenueBanned, VenueError
from fastopts.net.http import ANSWER_WITHIN_S, Answer, HttpClient
from fastopts.net.threads import in_daemon_thread
from fastopts.session.backoff import Backoff
from fastopts.session.ban import Ban
from fastopts.venues.bybit.fields import time_ms
from fastopts.venues.bybit.rest import Envelope, RestRequest, TemporaryFailure, judge

__all__ = ("RestDriver",)

log = logging.getLogger(__name__)
T = TypeVar("T")

ATTEMPTS = 4
TRIM_AFTER_S = 1.0
ENDS_WITHIN_S = ANSWER_WITHIN_S + 15.0  # beside the exchange: name lookup and connecting

# Called with what was asked, the venue's time in ms, and when that was sent and answered, in
# seconds of the monotonic clock.
Answered = Callable[[str, int, float, float], None]


class RestDriver:
    """One conversation after the other; after a 403 none before the venue's time is up.

    `requests` counts what was asked, `failures` what of it had no good answer. *answered* is called
    with the venue's time in each good answer.
    """

    def __init__(self, http: HttpClient, ban: Ban, answered: Answered = lambda *_: None) -> None:
        self.requests = self.failures = 0
        self._answered = answered
        self._http = http
        self._ban = ban
        self._lock = asyncio.Lock()
        self._under_way: asyncio.Future[Answer] | None = None

    async def run(self, conversation: Generator[RestRequest, Envelope, T]) -> T:
        """Return the conversation's result.

        Raises VenueBanned or VenueError at once, ConnectionLost or Retry after the last attempt.
        """
        async with self._lock:
            try:
                return await self._run(conversation)
            finally:
                # Its caller still looks at the result; what it was made of is free by then.
                asyncio.get_running_loop().call_later(TRIM_AFTER_S, heap.trim)

    async def _run(self, conversation: Generator[RestRequest, Envelope, T]) -> T:
        request = next(conversation)
        while True:
            envelope = await self._ask(request)
            try:
                request = conversation.send(envelope)
            except StopIteration as end:
                result: T = end.value
                return result

    async def _ask(self, request: RestRequest) -> Envelope:
        loop = asyncio.get_running_loop()
        backoff = Backoff(base_s=0.5, cap_s=8.0)
        while True:
            left_s = self._ban.remaining_s(loop.time())
            if left_s > 0:
                raise VenueBanned(f"shut out by HTTP 403 for another {left_s:.0f} s", left_s)
            try:
                return await self._once(request)
            except VenueBanned as error:
                self._ban.begin(loop.time(), error.retry_after_s)
                raise
            except (ConnectionLost, TemporaryFailure) as error:
                if backoff.attempt + 1 == ATTEMPTS:
                    raise
                wait_s = max(backoff.next_s(), getattr(error, "retry_after_s", 0.0))
                log.info("%s: %s; again in %.1f s", request.path, error, wait_s)
                await asyncio.sleep(wait_s)

    async def _once(self, request: RestRequest) -> Envelope:
        self.requests += 1
        try:
            answer = await self._get(request)
            envelope = judge(answer)
        except (ConnectionLost, TemporaryFailure, VenueError):
            self.failures += 1
            raise
        venue_ms = envelope.get("time")
        if isinstance(venue_ms, int) and time_ms(venue_ms) is not None:
            self._answered("a REST request", venue_ms, answer.sent_at, answer.received_at)
        return envelope

    async def _get(self, request: RestRequest) -> Answer:
        """One GET in a thread. There is never more than one: a name lookup can't be interrupted."""
        if self._under_way is not None:  # its caller did not wait for it
            await self._end_of(self._under_way, request)
        work = in_daemon_thread(lambda: self._http.get(request.path, request.params))
        self._under_way = asyncio.ensure_future(work)
        self._under_way.add_done_callback(_retrieved)
        get = await self._end_of(self._under_way, request)
        try:
            return get.result()
        except OSError as error:
            raise ConnectionLost(f"GET {request.path}: {error}") from error

    async def _end_of(
        self, get: asyncio.Future[Answer], request: RestRequest
    ) -> asyncio.Future[Answer]:
        """Wait for *get* without cancelling it. Raises ConnectionLost if it does not end."""
        await asyncio.wait((get,), timeout=ENDS_WITHIN_S)
        if not get.done():
            raise ConnectionLost(
                f"GET {request.path}: the name lookup or the connecting has not ended within"
                f" {ENDS_WITHIN_S:g} s"
            )
        self._under_way = None
        return get


def _retrieved(get: asyncio.Future[Answer]) -> None:
    """Keep the loop from complaining about an exception that nobody waits for any more."""
    if not get.cancelled():
        get.exception()
