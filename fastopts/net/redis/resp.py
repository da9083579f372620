"""Redis's wire form: commands, and the reading of replies that are not many."""

from typing import Any, Final, Protocol

import hiredis

from fastopts.errors import FastoptsError, StoreError

__all__ = ("Replies", "ReplyList", "Word", "checked", "pack", "parsing_replies", "reply_reader")

Word = str | bytes | int | float


class Replies(Protocol):
    """Reads the replies of one exchange."""

    @property
    def done(self) -> bool:
        """Whether all have come."""

    def acknowledge(self, view: memoryview, start: int, end: int) -> int:
        """Read from ``view[start:end]``; return the position behind what was read."""


class ReplyList:
    """Collects *count* replies as Python values; errors among them as StoreError.

    Bulk strings are str, or bytes when *is_raw*.
    """

    def __init__(self, count: int, is_raw: bool = False) -> None:
        self.values: list[Any] = []
        self._count = count
        texts = {} if is_raw else {"encoding": "utf-8", "errors": "replace"}
        self._reader = reply_reader(**texts)

    @property
    def done(self) -> bool:
        return len(self.values) == self._count

    def acknowledge(self, view: memoryview, start: int, end: int) -> int:
        self._reader.feed(bytes(view[start:end]))
        while not self.done:
            reply = self._reader.gets()
            if reply is False:
                return end
            self.values.append(reply)
        if self._reader.has_data():
            raise StoreError("more replies than commands")
        return end


def pack(*words: Word) -> bytes:
    """Return one command as the bytes that go on the wire."""
    packed: bytes = hiredis.pack_command(words)  # type: ignore[arg-type]
    return packed


def reply_reader(**options: Any) -> hiredis.Reader:
    """A reader that raises StoreError for what is no RESP, and returns refusals as StoreErrors."""
    return hiredis.Reader(protocolError=StoreError, replyError=_refusal, **options)


def checked(replies: list[Any]) -> list[Any]:
    """Return *replies*. Raises the first refusal among them."""
    for reply in replies:
        if isinstance(reply, StoreError):
            raise reply
    return replies


_ODD: Final = (AttributeError, IndexError, KeyError, TypeError, ValueError)


class _Understood:
    """Made once: a read is too short for a generator of its own."""

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, _ODD) and not isinstance(error, FastoptsError):
            raise StoreError(f"an answer that makes no sense: {error!r}") from error


_UNDERSTOOD: Final = _Understood()


def parsing_replies() -> _Understood:
    """While replies are taken apart: one that has not the form of an answer is a StoreError."""
    return _UNDERSTOOD


def _refusal(words: str) -> StoreError:
    # A server that does not know a command repeats it: with AUTH that would be a password.
    told = words.partition(", with args beginning with")[0]
    return StoreError(told, told)
