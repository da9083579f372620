"""A forked child of a collector must not go on with the loop and the sockets of its parent."""

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
_TOLD: Final = Path("/proc/self/fdinfo")


class _Guard:
    """What a loop keeps from a forked child, and the descriptors for it: there may be none left."""

    def __init__(self) -> None:
        self.kept: dict[asyncio.BaseProtocol, asyncio.BaseTransport] = {}
        self._below = [frame for frame in _frames() if not frame.f_code.co_flags & _COROUTINE]
        self._void = socket.socketpair()
        for end in self._void:
            end.setblocking(False)
        self._empty = select.epoll() if hasattr(select, "epoll") else None
        self._spare = os.open(os.devnull, os.O_RDONLY)

    def close(self) -> None:
        self._below.clear()
        os.close(self._spare)
        if self._empty is not None:
            self._empty.close()
        for end in self._void:
            end.close()

    def watch(self) -> None:
        """End this child as soon as what forked it returns to the loop.

        What libuv watches it changes by way of a ring that the child shares with its parent: one
        of them would abort, whichever finds it changed by the other.
        """
        base = next((frame for frame in _frames() if frame in self._below), None)

        def returned(frame: FrameType, event: str, _: Any) -> None:
            if event == "return" and frame.f_back is base:
                _end()

        if base is not None:
            sys.setprofile(returned)

    def cut(self) -> None:
        """The loop may still run what is ready, and uvloop polls once more, before it comes to what
        is called soon: none of it may reach the parent's connections or what its loop watches."""
        os.close(self._spare)  # listing descriptors takes one
        for transport in self.kept.values():
            found = transport.get_extra_info("socket")
            if found is not None and found.fileno() >= 0:
                os.dup2(self._void[0].fileno(), found.fileno(), inheritable=False)
        if self._empty is not None:
            for descriptor in _epolls():
                if descriptor != self._empty.fileno():
                    self._blind(self._empty, descriptor)

    def _blind(self, empty: "select.epoll", descriptor: int) -> None:
        """What the loop watches is still watched, so that it may change how (libuv aborts where it
        can't), but nothing happens there."""
        for watched in _watched(descriptor):
            os.dup2(self._void[0].fileno(), watched, inheritable=False)
            with contextlib.suppress(FileExistsError):  # two loops of this process watch it
                empty.register(watched, 0)
        os.dup2(empty.fileno(), descriptor, inheritable=False)


_guards: dict[asyncio.AbstractEventLoop, _Guard] = {}


@contextmanager
def guarded() -> Iterator[None]:
    """End any forked child that goes on in the running loop; it may do other things."""
    loop = asyncio.get_running_loop()
    guard = _guards[loop] = _Guard()
    try:
        yield
    finally:
        del _guards[loop]
        guard.close()


def keep(protocol: asyncio.BaseProtocol, transport: asyncio.BaseTransport) -> None:
    """Keep the connection of *transport* from any forked child, if its loop is guarded."""
    guard = _guards.get(asyncio.get_running_loop())
    if guard is not None:
        guard.kept[protocol] = transport


def lost(protocol: asyncio.BaseProtocol) -> None:
    """Its connection is no more."""
    for guard in _guards.values():
        guard.kept.pop(protocol, None)


def _in_child() -> None:
    for loop, guard in _guards.items():
        with contextlib.suppress(RuntimeError):  # a loop that debugs, and another thread's child
            loop.call_soon(_end)
        guard.cut()
        guard.watch()


def _frames() -> Iterator[FrameType]:
    """The frames that run, the caller's first."""
    frame = inspect.currentframe()
    while frame is not None:
        frame = frame.f_back
        if frame is not None:
            yield frame


def _epolls() -> Iterator[int]:
    for name in os.listdir(_DESCRIPTORS):
        with contextlib.suppress(FileNotFoundError):  # the listing's own descriptor
            if os.readlink(_DESCRIPTORS / name) == "anon_inode:[eventpoll]":
                yield int(name)


def _watched(epoll: int) -> list[int]:
    """https://man7.org/linux/man-pages/man5/proc_pid_fdinfo.5.html"""
    lines = (_TOLD / str(epoll)).read_text().splitlines()
    return [int(line.split()[1]) for line in lines if line.startswith("tfd:")]


def _end() -> None:
    words = "fastopts: a forked child of a collector can't go on as one: start a process of its own"
    print(words, file=sys.stderr, flush=True)  # noqa: T201
    os._exit(1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
