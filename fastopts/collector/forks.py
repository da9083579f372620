"""A forked child of a collector must not go on with the loop and the sockets of its parent."""

import asyncio
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ("guarded",)

_loops: set[asyncio.AbstractEventLoop] = set()


@contextmanager
def guarded() -> Iterator[None]:
    """End any forked child that goes on in the running loop; it may do other things."""
    loop = asyncio.get_running_loop()
    _loops.add(loop)
    try:
        yield
    finally:
        _loops.discard(loop)


def _in_child() -> None:
    for loop in _loops:
        loop.call_soon(_end)


def _end() -> None:
    words = "fastopts: a forked child of a collector can't go on as one: start a process of its own"
    print(words, file=sys.stderr, flush=True)  # noqa: T201
    os._exit(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
