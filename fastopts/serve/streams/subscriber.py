"""A subscriber: one stream's subscriptions, and its messages in order."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, Self

import orjson

from fastopts.errors import BadInput, FastoptsError
from fastopts.serve.http import problems
from fastopts.serve.protocol import MessageType, Reason
from fastopts.serve.settings import Limits
from fastopts.serve.stats import ServerStats
from fastopts.serve.streams.broadcaster import Broadcaster
from fastopts.serve.streams.subscriptions import SubscriptionRequest
from fastopts.serve.streams.topics import Subscription

__all__ = ("Subscriber",)

# Replies that wait for a client that sends requests but does not read: at 20 messages a second,
# five seconds of them.
REPLIES_MAX: Final = 100


class Subscriber:
    """The server's end of one stream; release it with `close`, or use it as a context manager.

    It queues no messages. For each subscription it knows how far the client has read, and
    `messages` makes the next message when the one before was taken. So a slow client gets fewer
    messages with the newest values, and costs no memory.
    """

    def __init__(
        self, broadcaster: Broadcaster, limits: Limits, stats: ServerStats, client: str = ""
    ) -> None:
        self.client = client
        self._broadcaster = broadcaster
        self._limits = limits
        self._stats = stats
        self._subscriptions: dict[str, tuple[bytes, Subscription]] = {}
        self._replies: deque[str] = deque()
        self._feed_sent = ""
        self._wake = asyncio.Event()
        self._bye: str | None = None
        broadcaster.join(self._wake.set)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all subscriptions."""
        self._broadcaster.leave(self._wake.set)
        for key, _ in self._subscriptions.values():
            self._broadcaster.unsubscribe(key)
        self._subscriptions = {}

    def subscribe(self, request: SubscriptionRequest) -> None:
        """Subscribe and reply `subscribed`, or reply with an error."""
        name, selection = request
        try:
            if name in self._subscriptions:
                raise BadInput(f"id: {name!r} is in use; unsubscribe it first")
            if len(self._subscriptions) >= self._limits.subscriptions:
                limit = self._limits.subscriptions
                raise BadInput(f"subscription limit of a stream reached ({limit})")
            key, subscription, normal = self._broadcaster.subscribe(selection, self.client)
        except FastoptsError as error:
            self.refuse(name, error)
            return
        self._subscriptions[name] = key, subscription
        self._reply(
            {
                "type": MessageType.SUBSCRIBED,
                "id": name,
                "to": normal,
                "symbols": subscription.topic.size,
            }
        )

    def unsubscribe(self, name: object) -> None:
        """End the subscription *name* and reply `unsubscribed`, or reply with an error."""
        entry = self._subscriptions.pop(name, None) if isinstance(name, str) else None
        if entry is None:
            self.refuse(name, BadInput("id: no subscription of this stream has it"))
            return
        key, _ = entry
        self._broadcaster.unsubscribe(key)
        self._reply({"type": MessageType.UNSUBSCRIBED, "id": name})

    def refuse(self, name: object, error: FastoptsError) -> None:
        """Reply that the request with the id *name* failed with *error*."""
        shown = name if isinstance(name, str) else None
        reply: dict[str, Any] = {
            "type": MessageType.ERROR,
            "id": shown,
            **problems.error_fields(error),
        }
        if isinstance(error, BadInput) and error.arguments:
            reply["arguments"] = list(error.arguments)
        self._reply(reply)

    def pong(self) -> None:
        """Reply to a ping."""
        self._reply({"type": MessageType.PONG})

    def end(self, reason: Reason, detail: str) -> None:
        """End the messages with a `bye`; of several calls the first one counts."""
        if self._bye is None:
            self._bye = _encode({"type": MessageType.BYE, "reason": reason, "detail": detail})
        self._wake.set()

    async def messages(self, hello: Mapping[str, Any]) -> AsyncIterator[str]:
        """Yield the messages as JSON, from *hello* to `bye`."""
        yield _encode({"type": MessageType.HELLO, **hello})
        while True:
            self._wake.clear()
            while self._replies:
                yield self._replies.popleft()
            if self._bye is not None:
                yield self._bye
                return
            if self._feed_sent is not self._broadcaster.feed_message:
                self._feed_sent = self._broadcaster.feed_message
                yield self._feed_sent
            # A copy: requests of the client change the dictionary between two messages.
            for name, (_, subscription) in list(self._subscriptions.items()):
                skipped_before = subscription.skipped
                for kind, tail in subscription.topic.since(subscription):
                    yield f'{{"type":"{kind}","id":{_encode(name)},{tail}'
                self._stats.skipped += subscription.skipped - skipped_before
            await self._wake.wait()

    def _reply(self, reply: Mapping[str, Any]) -> None:
        self._replies.append(_encode(reply))
        if len(self._replies) > REPLIES_MAX:
            self._replies.clear()
            self.end(Reason.TOO_MANY, "too many requests without reading the replies")
        self._wake.set()


def _encode(message: object) -> str:
    return orjson.dumps(message).decode()
