"""Sends the venue's REST requests: retries, bans, and one request at a time."""

import asyncio
import logging
from collections.abc import Callable, Generator
from typing import TypeVar

from fastopts.collector.operation import heap
from fastopts.errors import ConnectionLost, VenueBanned, VenueError
from fastopts.net.http import RESPONSE_WITHIN_S, HttpClient, HttpResponse
from fastopts.net.threads import in_daemon_thread
from fastopts.session.backoff import Backoff
from fastopts.session.ban import Ban
from fastopts.venues.bybit.fields import time_ms
from fastopts.venues.bybit.rest import Envelope, RestRequest, TemporaryFailure, judge

__all__ = ("OnAnswer", "OnExchange", "RestDriver")

log = logging.getLogger(__name__)
T = TypeVar("T")

ATTEMPTS = 4
TRIM_AFTER_S = 1.0
REQUEST_WITHIN_S = RESPONSE_WITHIN_S + 15.0  # with name lookup and connecting

# Called with a name of the request, the venue's time in ms, and when request and answer passed, in
# seconds of the monotonic clock.
OnAnswer = Callable[[str, int, float, float], None]
# Called with each request and its response, or the error in place of one.
OnExchange = Callable[[RestRequest, HttpResponse | ConnectionLost], None]


class RestDriver:
    """Runs one conversation after the other; after an HTTP 403 none until the ban is over.

    `requests` counts requests, `failures` those without a good answer. *on_answer* is called with
    the venue's time in each good answer, *on_exchange* with everything.
    """

    def __init__(
        self,
        http: HttpClient,
        ban: Ban,
        on_answer: OnAnswer = lambda *_: None,
        request_within_s: float = REQUEST_WITHIN_S,
        retry_base_s: float = 0.5,
        on_exchange: OnExchange = lambda *_: None,
    ) -> None:
        self.requests = self.failures = 0
        self._on_answer = on_answer
        self._on_exchange = on_exchange
        self._http = http
        self._ban = ban
        self._request_within_s = request_within_s
        self._retry_base_s = retry_base_s
        self._lock = asyncio.Lock()
        self._under_way: asyncio.Future[HttpResponse] | None = None

    async def run(self, conversation: Generator[RestRequest, Envelope, T]) -> T:
        """Return the conversation's result.

        Raises VenueBanned or VenueError at once, ConnectionLost or TemporaryFailure after the last
        attempt.
        """
        # One conversation at a time: the venue counts requests per address, and a refresh, a
        # comparison and a warm start at once would meet its limit.
        async with self._lock:
            try:
                return await self._run(conversation)
            finally:
                # Later: the caller still uses the result, but not what it was parsed from.
                asyncio.get_running_loop().call_later(TRIM_AFTER_S, heap.trim)

    async def _run(self, conversation: Generator[RestRequest, Envelope, T]) -> T:
        request = next(conversation)
        while True:
            envelope = await self._request(request)
            try:
                request = conversation.send(envelope)
            except StopIteration as end:
                result: T = end.value
                return result

    async def _request(self, request: RestRequest) -> Envelope:
        loop = asyncio.get_running_loop()
        backoff = Backoff(base_s=self._retry_base_s, cap_s=16 * self._retry_base_s)
        while True:
            banned_s = self._ban.remaining_s(loop.time())
            if banned_s > 0:
                raise VenueBanned(
                    f"no requests for another {banned_s:.0f} s after HTTP 403", banned_s
                )
            try:
                return await self._request_once(request)
            except VenueBanned as error:
                self._ban.begin(loop.time(), error.retry_after_s)
                raise
            except (ConnectionLost, TemporaryFailure) as error:
                if backoff.attempt + 1 == ATTEMPTS:
                    raise
                wait_s = max(backoff.next_s(), getattr(error, "retry_after_s", 0.0))
                log.info("%s: %s; retry in %.1f s", request.path, error, wait_s)
                await asyncio.sleep(wait_s)

    async def _request_once(self, request: RestRequest) -> Envelope:
        self.requests += 1
        try:
            answer = await self._exchange(request)
            envelope = judge(answer)
        except (ConnectionLost, TemporaryFailure, VenueError):
            self.failures += 1
            raise
        venue_ms = envelope.get("time")
        if isinstance(venue_ms, int) and time_ms(venue_ms) is not None:
            self._on_answer("a REST request", venue_ms, answer.sent_at, answer.received_at)
        return envelope

    async def _exchange(self, request: RestRequest) -> HttpResponse:
        """Send a GET, and report it with its outcome."""
        try:
            answer = await self._get(request)
        except ConnectionLost as error:
            self._on_exchange(request, error)
            raise
        self._on_exchange(request, answer)
        return answer

    async def _get(self, request: RestRequest) -> HttpResponse:
        """Send a GET in a thread, as the name lookup blocks and cannot be interrupted.

        There is never more than one: a hung resolver must not collect threads.
        """
        if self._under_way is not None:  # its caller did not wait for it
            await self._completed(self._under_way, request)
        work = in_daemon_thread(lambda: self._http.get(request.path, request.params))
        self._under_way = asyncio.ensure_future(work)
        self._under_way.add_done_callback(_retrieve_exception)
        get = await self._completed(self._under_way, request)
        try:
            return get.result()
        except OSError as error:
            raise ConnectionLost(f"GET {request.path}: {error}") from error

    async def _completed(
        self, get: asyncio.Future[HttpResponse], request: RestRequest
    ) -> asyncio.Future[HttpResponse]:
        """Wait for *get* without cancelling it. Raises ConnectionLost if it does not end."""
        await asyncio.wait((get,), timeout=self._request_within_s)
        if not get.done():
            raise ConnectionLost(
                f"GET {request.path}: name lookup or connecting took more than"
                f" {self._request_within_s:g} s"
            )
        self._under_way = None
        return get


def _retrieve_exception(get: asyncio.Future[HttpResponse]) -> None:
    """Keep asyncio from logging an exception that nobody waits for any more."""
    if not get.cancelled():
        get.exception()
