"""Failures of a measurement: raised, reported by worker processes, and retried.

A worker process writes `{"error": "..."}` instead of its answer, and `bench.worker_process` raises
that as `Failed`. A shared machine may stall a process for seconds, and a reader then rightly
refuses stale values: such a turn is repeated a few times before the part counts as not measured.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Final, TypeVar

__all__ = ("ATTEMPTS", "Failed", "describe", "reported", "retried")

T = TypeVar("T")

ATTEMPTS: Final = 5
PAUSE_S: Final = 1.0


class Failed(RuntimeError):
    """A part can't be measured; the message names the process and the error."""


def describe(error: BaseException) -> str:
    """Return the error's type and message on one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def reported(main: Callable[[], None]) -> None:
    """Run *main* in a worker process; report an exception as its answer, and exit with 1."""
    try:
        main()
    except Exception as error:  # noqa: BLE001 - the parent raises it, whatever it is
        print(json.dumps({"error": describe(error)}), flush=True)
        sys.exit(1)


def retried(turn: Callable[[], T], name: str, pause_s: float = PAUSE_S) -> T:
    """Call *turn* until it does not raise Failed, at most ATTEMPTS times; return its result."""
    for retries_left in reversed(range(ATTEMPTS)):
        try:
            return turn()
        except Failed as error:
            if not retries_left:
                raise
            print(f"{name}: {error}; retrying", file=sys.stderr, flush=True)
            # A stall of the machine ends within seconds; the next attempt must not fall into it.
            time.sleep(pause_s)
    raise AssertionError
