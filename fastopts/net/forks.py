"""Forked children of a collector: they must not use the event loop and sockets of their parent.

A library may fork at any time. A child that returns to the loop would read its parent's sockets
and, with uvloop, change the set of descriptors that the parent polls: libuv changes what it watches
through a ring in memory (io_uring) that a forked child shares with its parent, and the process that
finds it changed by the other one aborts. Before this guard, that happened once in some hundred runs
of the test suite, to either process.

In the child, three measures follow each other:

1. The connections of the parent lead nowhere: their descriptors are replaced.
2. Its epoll descriptors are replaced by one that knows the same descriptors but reports no events:
   libuv aborts if it cannot change a registration.
3. The child ends as soon as the function that forked it returns to the loop. Until then it may do
   anything else, `exec` another program above all.
"""

import asyncio
import contextlib
import inspect
import os
import select
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Final

__all__ = ("guarded", "keep", "lost")

_COROUTINE: Final = inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR
_DESCRIPTORS: Final = Path("/proc/self/fd")
_DESCRIPTOR_INFO: Final = Path("/proc/self/fdinfo")


class _Guard:
    """The parent's connections, and the descriptors that replace them in a child.

    They are opened beforehand: at the time of the fork there may be no free descriptor.
    """

    def __init__(self) -> None:
        self.kept: dict[asyncio.BaseProtocol, asyncio.BaseTransport] = {}
        # Frames that run the loop; coroutines above it end before the loop continues.
        self._below = [frame for frame in _frames() if not frame.f_code.co_flags & _COROUTINE]
        self._void = socket.socketpair()
        for end in self._void:
            end.setblocking(False)
        self._empty = select.epoll() if hasattr(select, "epoll") else None
        self._spare = os.open(os.devnull, os.O_RDONLY)

    def close(self) -> None:
        """Release the descriptors."""
        self._below.clear()
        os.close(self._spare)
        if self._empty is not None:
            self._empty.close()
        for end in self._void:
            end.close()

    def end_on_return(self) -> None:
        """End this child as soon as the code that forked it returns to the loop.

        A profile function, because uvloop's loop is compiled: it offers no other hook that runs
        before the loop polls again.
        """
        base = next((frame for frame in _frames() if frame in self._below), None)

        def returned(frame: FrameType, event: str, _: Any) -> None:
            if event == "return" and frame.f_back is base:
                _end()

        if base is not None:
            sys.setprofile(returned)

    def disconnect(self) -> None:
        """Replace the parent's connections and epoll descriptors in this child.

        The loop may run callbacks that are ready, and uvloop polls once more, before it comes to
        `_end`: none of that may reach the parent's connections or epoll sets.
        """
        os.close(self._spare)  # listing the descriptors needs a free one
        for transport in self.kept.values():
            sock = transport.get_extra_info("socket")
            if sock is not None and sock.fileno() >= 0:
                os.dup2(self._void[0].fileno(), sock.fileno(), inheritable=False)
        if self._empty is not None:
            for descriptor in _epolls():
                if descriptor != self._empty.fileno():
                    self._replace_epoll(self._empty, descriptor)

    def _replace_epoll(self, empty: "select.epoll", descriptor: int) -> None:
        """Replace the epoll *descriptor* by *empty*, with the same registrations but no events.

        Every watched descriptor is registered: libuv aborts when it changes one that is unknown.
        """
        for watched in _watched(descriptor):
            os.dup2(self._void[0].fileno(), watched, inheritable=False)
            with contextlib.suppress(FileExistsError):  # watched by two loops of this process
                empty.register(watched, 0)
        os.dup2(empty.fileno(), descriptor, inheritable=False)


_guards: dict[asyncio.AbstractEventLoop, _Guard] = {}


@contextmanager
def guarded() -> Iterator[None]:
    """End forked children that return to the running loop; they may do anything else."""
    loop = asyncio.get_running_loop()
    guard = _guards[loop] = _Guard()
    try:
        yield
    finally:
        del _guards[loop]
        guard.close()


def keep(protocol: asyncio.BaseProtocol, transport: asyncio.BaseTransport) -> None:
    """Keep the connection of *transport* from forked children, if the running loop is guarded."""
    guard = _guards.get(asyncio.get_running_loop())
    if guard is not None:
        guard.kept[protocol] = transport


def lost(protocol: asyncio.BaseProtocol) -> None:
    """Forget the connection of *protocol*, which is closed."""
    for guard in _guards.values():
        guard.kept.pop(protocol, None)


def _in_child() -> None:
    for loop, guard in _guards.items():
        # RuntimeError: a loop in debug mode, and a child of another thread
        with contextlib.suppress(RuntimeError):
            loop.call_soon(_end)
        guard.disconnect()
        guard.end_on_return()


def _frames() -> Iterator[FrameType]:
    """Yield the frames of the running thread, the caller's first."""
    frame = inspect.currentframe()
    while frame is not None:
        frame = frame.f_back
        if frame is not None:
            yield frame


def _epolls() -> Iterator[int]:
    """Yield the process's epoll descriptors."""
    for name in os.listdir(_DESCRIPTORS):
        with contextlib.suppress(FileNotFoundError):  # the descriptor of the listing itself
            if os.readlink(_DESCRIPTORS / name) == "anon_inode:[eventpoll]":
                yield int(name)


def _watched(epoll: int) -> list[int]:
    """Return the descriptors registered with *epoll*.

    https://man7.org/linux/man-pages/man5/proc_pid_fdinfo.5.html
    """
    lines = (_DESCRIPTOR_INFO / str(epoll)).read_text().splitlines()
    return [int(line.split()[1]) for line in lines if line.startswith("tfd:")]


def _end() -> None:
    message = (
        "fastopts: a forked child of a collector can't go on as one: start a process of its own"
    )
    print(message, file=sys.stderr, flush=True)  # noqa: T201
    os._exit(1)


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_in_child)
