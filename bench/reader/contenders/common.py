"""The contender's side of a turn: the workload, and the loop that times calls."""

import dataclasses
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.failures import Failed, describe, reported
from bench.reader.figures import Turn, summarize_turn

__all__ = ("IV_MIN", "Call", "Workload", "serve")

IV_MIN = 0.5  # the bound of the scans
# Of a turn: since the last one, the other contenders have filled the CPU's caches.
WARM_UP = 0.1


@dataclass(frozen=True, slots=True)
class Workload:
    """The store to read and the symbols to read from it.

    *universe* has all symbols, *symbols* 100 of them from all over, *series* those of the nearest
    expiry of *asset*.
    """

    url: str
    venue: str
    asset: str
    series: list[str]
    symbols: list[str]
    universe: list[str]


@dataclass(frozen=True, slots=True)
class Call:
    """The call to time, and the check of its result."""

    run: Callable[[], Any]
    is_good: Callable[[Any], bool]


def serve(*calls: Callable[[Workload], Call]) -> None:
    """Prepare the call that the command line names; time it on request until stdin ends.

    An error in a turn is reported as its answer; one before the first turn ends the process.
    """
    reported(lambda: _serve(calls))


def _serve(calls: Sequence[Callable[[Workload], Call]]) -> None:
    workload = Workload(**json.loads(sys.stdin.readline()))
    [call] = [prepare(workload) for prepare in calls if prepare.__name__ == sys.argv[1]]
    _print({"ready": True})
    for line in sys.stdin:
        seconds, calls_min = line.split()
        try:
            answer = dataclasses.asdict(_turn(call, float(seconds), int(calls_min)))
        except Exception as error:  # noqa: BLE001 - as above
            answer = {"error": describe(error)}
        _print(answer)


def _turn(call: Call, seconds: float, calls_min: int) -> Turn:
    """Call for *seconds*, and at least *calls_min* times."""
    # Local names: the loop's own overhead is part of every duration.
    run, clock = call.run, time.perf_counter_ns
    until = clock() + round(seconds * WARM_UP * 1e9)
    while clock() < until:
        run()
    durations_ns: list[int] = []
    cpu_ns, now = time.process_time_ns(), clock()
    until = now + round(seconds * 1e9)
    while now < until or len(durations_ns) < calls_min:
        begin = clock()
        result = run()
        now = clock()
        durations_ns.append(now - begin)
    cpu_ns = time.process_time_ns() - cpu_ns
    # The last result only: checking each would cost time between the calls.
    if not call.is_good(result):
        raise Failed(f"unexpected result: {_excerpt(result)}")
    return summarize_turn(durations_ns, cpu_ns)


def _excerpt(result: object) -> str:
    """The falsy items of a list (the absent options), or else the beginning of *result*."""
    absent = [item for item in result if not item] if isinstance(result, list) else []
    return f"{absent or result!r:.300}"


def _print(answer: Mapping[str, Any]) -> None:
    print(json.dumps(answer), flush=True)
