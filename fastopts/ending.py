"""The end of a program after an error: one line on standard error, and the exit code.

Exit codes: 0 success; 1 failure; 2 usage or configuration error; 130 interrupted. Every entry point
maps errors by this table; an error that is not in `EXPECTED` is a bug and keeps its traceback.
"""

from typing import Final

from fastopts import stdio
from fastopts.errors import BadInput, ConfigError, FastoptsError, one_line

__all__ = ("EXPECTED", "complain", "exit_code")

INTERRUPTED: Final = 130  # 128 + SIGINT, as in a shell
EXPECTED: Final = (FastoptsError, ImportError, OSError, KeyboardInterrupt)


def exit_code(error: BaseException) -> int:
    """Print *error* unless it is the user's interrupt; return the exit code."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    return complain(error, 2 if isinstance(error, BadInput | ConfigError) else 1)


def complain(error: object, code: int) -> int:
    """Print *error* in one line, in the terms of the command line; return *code*."""
    text = error.worded("command") if isinstance(error, FastoptsError) else str(error)
    stdio.complain(f"fastopts: {one_line(text)}")
    return code
