"""The command on a terminal."""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cli.process import Stream, call
from tests.support.processes import environ

__all__ = ("Terminal", "on_real_terminal", "on_terminal", "terminal")

# The child makes the terminal its own, so that Ctrl-C reaches it.
_CHILD = (
    "import fcntl, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "from fastopts.cli.__main__ import main; sys.exit(main(sys.argv[1:]))"
)
_CODE = re.compile(r"\x1b\[[\d;?]*[A-Za-z]")


def on_terminal(*words: str, columns: int, lines: int = 50, **variables: str) -> str:
    """Return what the command writes to a terminal of that size; it must end with 0.

    The command runs in this process, its output is a stream that says it is a terminal.
    """
    size: dict[str, Any] = {"COLUMNS": str(columns), "LINES": str(lines), "TERM": "xterm-256color"}
    with Stream(is_terminal=True) as screen:
        code = call(*words, cwd=Path.cwd(), out=screen, err=screen, **size | variables)
        assert code == 0, screen.text
        return screen.text


def on_real_terminal(*words: str, columns: int, **variables: str) -> str:
    """Return what the command, a process, writes to a pseudo-terminal; it must end with 0."""
    with terminal(*words, columns=columns, lines=50, **variables) as screen:
        assert screen.end() == 0
        return screen.written


@contextmanager
def terminal(*words: str, columns: int, lines: int, **variables: str) -> "Iterator[Terminal]":
    """Run the command on a terminal of that size."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    before = termios.tcgetattr(theirs)
    with subprocess.Popen(
        [sys.executable, "-c", _CHILD, *words],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environ(**{"TERM": "xterm-256color"} | variables),
        start_new_session=True,
    ) as process:
        try:
            yield Terminal(process, ours, theirs, before)
        finally:
            process.kill()
            os.close(ours)
            os.close(theirs)


class Terminal:
    """What is written there, and a keyboard; *theirs* stays open for its modes to be read."""

    def __init__(
        self, process: subprocess.Popen[bytes], ours: int, theirs: int, before: list[Any]
    ) -> None:
        self.written = ""
        self._process = process
        self._ours = ours
        self._theirs = theirs
        self._before = before

    def press(self, keys: str) -> None:
        """Type *keys*; `until` looks at what is written from now on."""
        self._take(0)
        self.written = ""
        os.write(self._ours, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        """Change the size of the terminal; `until` looks at what is written from now on."""
        self.press("")
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def until(self, pattern: str) -> re.Match[str]:
        """Wait until *pattern* was written, colours and movements of the cursor aside."""
        give_up_at = time.monotonic() + 30
        while not (found := re.search(pattern, _CODE.sub("", self.written))):
            assert time.monotonic() < give_up_at, self.written[-4000:]
            self._take(0.1)
        return found

    def end(self) -> int:
        """Wait for the end; the exit code. What was written last is in `written`."""
        give_up_at = time.monotonic() + 30
        while self._process.poll() is None:
            assert time.monotonic() < give_up_at, self.written[-4000:]
            self._take(0.05)
        while self._take(0):
            pass
        return self._process.returncode

    def is_as_before(self) -> bool:
        """Whether the modes of the terminal are those before the command."""
        return termios.tcgetattr(self._theirs) == self._before

    def _take(self, timeout_s: float) -> bool:
        ready, _, _ = select.select([self._ours], [], [], timeout_s)
        with contextlib.suppress(OSError):
            if ready:
                self.written += os.read(self._ours, 65536).decode(errors="replace")
        return bool(ready)
