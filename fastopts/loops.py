"""The event loop of this package's programs."""

import asyncio
import sys
from collections.abc import Callable

__all__ = ("factory",)


def factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """Return a factory of event loops: uvloop's if it is installed, for 20 to 60 % less CPU."""
    try:
        import uvloop
    except ImportError:
        # The collector uses add_reader, which the default loop of Windows does not support.
        return asyncio.SelectorEventLoop if sys.platform == "win32" else asyncio.new_event_loop
    return uvloop.new_event_loop
