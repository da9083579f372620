"""A forked child of a collector must not go on with the loop and the sockets of its parent."""

import asyncio
import contextlib
import os
import select
import socket
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

__all__ = ("guarded", "keep", "lost")

_DESCRIPTORS: Final = Path("/proc/self/fd")

_loops: set[asyncio.AbstractEventLoop] = set()
_kept: dict[asyncio.BaseProtocol, asyncio.BaseTransport] = {}
_void: list[socket.socket] = []


@contextmanager
def guarded() -> Iterator[None]:
    """End any forked child that goes on in the running loop; it may do other things."""
    loop = asyncio.get_running_loop()
    _loops.add(loop)
    try:
        yield
    finally:
        _loops.discard(loop)


def keep(protocol: asyncio.BaseProtocol, transport: asyncio.BaseTransport) -> None:
    """Keep the connection of *transport* from any forked child, until it is lost."""
    _kept[protocol] = transport


def lost(protocol: asyncio.BaseProtocol) -> None:
    _kept.pop(protocol, None)


def _in_child() -> None:
    """The loop may still run what is ready, and uvloop polls once more, before it comes to what is
    called soon: none of it may reach the parent's connections or change what its loop watches."""
    if not _loops:
        return
    _void.extend(socket.socketpair())
    for end in _void:
        end.setblocking(False)
    for descriptor in _connections():
        os.dup2(_void[0].fileno(), descriptor, inheritable=False)
    for descriptor in _epolls():
        with select.epoll() as empty:
            os.dup2(empty.fileno(), descriptor, inheritable=False)
    for loop in _loops:
        loop.call_soon(_end)


def _connections() -> Iterable[int]:
    for transport in _kept.values():
        found = transport.get_extra_info("socket")
        if found is not None and found.fileno() >= 0:
            yield found.fileno()


def _epolls() -> Iterable[int]:
    if not _DESCRIPTORS.exists():
        return  # where there is no epoll
    for name in os.listdir(_DESCRIPTORS):
        with contextlib.suppress(FileNotFoundError):  # the listing's own descriptor
            if os.readlink(_DESCRIPTORS / name) == "anon_inode:[eventpoll]":
                yield int(name)


def _end() -> None:
    words = "fastopts: a forked child of a collector can't go on as one: start a process of its own"
    print(words, file=sys.stderr, flush=True)  # noqa: T201
    os._exit(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
