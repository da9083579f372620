"""Blocking work beside the event loop."""

import asyncio
import contextlib
import errno
import threading
from collections.abc import Callable
from typing import TypeVar

__all__ = ("in_daemon_thread",)

T = TypeVar("T")


async def in_daemon_thread(work: Callable[[], T]) -> T:
    """Run blocking *work* in a daemon thread, for which no exit of the process waits.

    A name look-up or a read that hangs then holds one thread, and neither the caller (who may stop
    waiting) nor the end of the program. Raises OSError if no further thread can be started.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(value: T | None, error: BaseException | None) -> None:
        if future.cancelled():
            return
        if error is None:
            future.set_result(value)  # type: ignore[arg-type]
        else:
            future.set_exception(error)

    def run() -> None:
        value, error = None, None
        try:
            value = work()
        except BaseException as caught:  # noqa: BLE001 - raised again in the waiting task
            error = caught
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, value, error)

    try:
        threading.Thread(target=run, name="fastopts-work", daemon=True).start()
    except RuntimeError as error:
        raise OSError(errno.EAGAIN, str(error)) from error
    return await future
