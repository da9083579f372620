"""Both event loops that the product runs on."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

LOOPS = ("asyncio", "uvloop")


def run(loop: str, main: Coroutine[Any, Any, None]) -> None:
    """Run *main* on *loop*, one of LOOPS."""
    if loop == "uvloop":
        uvloop = pytest.importorskip("uvloop", reason="no wheel for this platform")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main)
    else:
        asyncio.run(main)
