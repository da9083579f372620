"""RESP2 replies with limits on every length: the twin of `reply.pyx`.

https://valkey.io/topics/protocol/
"""

import re
from collections.abc import Iterator
from typing import Any, Final

from fastopts.errors import StoreError

__all__ = ("measure", "read_reply", "scan_integer", "scan_line", "value")

# Limits beyond which a reply is refused. The server's own are wider: nothing that this package asks
# for comes near these, and a peer that is no Redis must not make a reader allocate without bound.
LINE_MAX: Final = 4096  # bytes of a status, an error or a number
COUNT_MAX: Final = 1 << 20  # elements of an array
BULK_MAX: Final = 512 << 20  # bytes of a bulk string
DEPTH_MAX: Final = 4  # of nested arrays
KINDS: Final = (b"+", b"-", b":", b"$", b"*")


def scan_line(data: bytes) -> bytes | None:
    """Return the line at the head of *data* without its CRLF; None if it is incomplete.

    Raises StoreError for a lone CR or LF and for a line that is too long.
    """
    text, cr, _ = data[:LINE_MAX].partition(b"\r")
    rest = data[len(text) + 1 :]
    is_malformed = rest[:1] not in (b"", b"\n") or (rest and b"\n" in text)
    if is_malformed or (not cr and len(data) >= LINE_MAX):
        raise StoreError(f"not RESP: {data[:40]!r}")
    return text if rest else None


def scan_integer(text: bytes) -> int:
    """Return the integer *text*: at most 18 digits, without leading zeros, as servers write it.

    Strict like hiredis. Raises StoreError for anything else.
    """
    if not re.fullmatch(rb"0|-?[1-9][0-9]{0,17}", text):
        raise StoreError(f"not RESP: {text[:40]!r}")
    return int(text)


def read_reply(data: bytes, depth: int = 0) -> tuple[int, Any]:
    """Return the length of the reply at the head of *data* and its value; 0 if it is incomplete.

    Raises StoreError for malformed bytes. Twins: `reply.scan_reply` and `reply.build`.
    """
    kind, text = data[:1], scan_line(data[1:])
    if kind not in (b"", *KINDS):
        raise StoreError(f"not RESP: {data[:40]!r}")
    if text is None:
        return 0, None
    size = len(text) + 3
    if kind == b"+":
        return size, text.decode("utf-8", "replace")
    if kind == b"-":
        refusal = text.decode("utf-8", "replace")
        return size, StoreError(refusal, refusal)
    number = scan_integer(text)
    if kind == b":":
        return size, number
    is_too_deep = kind == b"*" and depth == DEPTH_MAX
    if is_too_deep or not -1 <= number <= (BULK_MAX if kind == b"$" else COUNT_MAX):
        raise StoreError(f"not RESP: {data[:40]!r}")
    if number < 0:
        return size, None
    if kind == b"$":
        return _read_bulk(data, size, number)
    return _read_array(data, size, number, depth + 1)


def _read_bulk(data: bytes, start: int, length: int) -> tuple[int, Any]:
    end = start + length
    if len(data) < end + 2:
        return 0, None
    if data[end : end + 2] != b"\r\n":
        raise StoreError(f"not RESP: {data[:40]!r}")
    return end + 2, data[start:end]


def _read_array(data: bytes, start: int, count: int, depth: int) -> tuple[int, Any]:
    elements = []
    at = start
    for _ in range(count):
        size, element = read_reply(data[at:], depth)
        if size == 0:
            return 0, None
        elements.append(element)
        at += size
    return at, elements


def measure(data: bytes) -> tuple[int, int | None, str | None]:
    """Return the length of the reply at the head of *data*, the first integer and the first error
    in it (None: none); a length of 0 if it is incomplete, -1 if it is not RESP2.

    Twin: `reply.measure`.
    """
    try:
        size, reply = read_reply(data)
    except StoreError:
        return -1, None, None
    if size == 0:
        return 0, None, None
    parts = list(leaves(reply))
    integer = next((part for part in parts if isinstance(part, int)), None)
    error = next((str(part) for part in parts if isinstance(part, StoreError)), None)
    return size, integer, error


def leaves(reply: Any) -> Iterator[Any]:
    """Yield the values in *reply*, arrays flattened."""
    if not isinstance(reply, list):
        yield reply
        return
    for part in reply:
        yield from leaves(part)


def value(raw: bytes) -> Any:
    """Return the one RESP2 reply *raw* as a Python value.

    str for a status, int, bytes, list, None, or a StoreError for an error reply. Raises StoreError
    unless *raw* is exactly one reply. Twin: `reply.value`.
    """
    size, reply = read_reply(raw)
    if size != len(raw) or not raw:
        raise StoreError(f"not one reply: {raw[:40]!r}")
    return reply
