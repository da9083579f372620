"""Tasks and callbacks that end when they must not."""

import asyncio

import pytest

from fastopts.collector.tasks import TaskSupervisor


async def returns() -> None:
    pass


async def waits() -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize("is_cancelled", [False, True])
async def test_a_task_that_ends_early_is_a_bug_with_its_name(is_cancelled: bool) -> None:
    async with TaskSupervisor() as supervisor:
        task = supervisor.start("universe", waits() if is_cancelled else returns())
        if is_cancelled:
            task.cancel()
        await supervisor.stop.wait()
    with pytest.raises(RuntimeError, match="the task 'universe' has ended: a bug"):
        supervisor.raise_bug()


async def test_a_task_that_may_return_is_none_nor_is_one_that_ends_while_winding_up() -> None:
    async with TaskSupervisor() as supervisor:
        await supervisor.start("warm start", returns(), may_return=True)
        task = supervisor.start("universe", waits())
        supervisor.wind_up()
        task.cancel()
        await asyncio.wait((task,))
    assert not supervisor.stop.is_set()
    supervisor.raise_bug()


async def test_an_exception_of_a_task_is_raised_by_the_group() -> None:
    async def fails() -> None:
        raise ZeroDivisionError("a bug")

    with pytest.raises(ExceptionGroup) as caught:  # noqa: PT012 - raised at the end of the block
        async with TaskSupervisor() as supervisor:
            supervisor.start("universe", fails())
            await asyncio.Event().wait()
    assert isinstance(caught.value.exceptions[0], ZeroDivisionError)


async def test_a_callback_that_raises_is_a_bug() -> None:
    async with TaskSupervisor() as supervisor:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(supervisor.callback_failed)
        loop.call_soon(lambda: 1 / 0)
        await supervisor.stop.wait()
    with pytest.raises(ZeroDivisionError):
        supervisor.raise_bug()
