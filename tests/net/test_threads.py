import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from fastopts.errors import ConnectionLost
from fastopts.net.threads import in_daemon_thread


@contextmanager
def surprises(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What threads did not catch."""
    found: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", found.append)
    yield found


async def test_work_runs_in_a_thread_that_no_exit_waits_for() -> None:
    thread = await in_daemon_thread(threading.current_thread)
    assert thread is not threading.current_thread()
    assert thread.daemon


@pytest.mark.parametrize("error", [ConnectionLost("gone"), SystemExit(3), KeyError("x")])
async def test_an_exception_of_the_work_reaches_its_waiters(error: BaseException) -> None:
    def work() -> None:
        raise error

    task = in_daemon_thread(work)
    with pytest.raises(type(error)) as caught:
        await task
    assert caught.value is error


class Work:
    """Blocks its thread until it may end."""

    def __init__(self, error: Exception | None = None) -> None:
        self.is_running = threading.Event()
        self.may_end = threading.Event()
        self._error = error

    def __call__(self) -> int:
        self._thread = threading.current_thread()
        self.is_running.set()
        self.may_end.wait()
        if self._error is not None:
            raise self._error
        return 1

    def end(self) -> None:
        self.may_end.set()
        self._thread.join(10)
        assert not self._thread.is_alive()


@pytest.mark.parametrize("error", [None, ConnectionLost("gone")])
def test_a_thread_that_outlives_its_loop_does_not_raise(
    monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    work = Work(error)

    async def main() -> None:
        task = asyncio.create_task(in_daemon_thread(work))
        await asyncio.to_thread(work.is_running.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with surprises(monkeypatch) as found:
        asyncio.run(main())
        work.end()
    assert found == []


@pytest.mark.parametrize("error", [None, ConnectionLost("gone")])
async def test_an_answer_to_a_cancelled_caller_is_dropped(
    monkeypatch: pytest.MonkeyPatch, error: Exception | None
) -> None:
    unheard: list[Any] = []
    work = Work(error)

    with surprises(monkeypatch) as found:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: unheard.append(context))
        task = asyncio.create_task(in_daemon_thread(work))
        await asyncio.to_thread(work.is_running.wait)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        # The loop's queue has the thread's result before the notice of the thread's end.
        await asyncio.to_thread(work.end)
    assert found == []
    assert unheard == []
