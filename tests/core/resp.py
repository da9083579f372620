"""RESP2 replies to feed to readers of them."""

from typing import Any

from hypothesis import strategies as st

__all__ = ("VALUES", "encode")

LEAVES = st.none() | st.integers(-(10**17), 10**17) | st.binary(max_size=20)
VALUES = st.recursive(LEAVES, lambda v: st.lists(v, max_size=4), max_leaves=8)


def encode(value: Any) -> bytes:
    match value:
        case None:
            return b"$-1\r\n"
        case int():
            return b":%d\r\n" % value
        case bytes():
            return b"$%d\r\n%b\r\n" % (len(value), value)
        case str():
            return b"+%b\r\n" % value.encode()
        case Exception():
            return b"-%b\r\n" % str(value).encode()
    return b"*%d\r\n" % len(value) + b"".join(map(encode, value))
