"""RESP: encoding of commands, and replies as Python values (for exchanges that are not hot)."""

from typing import Any, Final, Protocol

import hiredis

from fastopts.errors import FastoptsError, StoreError

__all__ = (
    "Replies",
    "ReplyList",
    "Word",
    "check_is_redis",
    "checked",
    "next_reply",
    "pack",
    "parsing_replies",
    "reply_reader",
)

Word = str | bytes | int | float

# How a reply begins, in RESP2 and RESP3.
_REPLY_TYPES: Final = b"+-:$*_#,(!=%~>|"


class Replies(Protocol):
    """The parser of the replies of one exchange. Also `core.Batch` and `core.Records`."""

    @property
    def done(self) -> bool:
        """Whether all replies were read."""

    def acknowledge(self, view: memoryview, start: int, end: int) -> int:
        """Read from ``view[start:end]``; return the position behind the part that was read."""


class ReplyList:
    """Collects *count* replies as Python values; error replies are StoreErrors among them.

    Bulk strings are str, or bytes if *is_raw*.
    """

    def __init__(self, count: int, is_raw: bool = False) -> None:
        self.values: list[Any] = []
        self._count = count
        decoding = {} if is_raw else {"encoding": "utf-8", "errors": "replace"}
        self._reader = reply_reader(**decoding)

    @property
    def done(self) -> bool:
        """Whether all replies were read."""
        return len(self.values) == self._count

    def acknowledge(self, view: memoryview, start: int, end: int) -> int:
        """Read ``view[start:end]``. Raises StoreError for malformed bytes and for extra replies."""
        self._reader.feed(bytes(view[start:end]))
        while not self.done:
            reply = next_reply(self._reader)
            if reply is False:
                return end
            self.values.append(reply)
        if self._reader.has_data():
            raise StoreError("more replies than commands")
        return end


def pack(*arguments: Word) -> bytes:
    """Return one encoded command."""
    packed: bytes = hiredis.pack_command(arguments)  # type: ignore[arg-type]
    return packed


def reply_reader(**options: Any) -> hiredis.Reader:
    """Return a parser that raises StoreError for malformed bytes; error replies are StoreErrors."""
    return hiredis.Reader(protocolError=StoreError, replyError=_refusal, **options)


def next_reply(reader: hiredis.Reader) -> Any:
    """Return the next reply that *reader* has whole, else False. Raises StoreError."""
    try:
        return reader.gets()
    except MemoryError:
        # hiredis allocates as many elements as an array announces before it has received any.
        raise StoreError("not RESP: an array of more elements than memory holds") from None


def check_is_redis(address: object, data: bytes | memoryview) -> None:
    """Raise StoreError if *data*, the first bytes of a connection to *address*, begin no reply."""
    head = bytes(data[:5])
    if not head or head[:1] in _REPLY_TYPES:
        return
    sign = "a web server" if head == b"HTTP/" else f"its reply begins with {head!r}"
    raise StoreError(f"{address} is not Redis ({sign}): check the host and the port of the URL")


def checked(replies: list[Any]) -> list[Any]:
    """Return *replies*. Raises the first error reply among them."""
    for reply in replies:
        if isinstance(reply, StoreError):
            raise reply
    return replies


# Exceptions of code that takes a reply apart and finds another shape.
_MALFORMED: Final = (AttributeError, IndexError, KeyError, TypeError, ValueError)


class _ParsingReplies:
    # One object for all: a read takes microseconds, and a generator-based context manager a part of
    # them.

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, _MALFORMED) and not isinstance(error, FastoptsError):
            raise StoreError(f"unexpected Redis reply: {error!r}") from error


_PARSING: Final = _ParsingReplies()


def parsing_replies() -> _ParsingReplies:
    """Turn the exceptions of a block that takes replies apart into StoreError.

    A server that answers in another shape (a proxy, a renamed command) is at fault, not the caller.
    """
    return _PARSING


def _refusal(text: str) -> StoreError:
    # A server that does not know a command repeats it: for AUTH, that would show the password.
    shown = text.partition(", with args beginning with")[0]
    return StoreError(shown, shown)
