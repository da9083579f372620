"""Tasks and callbacks that end when they must not."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from fastopts.collector.tasks import TaskSupervisor
from tests.support.waiting import PATIENCE_S


async def returns() -> None:
    pass


async def waits() -> None:
    await asyncio.Event().wait()


def supervised(main: Callable[[TaskSupervisor], Coroutine[Any, Any, None]]) -> TaskSupervisor:
    async def bounded() -> TaskSupervisor:
        supervisor = TaskSupervisor()
        async with asyncio.timeout(PATIENCE_S), supervisor:
            await main(supervisor)
        return supervisor

    return asyncio.run(bounded())


@pytest.mark.parametrize("is_cancelled", [False, True])
def test_a_task_that_ends_early_is_a_bug_with_its_name(is_cancelled: bool) -> None:
    async def main(supervisor: TaskSupervisor) -> None:
        task = supervisor.start("universe", waits() if is_cancelled else returns())
        if is_cancelled:
            task.cancel()
        await supervisor.stop.wait()

    supervisor = supervised(main)
    with pytest.raises(RuntimeError, match="the task 'universe' has ended: a bug"):
        supervisor.raise_bug()


def test_a_task_that_may_return_is_none_nor_is_one_that_ends_while_winding_up() -> None:
    async def main(supervisor: TaskSupervisor) -> None:
        await supervisor.start("warm start", returns(), may_return=True)
        task = supervisor.start("universe", waits())
        supervisor.wind_up()
        task.cancel()
        await asyncio.wait((task,))

    supervisor = supervised(main)
    assert not supervisor.stop.is_set()
    supervisor.raise_bug()


def test_an_exception_of_a_task_is_raised_by_the_group() -> None:
    async def fails() -> None:
        raise ZeroDivisionError("a bug")

    async def main(supervisor: TaskSupervisor) -> None:
        supervisor.start("universe", fails())
        await asyncio.Event().wait()

    with pytest.raises(ExceptionGroup) as caught:
        supervised(main)
    assert isinstance(caught.value.exceptions[0], ZeroDivisionError)


def test_a_callback_that_raises_is_a_bug() -> None:
    async def main(supervisor: TaskSupervisor) -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(supervisor.callback_failed)
        loop.call_soon(lambda: 1 / 0)
        await supervisor.stop.wait()

    with pytest.raises(ZeroDivisionError):
        supervised(main).raise_bug()
