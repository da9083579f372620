"""One stream's end: what it is subscribed to, and its messages in order."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final, Self

import orjson

from fastopts.errors import BadInput, FastoptsError
from fastopts.serve.http import problems
from fastopts.serve.settings import Limits
from fastopts.serve.stats import Figures
from fastopts.serve.streams.broadcaster import Board
from fastopts.serve.streams.subscriptions import Wish
from fastopts.serve.streams.topics import Subscription

__all__ = ("Listener",)

REPLIES_MAX: Final = 100  # that wait for who sends and does not read


class Listener:
    """Give it back with `close`, or use it as a context manager.

    It holds no messages: for each subscription it knows what was heard, and `messages` makes the
    next one when the one before was taken. So who is slow is told less often, and costs no more.
    """

    def __init__(self, board: Board, limits: Limits, figures: Figures, client: str = "") -> None:
        self.client = client
        self._board = board
        self._limits = limits
        self._figures = figures
        self._held: dict[str, tuple[bytes, Subscription]] = {}
        self._replies: deque[str] = deque()
        self._feed_told = ""
        self._news = asyncio.Event()
        self._bye: str | None = None
        board.join(self._news.set)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._board.leave(self._news.set)
        for key, _ in self._held.values():
            self._board.give_up(key)
        self._held = {}

    def subscribe(self, wish: Wish) -> None:
        """Begin what *wish* asks for, and say so; or say why not."""
        name, what = wish
        try:
            if name in self._held:
                raise BadInput(f"id: {name!r} is taken: unsubscribe it first")
            if len(self._held) >= self._limits.subscriptions:
                most = self._limits.subscriptions
                raise BadInput(f"a stream has {most} subscriptions at most")
            key, held, taken = self._board.subscribe(what, self.client)
        except FastoptsError as error:
            self.refuse(name, error)
            return
        self._held[name] = key, held
        self._reply({"type": "subscribed", "id": name, "to": taken, "symbols": held.topic.size})

    def unsubscribe(self, name: object) -> None:
        held = self._held.pop(name, None) if isinstance(name, str) else None
        if held is None:
            self.refuse(name, BadInput("there is no subscription of this id"))
            return
        self._board.give_up(held[0])
        self._reply({"type": "unsubscribed", "id": name})

    def refuse(self, name: object, error: FastoptsError) -> None:
        """Say why something can't be done."""
        shown = name if isinstance(name, str) else None
        told: dict[str, Any] = {"type": "error", "id": shown, **problems.told(error)}
        if isinstance(error, BadInput) and error.arguments:
            told["arguments"] = list(error.arguments)
        self._reply(told)

    def pong(self) -> None:
        self._reply({"type": "pong"})

    def say_bye(self, reason: str, detail: str) -> None:
        """End the messages, with the reason as the last; the first one that is said counts."""
        if self._bye is None:
            self._bye = _text({"type": "bye", "reason": reason, "detail": detail})
        self._news.set()

    async def messages(self, hello: Mapping[str, Any]) -> AsyncIterator[str]:
        """The messages, until it is told to say bye."""
        yield _text({"type": "hello", **hello})
        while True:
            self._news.clear()
            while self._replies:
                yield self._replies.popleft()
            if self._bye is not None:
                yield self._bye
                return
            if self._feed_told is not self._board.feed_message:
                self._feed_told = self._board.feed_message
                yield self._feed_told
            for name, (_, held) in list(self._held.items()):
                before = held.skipped
                for kind, tail in held.topic.since(held):
                    yield f'{{"type":"{kind}","id":{_text(name)},{tail}'
                self._figures.skipped += held.skipped - before
            await self._news.wait()

    def _reply(self, told: Mapping[str, Any]) -> None:
        self._replies.append(_text(told))
        if len(self._replies) > REPLIES_MAX:
            self._replies.clear()
            self.say_bye("TooMany", "more was asked than answers were read")
        self._news.set()


def _text(told: object) -> str:
    return orjson.dumps(told).decode()
