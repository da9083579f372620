"""Rounds of faults that overlap; after each, everything must be as if nothing had happened."""

import argparse
import contextlib
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field

from bench import results
from tests.chaos.faults import FAULTS
from tests.chaos.system import System
from tests.chaos.verdict import judge
from tests.chaos.witness import Witness

__all__ = ("ChaosOutcome", "run")

AT_ONCE_MAX = 4
START_WITHIN_S = 3.0
SHORT_S = (0.1, 4.0)
LONG_S = (8.0, 25.0)
LONG_SHARE = 0.1
SHOWN_MAX = 5
MUTE = "venue is mute"
TICK_WITHIN_S = 120.0


@dataclass(frozen=True, slots=True)
class Plan:
    """One fault of a round, in seconds from the round's beginning."""

    name: str
    begins_s: float
    ends_s: float


@dataclass(slots=True)
class ChaosOutcome:
    rounds: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    recovery_s: list[float] = field(default_factory=list)
    exits: int = 0
    reads: int = 0
    reads_live: int = 0
    violations: list[str] = field(default_factory=list)


def plan(seed: int, number: int) -> list[Plan]:
    """The faults of round *number*: the same for the same seed."""
    luck = random.Random(f"{seed}:{number}")
    plans = []
    for name in luck.sample(sorted(FAULTS), luck.randint(1, AT_ONCE_MAX)):
        begins_s = luck.uniform(0, START_WITHIN_S)
        length_s = luck.uniform(*(LONG_S if luck.random() < LONG_SHARE else SHORT_S))
        plans.append(Plan(name, begins_s, begins_s + length_s))
    return plans


def run(seed: int, numbers: range) -> ChaosOutcome:
    """Run the rounds *numbers*, all on one system."""
    outcome = ChaosOutcome()
    with System(seed) as system:
        faults, _ = judge(system)
        outcome.violations += [f"before the first round: {fault}" for fault in faults]
        with Witness(system, seed) as witness:
            for number in numbers:
                _round(system, seed, number, outcome)
        outcome.reads, outcome.reads_live = witness.reads, witness.live
        outcome.violations += witness.lies
        outcome.exits = sum(len(collector.exits) for collector in system.collectors)
    return outcome


def _round(system: System, seed: int, number: int, outcome: ChaosOutcome) -> None:
    plans = plan(seed, number)
    _say(
        f"round {number}: "
        + "; ".join(f"{p.name} {p.begins_s:.1f}-{p.ends_s:.1f} s" for p in plans)
    )
    _suffer(system, plans, random.Random(f"{seed}:{number}:luck"))
    system.heal()
    outcome.rounds += 1
    outcome.faults.update(p.name for p in plans)
    if MUTE in (p.name for p in plans):
        _until_all_ticked(system)
    faults, recovery_s = judge(system)
    outcome.recovery_s.append(recovery_s)
    _say(f"  live again after {recovery_s:.1f} s")
    if faults:
        words = "; ".join(faults[:SHOWN_MAX]) + f" ({len(faults)} in all)"
        _say(f"  VIOLATION {words}")
        repeat = f"REPRO: python -m tests.chaos --seed {seed} --from {number} --rounds 1"
        outcome.violations.append(f"{repeat}: {words}")


def _until_all_ticked(system: System) -> None:
    """What a mute venue did not send, nobody can know before the next tick."""
    before = system.venue.last()
    deadline = time.monotonic() + TICK_WITHIN_S
    while time.monotonic() < deadline:
        now = system.venue.last()
        if all(s not in now or now[s]["ts"] > frame["ts"] for s, frame in before.items()):
            return
        time.sleep(0.1)


def _suffer(system: System, plans: list[Plan], luck: random.Random) -> None:
    """Let each fault begin and end when it is due."""
    blocks = {p.name: contextlib.ExitStack() for p in plans}
    due = [(p.begins_s, True, p.name) for p in plans] + [(p.ends_s, False, p.name) for p in plans]
    started = time.monotonic()
    for at_s, begins, name in sorted(due):
        time.sleep(max(0.0, started + at_s - time.monotonic()))
        if begins:
            blocks[name].enter_context(FAULTS[name](system, luck))
        else:
            blocks[name].close()


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--from", type=int, default=0, dest="first", help="number of a round")
    parser.add_argument("--keep", action="store_true", help="write the result to reliability/")
    given = parser.parse_args()
    outcome = run(given.seed, range(given.first, given.first + given.rounds))
    recovery_s = sorted(outcome.recovery_s)
    figures = {
        "rounds": outcome.rounds,
        "faults": outcome.faults.total(),
        "kinds_of_fault": len(outcome.faults),
        "collectors_ended_and_started": outcome.exits,
        "reads": outcome.reads,
        "reads_live": outcome.reads_live,
        "recovery_s_median": round(recovery_s[len(recovery_s) // 2], 1),
        "recovery_s_max": round(recovery_s[-1], 1),
        "violations": len(outcome.violations),
    }
    if given.keep:
        what = "real processes under overlapping faults; after each round every hash, record and"
        what += " counter is checked, and a reader looks for lies all the time"
        command = f"python -m tests.chaos --rounds {given.rounds} --seed {given.seed}"
        results.write(results.FOLDER / "chaos.json", what, command, given.seed, figures)
    results.end(figures, outcome.violations)


if __name__ == "__main__":
    main()
