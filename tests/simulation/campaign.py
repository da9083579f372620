"""Many seeds, over the processors there are, and what they add up to."""

import hashlib
import logging
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from tests.simulation import world
from tests.simulation.world import SeedOutcome

__all__ = ("Campaign", "quiet", "run_many")

CHUNK = 20  # seeds that a process takes at a time


@dataclass
class Campaign:
    """The sum of outcomes. *reached* counts the faults, events and rejections that occurred."""

    seeds: int = 0
    steps: int = 0
    virtual_s: float = 0.0
    reached: Counter[str] = field(default_factory=Counter)
    broken: list[SeedOutcome] = field(default_factory=list)
    digests: dict[int, str] = field(default_factory=dict)

    def add(self, outcome: SeedOutcome) -> None:
        self.seeds += 1
        self.steps += outcome.steps
        self.virtual_s += outcome.virtual_s
        self.reached += outcome.reached
        self.digests[outcome.seed] = outcome.digest
        if outcome.broken:
            self.broken.append(outcome)

    def figures(self) -> dict[str, Any]:
        """What is published of it."""
        marked = "fault "
        return {
            "seeds": self.seeds,
            "steps": self.steps,
            "virtual_hours": round(self.virtual_s / 3600, 2),
            "faults": {
                name.removeprefix(marked): count
                for name, count in sorted(self.reached.items())
                if name.startswith(marked)
            },
            "reached": {
                name: count
                for name, count in sorted(self.reached.items())
                if count and not name.startswith(marked)
            },
            "violations": len(self.broken),
            "fingerprint": self.fingerprint(),
        }

    def fingerprint(self) -> str:
        """The same for the same seeds and rules, whatever the core they ran on."""
        return hashlib.sha256(repr(sorted(self.digests.items())).encode()).hexdigest()[:16]


def run_many(
    first: int, count: int | None, seconds: float | None, jobs: int
) -> Iterator[SeedOutcome]:
    """Run *count* seeds from *first* on, or as many as begin within *seconds*."""
    deadline = None if seconds is None else time.monotonic() + seconds
    chunks = _chunks(first, count)
    if jobs == 1:
        for chunk in chunks:
            if deadline is not None and time.monotonic() > deadline:
                return
            yield from _run_chunk(chunk)
        return
    with ProcessPoolExecutor(jobs) as pool:
        waiting = {pool.submit(_run_chunk, chunk) for chunk in islice(chunks, jobs)}
        while waiting:
            done, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                is_late = deadline is not None and time.monotonic() > deadline
                following = None if is_late else next(chunks, None)
                if following is not None:
                    waiting.add(pool.submit(_run_chunk, following))
                yield from future.result()


def quiet() -> None:
    """Nobody reads what the collectors log."""
    for name in ("fastopts", "websockets", "asyncio"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _chunks(first: int, count: int | None) -> Iterator[range]:
    at = first
    while count is None or at < first + count:
        end = at + CHUNK if count is None else min(at + CHUNK, first + count)
        yield range(at, end)
        at = end


def _run_chunk(seeds: range) -> list[SeedOutcome]:
    quiet()
    return [world.run(seed) for seed in seeds]
