"""`Exchange`: pipelined commands on one connection, and the handlers of their replies."""

from collections import deque
from collections.abc import Callable
from typing import Any

import hiredis

from fastopts.errors import StoreError
from fastopts.net.redis.resp import next_reply, parsing_replies, reply_reader

__all__ = ("Exchange", "Handler")

Handler = Callable[[Any], None]


class Exchange:
    """Commands to send, and for each reply that is due its handler, in the order of the commands.

    One RESP3 connection carries replies and pushed messages. *on_message* is called with channel
    and payload of each message of a subscription.
    """

    def __init__(self, on_message: Callable[[bytes, bytes], None]) -> None:
        self._on_message = on_message
        self._reader = reply_reader()
        self._outgoing: list[bytes] = []
        self._due: deque[tuple[Handler, bool]] = deque()

    def send(self, command: bytes, handler: Handler, takes_errors: bool = False) -> None:
        """Queue *command*. Its reply goes to *handler*; an error reply only if it *takes_errors*,
        else it is raised by `receive`."""
        self._outgoing.append(command)
        self._due.append((handler, takes_errors))

    def data_to_send(self) -> bytes:
        """Remove and return the queued bytes."""
        if not self._outgoing:
            return b""
        data, self._outgoing = b"".join(self._outgoing), []
        return data

    def receive(self, data: bytes) -> None:
        """Parse *data* and call the handlers. Raises StoreError for errors and malformed replies,
        and what handlers raise."""
        with parsing_replies():
            self._reader.feed(data)
            while (reply := next_reply(self._reader)) is not False:
                self._dispatch(reply)

    def _dispatch(self, reply: Any) -> None:
        if isinstance(reply, hiredis.PushNotification):
            if reply[0] == b"subscribe":
                self._due.popleft()  # RESP3 answers SUBSCRIBE by a push in place of a reply
            elif reply[0] == b"message":
                self._on_message(reply[1], reply[2])
            return
        handler, takes_errors = self._due.popleft()
        if isinstance(reply, StoreError) and not takes_errors:
            raise reply
        handler(reply)
