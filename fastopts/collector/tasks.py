"""Tasks and callbacks of a collector whose unexpected end is a bug that must end the process."""

import asyncio
from collections.abc import Coroutine, Mapping
from functools import partial
from typing import Any

__all__ = ("TaskSupervisor",)


class TaskSupervisor:
    """Runs tasks in an asyncio.TaskGroup: `async with supervisor`, then `start` each.

    A TaskGroup reports exceptions, but neither early returns nor cancellations: a loop that ended
    that way, or a callback that raised and is never called again, would silently disable a part of
    the collector. Both are recorded as `bug` here, and set `stop`.
    """

    def __init__(self) -> None:
        self.bug: BaseException | None = None
        self.stop = asyncio.Event()
        """Set to end the collector in order."""
        self._group = asyncio.TaskGroup()
        self._is_winding_up = False

    async def __aenter__(self) -> "TaskSupervisor":
        await self._group.__aenter__()
        return self

    async def __aexit__(self, *exception: Any) -> None:
        await self._group.__aexit__(*exception)

    def start(
        self, name: str, work: Coroutine[Any, Any, None], may_return: bool = False
    ) -> asyncio.Task[None]:
        """Run *work* in a task *name*, which must not return unless it *may_return*."""
        task = self._group.create_task(work, name=name)
        task.add_done_callback(partial(self._task_ended, may_return))
        return task

    def wind_up(self) -> None:
        """Expect tasks to end from now on."""
        self._is_winding_up = True

    def raise_bug(self) -> None:
        """Raise the recorded bug, if any."""
        if self.bug is not None:
            raise self.bug

    def callback_failed(self, loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
        """Handle an exception that the event loop caught: pass it to `set_exception_handler`."""
        loop.default_exception_handler(dict(context))
        if "handle" in context:  # it came from a callback: a timer's or a socket's
            self.bug = context["exception"]
            self.stop.set()

    def _task_ended(self, may_return: bool, task: asyncio.Task[None]) -> None:
        is_failure = not task.cancelled() and task.exception() is not None
        if self._is_winding_up or is_failure or (may_return and not task.cancelled()):
            return
        self.bug = self.bug or RuntimeError(f"the task {task.get_name()!r} has ended: a bug")
        self.stop.set()
