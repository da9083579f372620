"""Where frames are shown: the whole screen of a terminal, or plain lines in a pipe or a log."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final, Protocol

from rich.console import Console
from rich.live import Live

from fastopts.cli.output import printing
from fastopts.demo.screen import TITLE, Frame, progress_line, render, usage_lines

__all__ = ("DemoView", "leave_screen", "view")

_LEAVE: Final = b"\x1b[?1049l\x1b[?25h"  # the usual screen, and the cursor
LINE_S: Final = 5.0  # between two lines off a terminal: a log is not filled


class DemoView(Protocol):
    """What shows frames."""

    def show(self, frame: Frame) -> None:
        """Show the newest frame."""


def leave_screen() -> None:
    """Leave the alternate screen; for a signal handler that is about to end the process."""
    with contextlib.suppress(OSError):  # the terminal may be gone
        if os.isatty(1):
            os.write(1, _LEAVE)


@contextmanager
def view() -> Iterator[DemoView]:
    """A view on standard output, as it is a terminal or not; plain lines end with a whole frame."""
    console = Console(highlight=False)
    if console.is_terminal and not console.is_dumb_terminal:
        # the alternate screen leaves the user's scrollback alone
        with Live(console=console, auto_refresh=False, screen=True) as live:
            yield _Screen(console, live)
        return
    lines = _Lines()
    yield lines
    lines.end()


class _Screen:
    def __init__(self, console: Console, live: Live) -> None:
        self._console = console
        self._live = live

    def show(self, frame: Frame) -> None:
        width, height = self._console.size  # of each frame: the window may be resized
        self._live.update(render(frame, width, height), refresh=True)


class _Lines:
    def __init__(self) -> None:
        self._next_s = 0.0
        self._frame: Frame | None = None

    def show(self, frame: Frame) -> None:
        if self._frame is None:
            print(TITLE.strip())  # noqa: T201
            for line in usage_lines(frame.page_url, frame.redis_url):
                printing.show(line)
        self._frame = frame
        if (frame.status or frame.down) and time.monotonic() >= self._next_s:
            self._next_s = time.monotonic() + LINE_S
            print(f"{time.strftime('%H:%M:%SZ', time.gmtime())} {progress_line(frame)}")  # noqa: T201
            sys.stdout.flush()

    def end(self) -> None:
        if self._frame is not None:
            # the addresses have been printed, and serve nobody any more
            printing.show(render(replace(self._frame, page_url="", redis_url="")))
