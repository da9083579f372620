"""Drives the venue's REST conversations: the requests, the retries, and the ban."""

import asyncio
import logging
from collections.abc import Generator
from typing import TypeVar

from fastopts.errors import ConnectionLost, VenueBanned, VenueError
from fastopts.net.http import Answer, HttpClient
from fastopts.net.threads import in_daemon_thread
from fastopts.session.backoff import Backoff
from fastopts.session.ban import Ban
from fastopts.venues.bybit.rest import Envelope, Request, Retry, judge

__all__ = ("RestDriver",)

log = logging.getLogger(__name__)
T = TypeVar("T")

ATTEMPTS = 4


class RestDriver:
    """One conversation after the other; after a 403 none before the venue's time is up.

    `requests` counts what was asked, `failures` what of it had no good answer.
    """

    def __init__(self, http: HttpClient, ban: Ban) -> None:
        self.requests = self.failures = 0
        self._http = http
        self._ban = ban
        self._lock = asyncio.Lock()

    async def run(self, conversation: Generator[Request, Envelope, T]) -> T:
        """Return the conversation's result.

        Raises VenueBanned or VenueError at once, ConnectionLost or Retry after the last attempt.
        """
        async with self._lock:
            request = next(conversation)
            while True:
                envelope = await self._ask(request)
                try:
                    request = conversation.send(envelope)
                except StopIteration as end:
                    result: T = end.value
                    return result

    async def _ask(self, request: Request) -> Envelope:
        loop = asyncio.get_running_loop()
        backoff = Backoff(base_s=0.5, cap_s=8.0)
        while True:
            left_s = self._ban.left_s(loop.time())
            if left_s > 0:
                raise VenueBanned(f"shut out by HTTP 403 for another {left_s:.0f} s", left_s)
            try:
                return await self._once(request)
            except VenueBanned as error:
                self._ban.begin(loop.time(), error.retry_after_s)
                raise
            except (ConnectionLost, Retry) as error:
                if backoff.attempt + 1 == ATTEMPTS:
                    raise
                wait_s = max(backoff.next_s(), getattr(error, "after_s", 0.0))
                log.info("%s: %s; again in %.1f s", request.path, error, wait_s)
                await asyncio.sleep(wait_s)

    async def _once(self, request: Request) -> Envelope:
        self.requests += 1
        try:
            return judge(await self._get(request))
        except (ConnectionLost, Retry, VenueError):
            self.failures += 1
            raise

    async def _get(self, request: Request) -> Answer:
        try:
            return await in_daemon_thread(lambda: self._http.get(request.path, request.params))
        except OSError as error:
            raise ConnectionLost(f"GET {request.path}: {error}") from error
