"""How a program ends after an error: one line on the standard error, and its exit code.

0 done; 1 not done; 2 an argument or a setting is wrong; 130 interrupted. Every entry point maps
errors by this table; an error that is not in `EXPECTED` is a bug and keeps its traceback.
"""

from typing import Final

from fastopts import stdio
from fastopts.errors import BadInput, ConfigError, FastoptsError, one_line

__all__ = ("EXPECTED", "complain", "exit_code")

INTERRUPTED: Final = 130  # what a shell makes of SIGINT
EXPECTED: Final = (FastoptsError, ImportError, OSError, KeyboardInterrupt)


def exit_code(error: BaseException) -> int:
    """Print *error* unless it is the user's interrupt; return the code to exit with."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    return complain(error, 2 if isinstance(error, BadInput | ConfigError) else 1)


def complain(error: object, code: int) -> int:
    """Print *error* in one line, as the user of a command knows things; return *code*."""
    text = error.worded("command") if isinstance(error, FastoptsError) else str(error)
    stdio.complain(f"fastopts: {one_line(text)}")
    return code
