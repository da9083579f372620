"""The event loops that the product runs on, and what every async test gets besides its loop.

anyio's plugin runs a coroutine test, and the async fixtures it uses, in one task of one loop.
"""

import asyncio
import functools
import inspect
from collections.abc import Callable, Coroutine, Iterator
from importlib.util import find_spec
from typing import Any, Final

import pytest

from tests.support.waiting import PATIENCE_S

NAMES: Final = ("asyncio", "uvloop")
# Values of the fixture `anyio_backend`.
DEFAULT_LOOP: Final[tuple[str, dict[str, Any]]] = ("asyncio", {})
UVLOOP: Final = pytest.param(
    ("asyncio", {"use_uvloop": True}),
    id="uvloop",
    marks=pytest.mark.skipif(find_spec("uvloop") is None, reason="no wheel for this platform"),
)
LOOPS: Final = (pytest.param(DEFAULT_LOOP, id="asyncio"), UVLOOP)


def run(name: str, main: Coroutine[Any, Any, None]) -> None:
    """Run *main* on a new loop, one of NAMES: for tests that also run without any loop."""
    if name == "uvloop":
        uvloop = pytest.importorskip("uvloop", reason="no wheel for this platform")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main)
    else:
        asyncio.run(main)


async def finished(result: object) -> None:
    """Await *result* if it can be awaited: for tables of blocking and asyncio functions."""
    if inspect.isawaitable(result):
        await result


def limit_time(item: pytest.Function) -> None:
    """Let the coroutine test *item* fail after PATIENCE_S, with its fixtures torn down in order.

    pytest-timeout's own limit interrupts the loop itself, so that nothing is torn down. It is the
    only one in tests that set it and in those whose loop has a clock of its own.
    """
    has_own_limit = any(item.iter_markers("timeout")) or any(item.iter_markers("virtual_time"))
    if (
        has_own_limit
        or not inspect.iscoroutinefunction(item.obj)
        or hasattr(item.obj, "hypothesis")
    ):
        return
    test: Callable[..., Coroutine[Any, Any, None]] = item.obj

    @functools.wraps(test)
    async def limited(**arguments: Any) -> None:
        __tracebackhide__ = True
        async with asyncio.timeout(PATIENCE_S):
            await test(**arguments)

    item.obj = limited


@pytest.fixture
def unhandled() -> Iterator[list[dict[str, Any]]]:
    """Contexts of the loop's exception handler; the test fails if there are any at its end."""
    contexts: list[dict[str, Any]] = []
    yield contexts
    assert contexts == []


@pytest.fixture
async def strict_loop(unhandled: list[dict[str, Any]]) -> None:
    """Fail the test also for faults reported to the loop without an exception.

    anyio's plugin fails a test whose callbacks raise. Without an exception come, for example,
    pending tasks that are destroyed, and nothing is reported as that after the test has ended;
    `unhandled` is checked when the loop has been closed.
    """
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: unhandled.append(context))
