"""One target in one process: `python -m tests.fuzz.worker TARGET SEED SECONDS EXECUTIONS`.

Ends when either is reached and prints its figures as JSON. Ends at the first difference with the
status 1 and a line that shows the input.
"""

import json
import sys
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.fuzz import build, corpus
from tests.fuzz.twins import COMPILED, LIFE, TARGETS

__all__ = ("FuzzDifference", "FuzzFigures", "fuzz", "replay")

STEP = 20_000  # executions between two looks at the clock
OUTCOMES = ("accepted", "declined", "partial", "different")
SCANS = ("ticker", "frames", "reply")


class FuzzDifference(AssertionError):
    """The code under test does not say what it has to."""


@dataclass
class FuzzFigures:
    """What a run did. *outcomes*: how many executions of a scan ended how."""

    target: str
    seed: int
    executions: int = 0
    compared_in_c: int = 0
    compared_with_twin: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    edges: int | None = None
    corpus: int = 0
    seconds: float = 0.0


def fuzz(name: str, seed: int, seconds: float, executions: int) -> FuzzFigures:
    """Run *name* until *seconds* or *executions* are over. Raises Difference."""
    fuzzer = fuzzer_of(name, seed)
    target = TARGETS[name](build.harness().Arena(), seed)
    figures = FuzzFigures(name, seed)
    start = time.monotonic()
    work = _scan if target.every else _drive
    while time.monotonic() - start < seconds and fuzzer.executions < executions:
        work(fuzzer, target, figures, min(STEP, executions - fuzzer.executions))
    figures.executions, figures.seconds = fuzzer.executions, time.monotonic() - start
    figures.edges, figures.corpus = fuzzer.edges, fuzzer.corpus_size
    figures.outcomes = dict(zip(OUTCOMES, fuzzer.outcomes, strict=True)) if target.every else {}
    if name == "ticker":  # what it leaves to the general path is nothing to compare
        figures.compared_in_c = figures.outcomes["accepted"]
    elif name == "reply":
        figures.compared_in_c = figures.executions
    return figures


def fuzzer_of(name: str, seed: int) -> Any:
    return build.harness().Fuzzer(name, seed, corpus.inputs(name), corpus.words(name), COMPILED)


def _scan(fuzzer: Any, target: Any, figures: FuzzFigures, count: int) -> None:
    sample, different = fuzzer.run(count, target.every)
    if different:
        raise FuzzDifference(f"not what the oracle says, input {different[0].hex()}")
    for data in sample:
        _check(target, [data])
    figures.compared_with_twin += len(sample)


def _drive(fuzzer: Any, target: Any, figures: FuzzFigures, count: int) -> None:
    past: list[bytes] = []
    for _ in range(min(count, 500)):
        past = [*past[1 - LIFE :], fuzzer.make()]
        _check(target, past)
        figures.compared_with_twin += 1


def _check(target: Any, past: list[bytes]) -> None:
    difference = target.check(past[-1])
    if difference:
        told = " ".join(data.hex() for data in reversed(past))
        raise FuzzDifference(f"{difference[:2000]}; input (then those before it) {told}")


def replay(name: str, data: bytes) -> None:
    """Run *name* over one input, placed at both ends of the arena. Raises Difference."""
    harness = build.harness()
    if name in SCANS:
        fuzzer = fuzzer_of(name, 0)
        if "different" in (fuzzer.replay(data), fuzzer.replay(data)):
            raise FuzzDifference(f"not what the oracle says, input {data.hex()}")
    for seed in range(3):
        _check(TARGETS[name](harness.Arena(), seed), [data])


def main() -> None:
    name, seed, seconds, executions = sys.argv[1:]
    try:
        figures = fuzz(name, int(seed), float(seconds), int(executions))
    except FuzzDifference as error:
        sys.exit(f"difference: {name}, seed {seed}: {error}")
    print(json.dumps(asdict(figures)))


if __name__ == "__main__":
    main()
