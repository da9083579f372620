"""Tasks that should not end by themselves: when one does, the server has to."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

__all__ = ("Failed", "begin")

Failed = Callable[[BaseException], None]


def begin(work: Coroutine[Any, Any, None], failed: Failed) -> asyncio.Task[None]:
    """Run *work* in a task; *failed* is told what it raised. Nobody would notice otherwise."""

    def ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            failed(error)

    task = asyncio.create_task(work)
    task.add_done_callback(ended)
    return task
