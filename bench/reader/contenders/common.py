"""A contender's side of the conversation: the market it is given, the calls it times."""

import dataclasses
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bench.failures import Failed, describe, reported
from bench.reader.figures import Window, window

__all__ = ("IV_MIN", "Call", "Market", "serve")

IV_MIN = 0.5  # what scans look for
WARM_UP = 0.1  # of a turn: the others have been at the caches


@dataclass(frozen=True, slots=True)
class Market:
    """Where to read what: *everything* is listed, *symbols* are 100 of it, from all over, *series*
    is what delivers first of *asset*."""

    url: str
    venue: str
    asset: str
    series: list[str]
    symbols: list[str]
    everything: list[str]


@dataclass(frozen=True, slots=True)
class Call:
    """What is timed; and whether an answer is a good one."""

    run: Callable[[], Any]
    is_good: Callable[[Any], bool]


def serve(*calls: Callable[[Market], Call]) -> None:
    """Prepare the call that the command line names; take turns at it until stdin ends.

    An error of a turn is its answer; one before the first turn ends the process.
    """
    reported(lambda: _serve(calls))


def _serve(calls: Sequence[Callable[[Market], Call]]) -> None:
    market = Market(**json.loads(sys.stdin.readline()))
    [call] = [prepare(market) for prepare in calls if prepare.__name__ == sys.argv[1]]
    _say({"ready": True})
    for line in sys.stdin:
        seconds, least = line.split()
        try:
            answer = dataclasses.asdict(_turn(call, float(seconds), int(least)))
        except Exception as error:  # noqa: BLE001 - as above
            answer = {"error": describe(error)}
        _say(answer)


def _turn(call: Call, seconds: float, least: int) -> Window:
    """Call for *seconds*, and *least* times in any case."""
    run, clock = call.run, time.perf_counter_ns
    until = clock() + round(seconds * WARM_UP * 1e9)
    while clock() < until:
        run()
    durations_ns: list[int] = []
    cpu_ns, now = time.process_time_ns(), clock()
    until = now + round(seconds * 1e9)
    while now < until or len(durations_ns) < least:
        begin = clock()
        answer = run()
        now = clock()
        durations_ns.append(now - begin)
    cpu_ns = time.process_time_ns() - cpu_ns
    if not call.is_good(answer):
        raise Failed(f"no good answer: {_excerpt(answer)}")
    return window(durations_ns, cpu_ns)


def _excerpt(answer: object) -> str:
    """What is wrong with an *answer*: what is absent from it, or else its beginning."""
    absent = [one for one in answer if not one] if isinstance(answer, list) else []
    return f"{absent or answer!r:.300}"


def _say(answer: Mapping[str, Any]) -> None:
    print(json.dumps(answer), flush=True)
