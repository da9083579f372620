"""The event loop that a program of ours runs on."""

import asyncio
import sys
from collections.abc import Callable

__all__ = ("factory",)


def factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop's where there is one: 20 to 60 % less CPU."""
    try:
        import uvloop
    except ImportError:
        # The collector watches sockets, which the default loop of Windows cannot.
        return asyncio.SelectorEventLoop if sys.platform == "win32" else asyncio.new_event_loop
    return uvloop.new_event_loop
