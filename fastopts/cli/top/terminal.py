"""Keys as they are pressed. The terminal's modes are restored, whatever ends the program."""

import os
import re
import select
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NoReturn

from fastopts.errors import ConfigError

try:
    import termios
    import tty
except ImportError:
    HAS_TERMIOS = False  # Windows
else:
    HAS_TERMIOS = True

__all__ = (
    "BACKSPACE",
    "DOWN",
    "END",
    "ESCAPE",
    "HOME",
    "LEFT",
    "PAGE_DOWN",
    "PAGE_UP",
    "RETURN",
    "RIGHT",
    "UP",
    "Keys",
    "keys",
)

UP, DOWN, RIGHT, LEFT = "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D"
HOME, END, PAGE_UP, PAGE_DOWN = "\x1b[H", "\x1b[F", "\x1b[5~", "\x1b[6~"
ESCAPE: Final = "\x1b"
RETURN: Final = ("\r", "\n")
BACKSPACE: Final = ("\x7f", "\b")

Keys = Callable[[float], list[str]]

# What other terminals send: tmux and screen, rxvt, and xterm in its application mode.
_SYNONYMS: Final = {
    **{f"\x1bO{letter}": f"\x1b[{letter}" for letter in "ABCDFH"},
    **{f"\x1b[{number}~": HOME for number in (1, 7)},
    **{f"\x1b[{number}~": END for number in (4, 8)},
}
# An escape sequence is one key, even when several keys arrive in one read.
_KEY: Final = re.compile(r"\x1b\[[\d;]*[A-Za-z~]|\x1bO[A-Za-z]|.", re.DOTALL)


@contextmanager
def keys() -> Iterator[Keys]:
    """Yield a function that waits up to a number of seconds, and returns the keys pressed.

    Ctrl-C raises KeyboardInterrupt, and SIGTERM ends the program. Ctrl-Z is off: the shell would
    get a terminal in the alternate screen, without echo. Raises ConfigError without a terminal.
    """
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise ConfigError("top needs a terminal; fastopts scan prints the same table once")
    if not HAS_TERMIOS:
        raise ConfigError("top needs a POSIX terminal; fastopts scan prints the same table once")
    if os.environ.get("TERM", "") in ("", "dumb", "unknown"):
        raise ConfigError(
            "top needs a terminal that can move its cursor: set TERM (fastopts scan prints the same"
            " table once)"
        )
    file = sys.stdin.fileno()
    before = termios.tcgetattr(file)
    previous = signal.signal(signal.SIGTERM, _end)
    try:
        tty.setcbreak(file)
        _ignore_suspend(file)
        yield lambda timeout_s: _read(file, timeout_s)
    finally:
        termios.tcsetattr(file, termios.TCSAFLUSH, before)
        # last: a SIGTERM before it still runs this block to its end
        signal.signal(signal.SIGTERM, previous)


def _ignore_suspend(file: int) -> None:
    attributes: list[Any] = termios.tcgetattr(file)
    attributes[6][termios.VSUSP] = b"\x00"
    termios.tcsetattr(file, termios.TCSANOW, attributes)


def _read(file: int, timeout_s: float) -> list[str]:
    ready, _, _ = select.select([file], [], [], timeout_s)
    if not ready:
        return []
    pressed = os.read(file, 1024)
    if not pressed:
        raise KeyboardInterrupt  # the terminal was closed
    found = _KEY.findall(pressed.decode(errors="replace"))
    return [_SYNONYMS.get(key, key) for key in found]


def _end(number: int, _: object) -> NoReturn:
    sys.exit(128 + number)  # as a shell reports it; unwinds through the block that restores
