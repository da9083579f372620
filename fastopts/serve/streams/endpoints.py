"""The stream endpoints: a WebSocket for programs, server-sent events for browsers.

Both send the same messages; over the WebSocket a client can subscribe and unsubscribe at any time.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from fastopts.errors import BadInput, FastoptsError
from fastopts.serve.http.guard import CLIENT, HEAD
from fastopts.serve.http.problems import Problem
from fastopts.serve.http.rate_limit import TokenBucket
from fastopts.serve.protocol import (
    CLOSE_POLICY_VIOLATION,
    CLOSE_SERVICE_RESTART,
    INTERNAL_ERROR_DETAIL,
    Operation,
    Reason,
)
from fastopts.serve.settings import Limits
from fastopts.serve.stats import ServerStats
from fastopts.serve.streams import subscriptions
from fastopts.serve.streams.broadcaster import Broadcaster
from fastopts.serve.streams.subscriber import Subscriber
from fastopts.serve.streams.subscriptions import SubscriptionRequest

__all__ = ("StreamEndpoints",)

log = logging.getLogger(__name__)

RECONNECT_MS: Final = 1000  # the delay that an EventSource waits for before it reconnects

# How long a shutdown waits for streams to send their bye. A client that reads gets it within
# milliseconds; one that does not must not delay a restart.
BYE_TIMEOUT_S: Final = 0.5

_MEDIA_TYPE: Final = "text/event-stream"


class StreamEndpoints:
    """All streams of a server: opens them within the limits, and ends them at shutdown."""

    def __init__(self, broadcaster: Broadcaster, limits: Limits, stats: ServerStats) -> None:
        self._broadcaster = broadcaster
        self._limits = limits
        self._stats = stats
        self._open: set[Subscriber] = set()
        self._is_closing = False

    async def close(self) -> None:
        """Send `bye` to every stream and wait until they end, at most `BYE_TIMEOUT_S`."""
        self._is_closing = True
        for subscriber in self._open:
            subscriber.end(Reason.RESTART, "server shutting down; reconnect")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BYE_TIMEOUT_S):
                while self._open:  # noqa: ASYNC110 - they leave one by one
                    await asyncio.sleep(BYE_TIMEOUT_S / 50)

    def events(self, request: Request, hello: Mapping[str, Any], texts: list[str]) -> Response:
        """Respond with server-sent events, one message each.

        *texts* are subscription requests as JSON; the id of each defaults to its index. Raises
        BadInput for a malformed one.
        """
        if len(texts) > self._limits.subscriptions:
            limit = self._limits.subscriptions
            raise BadInput(f"subscribe: subscription limit of a stream reached ({limit})")
        requests = [
            subscriptions.read(subscriptions.parse(text), str(index))
            for index, text in enumerate(texts)
        ]
        # nginx buffers responses unless X-Accel-Buffering says otherwise.
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        if HEAD in request.scope:
            head = Response(None, 200, headers, _MEDIA_TYPE)
            del head.headers["content-length"]
            return head
        client = request.scope.get(CLIENT, "")
        return _DeferredResponse(lambda: self._open_events(client, hello, requests, headers))

    async def serve(self, socket: WebSocket, hello: Mapping[str, Any]) -> None:
        """Serve a WebSocket until either side closes it."""
        client = socket.scope.get(CLIENT, "")
        if (refusal := self._check_limits(client)) is not None:
            await socket.send_denial_response(refusal)
            return
        with self._subscriber("websocket", client) as subscriber:
            try:
                await socket.accept()
                await self._exchange(socket, subscriber, hello)
            except (WebSocketDisconnect, OSError):
                log.debug("client disconnected")

    @contextlib.contextmanager
    def _open_events(
        self,
        client: str,
        hello: Mapping[str, Any],
        requests: list[SubscriptionRequest],
        headers: Mapping[str, str],
    ) -> Iterator[Response]:
        """Open an event stream; yield its response, or a refusal at a limit."""
        if (refusal := self._check_limits(client)) is not None:
            yield refusal
            return
        with self._subscriber("sse", client) as subscriber:
            for request in requests:
                subscriber.subscribe(request)
            events = self._encode_events(subscriber, hello)
            yield StreamingResponse(events, 200, headers, media_type=_MEDIA_TYPE)

    async def _encode_events(
        self, subscriber: Subscriber, hello: Mapping[str, Any]
    ) -> AsyncIterator[bytes]:
        yield f"retry: {RECONNECT_MS}\n\n".encode()
        async for text in subscriber.messages(hello):
            self._stats.messages += 1
            yield f"data: {text}\n\n".encode()

    async def _exchange(
        self, socket: WebSocket, subscriber: Subscriber, hello: Mapping[str, Any]
    ) -> None:
        receiver = asyncio.create_task(self._receive(socket, subscriber))
        receiver.add_done_callback(lambda task: _end_messages(task, subscriber))
        try:
            async for text in subscriber.messages(hello):
                self._stats.messages += 1
                await socket.send_text(text)
            code = CLOSE_SERVICE_RESTART if self._is_closing else CLOSE_POLICY_VIOLATION
            await socket.close(code)
        finally:
            receiver.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await receiver

    async def _receive(self, socket: WebSocket, subscriber: Subscriber) -> None:
        """Execute the client's requests until it disconnects or sends too many."""
        rate = self._limits.messages_s
        bucket = TokenBucket(rate, 2 * rate)
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if not bucket.take():
                detail = f"message rate limit reached ({rate:g} a second)"
                subscriber.end(Reason.TOO_MANY, detail)
                return
            _execute(subscriber, message.get("text") or message.get("bytes") or "")

    @contextlib.contextmanager
    def _subscriber(self, kind: str, client: str) -> Iterator[Subscriber]:
        with Subscriber(self._broadcaster, self._limits, self._stats, client) as subscriber:
            self._stats.streams[kind] += 1
            self._open.add(subscriber)
            try:
                yield subscriber
            finally:
                self._open.discard(subscriber)
                self._stats.streams[kind] -= 1

    def _check_limits(self, client: str) -> Response | None:
        """Return why *client* can't open another stream, None if it can."""
        if self._is_closing:
            return Problem(503, Reason.RESTART, "server shutting down", {"Retry-After": "1"})
        limit = self._limits.streams
        if len(self._open) >= limit:
            return Problem(503, Reason.TOO_MANY, f"stream limit reached ({limit})")
        limit = self._limits.streams_each
        if sum(subscriber.client == client for subscriber in self._open) >= limit:
            return Problem(503, Reason.TOO_MANY, f"stream limit of one client reached ({limit})")
        return None


def _execute(subscriber: Subscriber, text: str | bytes) -> None:
    """Execute one request of a client; errors become replies."""
    name: object = None
    try:
        message = subscriptions.parse(text)
        name, operation = message.get("id"), message.pop("op", None)
        match operation:
            case Operation.SUBSCRIBE:
                subscriber.subscribe(subscriptions.read(message))
            case Operation.UNSUBSCRIBE:
                subscriber.unsubscribe(name)
            case Operation.PING:
                subscriber.pong()
            case _:
                raise BadInput("op: write subscribe, unsubscribe or ping")
    except FastoptsError as error:
        subscriber.refuse(name, error)


def _end_messages(receiver: asyncio.Task[None], subscriber: Subscriber) -> None:
    if receiver.cancelled() or receiver.exception() is None:
        subscriber.end(Reason.GONE, "")
    else:
        subscriber.end(Reason.INTERNAL_ERROR, INTERNAL_ERROR_DETAIL)


class _DeferredResponse(Response):
    """Opens its response only when it is sent.

    A route returns before its response is sent. With the stream opened in the route, many requests
    at once would pass the limit before any is counted, and one whose client is gone by then would
    never be released.
    """

    def __init__(self, open_response: Callable[[], AbstractContextManager[Response]]) -> None:
        super().__init__()
        self._open_response = open_response

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._open_response() as response:
            await response(scope, receive, send)
