"""The streams: a WebSocket for programs, server-sent events for the page; both say the same."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from fastopts.errors import BadInput, FastoptsError
from fastopts.serve.http.guard import CLIENT
from fastopts.serve.http.problems import Problem
from fastopts.serve.http.rate_limit import Bucket
from fastopts.serve.settings import Limits
from fastopts.serve.stats import Figures
from fastopts.serve.streams import subscriptions
from fastopts.serve.streams.broadcaster import Board
from fastopts.serve.streams.subscriber import Listener

__all__ = ("Streams",)

log = logging.getLogger(__name__)

POLICY = 1008
RESTART = 1012
RETRY_MS = 1000
BYE_S = 0.5


class Streams:
    """All streams of a server."""

    def __init__(self, board: Board, limits: Limits, figures: Figures) -> None:
        self._board = board
        self._limits = limits
        self._figures = figures
        self._open: set[Listener] = set()
        self._is_ending = False

    async def end(self) -> None:
        """Have every stream say that the server ends; who does not read is not waited for."""
        self._is_ending = True
        for one in self._open:
            one.say_bye("Restart", "the server ends; come again")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BYE_S):
                while self._open:  # noqa: ASYNC110 - they leave one by one
                    await asyncio.sleep(BYE_S / 50)

    def events(self, request: Request, hello: Mapping[str, Any], wishes: list[str]) -> Response:
        """Server-sent events: one message each. Raises BadInput for a wish that can't be read."""
        if len(wishes) > self._limits.subscriptions:
            raise BadInput(f"subscribe: {self._limits.subscriptions} at most")
        read = [
            subscriptions.read(subscriptions.parse(text), str(place))
            for place, text in enumerate(wishes)
        ]
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        if "fastopts.head" in request.scope:
            head = Response(None, 200, headers, "text/event-stream")
            del head.headers["content-length"]
            return head
        client = request.scope.get(CLIENT, "")
        return _Deferred(lambda: self._begin(client, hello, read, headers))

    @contextlib.contextmanager
    def _begin(
        self,
        client: str,
        hello: Mapping[str, Any],
        wishes: list[subscriptions.Wish],
        headers: Mapping[str, str],
    ) -> Iterator[Response]:
        """The answer that is given while the block runs: a stream, if there is still room."""
        if (full := self._full(client)) is not None:
            yield full
            return
        with self._listener("sse", client) as listener:
            for wish in wishes:
                listener.subscribe(wish)
            events = self._events(listener, hello)
            yield StreamingResponse(events, 200, headers, media_type="text/event-stream")

    async def _events(self, listener: Listener, hello: Mapping[str, Any]) -> AsyncIterator[bytes]:
        yield f"retry: {RETRY_MS}\n\n".encode()
        async for text in listener.messages(hello):
            self._figures.messages += 1
            yield f"data: {text}\n\n".encode()

    async def serve(self, socket: WebSocket, hello: Mapping[str, Any]) -> None:
        """Talk over a WebSocket until either side ends it."""
        client = socket.scope.get(CLIENT, "")
        if (full := self._full(client)) is not None:
            await socket.send_denial_response(full)
            return
        with self._listener("websocket", client) as listener:
            try:
                await socket.accept()
                await self._converse(socket, listener, hello)
            except (WebSocketDisconnect, OSError):
                log.debug("a client is gone")

    async def _converse(
        self, socket: WebSocket, listener: Listener, hello: Mapping[str, Any]
    ) -> None:
        hearing = asyncio.create_task(self._hear(socket, listener))
        hearing.add_done_callback(lambda task: _say_why(task, listener))
        try:
            async for text in listener.messages(hello):
                self._figures.messages += 1
                await socket.send_text(text)
            await socket.close(RESTART if self._is_ending else POLICY)
        finally:
            hearing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await hearing

    async def _hear(self, socket: WebSocket, listener: Listener) -> None:
        """Do what the client asks for, until it is gone."""
        rate = self._limits.messages_s
        bucket = Bucket(rate, 2 * rate)
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if not bucket.take():
                listener.say_bye("TooMany", f"more than {rate:g} messages a second")
                return
            self._obey(listener, message.get("text") or message.get("bytes") or "")

    def _obey(self, listener: Listener, text: str | bytes) -> None:
        name: object = None
        try:
            given = subscriptions.parse(text)
            name, order = given.get("id"), given.pop("op", None)
            match order:
                case "subscribe":
                    listener.subscribe(subscriptions.read(given))
                case "unsubscribe":
                    listener.unsubscribe(name)
                case "ping":
                    listener.pong()
                case _:
                    raise BadInput("op: write subscribe, unsubscribe or ping")
        except FastoptsError as error:
            listener.refuse(name, error)

    @contextlib.contextmanager
    def _listener(self, kind: str, client: str) -> Any:
        with Listener(self._board, self._limits, self._figures, client) as listener:
            self._figures.streams[kind] += 1
            self._open.add(listener)
            try:
                yield listener
            finally:
                self._open.discard(listener)
                self._figures.streams[kind] -= 1

    def _full(self, client: str) -> Response | None:
        if self._is_ending:
            return Problem(503, "Restart", "the server ends", {"Retry-After": "1"})
        if len(self._open) >= self._limits.streams:
            return Problem(503, "TooMany", f"stream limit reached ({self._limits.streams})")
        each = self._limits.streams_each
        if sum(one.client == client for one in self._open) >= each:
            return Problem(503, "TooMany", f"stream limit of one client reached ({each})")
        return None


def _say_why(hearing: asyncio.Task[None], listener: Listener) -> None:
    if hearing.cancelled() or hearing.exception() is None:
        listener.say_bye("Gone", "")
    else:
        listener.say_bye("InternalError", "an error of the server's own; see its log")


class _Deferred(Response):
    """Answers with what *begin* hands over when the answer is due: nothing is held before, which
    many at once could be let in by, or which would stay when the client is gone already."""

    def __init__(self, begin: Callable[[], AbstractContextManager[Response]]) -> None:
        super().__init__()
        self._begin = begin

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._begin() as answer:
            await answer(scope, receive, send)
