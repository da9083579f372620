"""A subscriber over a broadcaster that only knows one topic."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from fastopts.errors import BadInput
from fastopts.serve.protocol import MessageType, Reason
from fastopts.serve.settings import Limits
from fastopts.serve.stats import ServerStats
from fastopts.serve.streams.subscriber import REPLIES_MAX, Subscriber
from fastopts.serve.streams.topics import SnapshotTopic, Subscription


class OneTopic:
    """In place of a broadcaster: every request names the same topic; "no" is refused."""

    def __init__(self) -> None:
        self.feed_message = '{"type":"feed"}'
        self.value = 1
        self.topic = SnapshotTopic(MessageType.SCAN, 1.0, lambda: {"n": self.value})
        self.topic.renew(0, 10)
        self.wakers: list[Callable[[], None]] = []
        self.unsubscribed: list[bytes] = []

    def join(self, wake: Callable[[], None]) -> None:
        self.wakers.append(wake)

    def leave(self, wake: Callable[[], None]) -> None:
        self.wakers.remove(wake)

    def subscribe(
        self, request: Mapping[str, Any], client: str = ""
    ) -> tuple[bytes, Subscription, dict[str, Any]]:
        if "no" in request:
            raise BadInput("no: not now", arguments=("no",))
        return b"key", Subscription(self.topic), dict(request)

    def unsubscribe(self, key: bytes) -> None:
        self.unsubscribed.append(key)


def subscriber(broadcaster: Any, **limits: int) -> Subscriber:
    return Subscriber(broadcaster, Limits(**limits), ServerStats())


async def take(messages: AsyncIterator[str], count: int) -> list[dict[str, Any]]:
    return [json.loads(await asyncio.wait_for(anext(messages), 20)) for _ in range(count)]


async def test_messages_come_in_order_from_hello_to_bye() -> None:
    broadcaster = OneTopic()
    with subscriber(broadcaster) as stream:
        messages = stream.messages({"venue": "sim"})
        stream.subscribe(("a", {"scan": {}}))
        stream.pong()
        first = await take(messages, 5)
        assert first == [
            {"type": "hello", "venue": "sim"},
            {"type": "subscribed", "id": "a", "to": {"scan": {}}, "symbols": 1},
            {"type": "pong"},
            {"type": "feed"},
            {"type": "scan", "id": "a", "as_of_ms": 10, "n": 1},
        ]
        broadcaster.value = 2
        broadcaster.topic.renew(1, 20)
        for wake in broadcaster.wakers:
            wake()
        assert await take(messages, 1) == [{"type": "scan", "id": "a", "as_of_ms": 20, "n": 2}]
        stream.end(Reason.RESTART, "shutting down")
        stream.end(Reason.GONE, "too late to count")
        assert await take(messages, 1) == [
            {"type": "bye", "reason": "Restart", "detail": "shutting down"}
        ]
        assert [message async for message in messages] == []
    assert (broadcaster.wakers, broadcaster.unsubscribed) == ([], [b"key"])


async def test_a_refused_request_is_a_reply_with_its_id_and_arguments() -> None:
    broadcaster = OneTopic()
    with subscriber(broadcaster, subscriptions=1) as stream:
        messages = stream.messages({})
        stream.subscribe(("x", {"no": 1}))
        stream.subscribe(("a", {"scan": {}}))
        stream.subscribe(("a", {"scan": {}}))
        stream.subscribe(("b", {"scan": {}}))
        stream.unsubscribe("c")
        stream.unsubscribe(7)
        stream.unsubscribe("a")
        replies = (await take(messages, 8))[1:]
    assert replies[0] == {
        "type": "error",
        "id": "x",
        "reason": "BadInput",
        "detail": "no: not now",
        "arguments": ["no"],
    }
    assert [reply["type"] for reply in replies[1:]] == [
        *("subscribed", "error", "error", "error", "error", "unsubscribed"),
    ]
    details = [reply["detail"] for reply in replies if reply["type"] == "error"]
    assert "in use" in details[1]
    assert "subscription limit of a stream reached (1)" in details[2]
    assert replies[5]["id"] is None  # 7 is no id
    assert broadcaster.unsubscribed == [b"key"]


async def test_a_client_that_asks_without_reading_is_ended() -> None:
    broadcaster = OneTopic()
    with subscriber(broadcaster) as stream:
        for _ in range(REPLIES_MAX + 1):
            stream.pong()
        hello, bye = [json.loads(text) async for text in stream.messages({})]
    assert (hello["type"], bye["type"], bye["reason"]) == ("hello", "bye", "TooMany")
