"""`python -m tests.mutants`: how many of the catalogue are caught."""

import argparse
import sys
import tempfile
from pathlib import Path

from bench import results
from tests.mutants import runner
from tests.mutants.catalogue import ABSENT, MUTANTS, Mutant

ROOT = Path(__file__).parents[2]
WHAT = "bugs of other projects, put into the source one at a time: do the tests notice?"


def main() -> int:
    told = _arguments()
    chosen = tuple(m for m in MUTANTS if not told.numbers or m.number in told.numbers)
    faults = runner.check(ROOT, chosen)
    if faults:
        print("\n".join(faults))
        return 2
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "copy"
        runner.baseline(ROOT, copy, chosen)
        caught = {}
        for mutant, test in runner.run_all(copy, Path(name), chosen, told.jobs):
            print(f"{mutant.number:3} {mutant.name}: {test or 'SURVIVED'}", flush=True)
            caught[mutant.number] = test
    for number, reason in ABSENT.items():
        print(f"{number:3} {reason}")
    count = sum(map(bool, caught.values()))
    print(f"{count} of {len(chosen)} caught")
    if told.json is not None:
        _write(told.json, chosen, caught)
    return 0 if count == len(chosen) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=WHAT)
    parser.add_argument("numbers", type=int, nargs="*", help="these alone")
    parser.add_argument("--jobs", type=int, default=2, help="at a time")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    return parser.parse_args()


def _write(path: Path, chosen: tuple[Mutant, ...], caught: dict[int, str]) -> None:
    figures = {
        "mutants": len(chosen),
        "caught": sum(map(bool, caught.values())),
        "missed": len(chosen) - sum(map(bool, caught.values())),
        "by": {f"{m.number} {m.name}": caught[m.number] for m in chosen},
        "not_applicable": {str(number): reason for number, reason in ABSENT.items()},
    }
    results.write(path, WHAT, "make mutants", None, figures)


if __name__ == "__main__":
    sys.exit(main())
