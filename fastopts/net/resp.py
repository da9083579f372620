"""Redis's wire form, for commands and replies that are not many."""

from typing import Any

import hiredis

from fastopts.errors import StoreError

__all__ = ("Word", "good", "pack", "reply_reader")

Word = str | bytes | int | float


def pack(*words: Word) -> bytes:
    """Return one command as the bytes that go on the wire."""
    packed: bytes = hiredis.pack_command(words)  # type: ignore[arg-type]
    return packed


def reply_reader(**options: Any) -> hiredis.Reader:
    """A reader that raises StoreError for what is no RESP, and returns refusals as StoreErrors."""
    return hiredis.Reader(protocolError=StoreError, replyError=_refusal, **options)


def good(replies: list[Any]) -> list[Any]:
    """Return *replies*. Raises the first refusal among them."""
    for reply in replies:
        if isinstance(reply, StoreError):
            raise reply
    return replies


def _refusal(words: str) -> StoreError:
    return StoreError(words, words)
