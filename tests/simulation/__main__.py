"""`python -m tests.simulation --seeds 1000`, and `--seed 7` to see one again."""

import argparse
import logging
import os
import sys
from pathlib import Path

from bench import results
from tests.simulation import campaign, world
from tests.simulation.campaign import Campaign
from tests.simulation.world import SeedOutcome

WHAT = "random schedules of faults over whole collectors, under a virtual clock"


def main() -> int:
    told = _arguments()
    _fix_hashes()
    if told.seed is not None:
        return _one(told.seed)
    total = Campaign()
    for outcome in campaign.run_many(told.first, told.seeds, told.seconds, told.jobs):
        total.add(outcome)
        if outcome.broken:
            print(_story(outcome))
    figures = total.figures()
    print(
        f"{figures['seeds']} seeds, {figures['virtual_hours']} virtual hours,"
        f" {sum(figures['faults'].values())} faults of {len(figures['faults'])} kinds:"
        f" {figures['violations']} violations"
    )
    if told.json is not None:
        _write(told.json, told.first, figures)
    return 1 if total.broken else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=WHAT)
    parser.add_argument("--seed", type=int, help="this one alone, with the collector's log")
    parser.add_argument("--seeds", type=int, help="so many (default: 100, or as time allows)")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first of them")
    parser.add_argument("--seconds", type=float, help="begin no more after so many")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    told = parser.parse_args()
    if told.seeds is None and told.seconds is None:
        told.seeds = 100
    return told


def _fix_hashes() -> None:
    """Begin again with a fixed order of sets, without which no seed repeats."""
    if os.environ.get("PYTHONHASHSEED") != "0":
        os.environ["PYTHONHASHSEED"] = "0"
        os.execv(sys.executable, [sys.executable, "-m", "tests.simulation", *sys.argv[1:]])


def _one(seed: int) -> int:
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    logging.getLogger("websockets").setLevel(logging.CRITICAL)
    outcome = world.run(seed)
    for fault in outcome.plan:
        print(f"{fault.at:8.2f} s  {fault.kind}, for {fault.lasts_s:.1f} s")
    print(_story(outcome) if outcome.broken else f"all promises kept, {outcome.virtual_s:.0f} s")
    return 1 if outcome.broken else 0


def _story(outcome: SeedOutcome) -> str:
    kinds = ", ".join(fault.kind for fault in outcome.plan)
    return f"BROKEN: {outcome.broken}\n  faults: {kinds}\n  REPRO: {_command(outcome.seed)}"


def _command(seed: int) -> str:
    return f"python -m tests.simulation --seed {seed}"


def _write(path: Path, first: int, figures: dict[str, object]) -> None:
    command = f"python -m tests.simulation --from {first} --seeds {figures['seeds']}"
    results.write(path, WHAT, command, first, figures)


if __name__ == "__main__":
    sys.exit(main())
