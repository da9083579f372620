"""Copies of the tree, one with each mutant, and whether its tests fail there."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from tests.mutants.catalogue import Edit, Mutant

__all__ = ("Uncatchable", "baseline", "check", "mutate", "run_all")

EITHER_CORE = ("not pure", "not compiled")  # by the names of the tests' parameters
TESTS_FAILED = 1  # pytest's exit code; others mean that there was no test to fail
BUILD = (sys.executable, "setup.py", "build_ext", "--inplace")


class Uncatchable(Exception):
    """The mutant, or the tree without it, is not what it is to be."""


def check(root: Path, mutants: tuple[Mutant, ...]) -> list[str]:
    """What is wrong with the catalogue, against the tree at *root*."""
    return [
        f"{mutant.number}: {edit.path} holds {count} times what it is to replace: {edit.old!r}"
        for mutant in mutants
        for edit in mutant.edits
        if (count := (root / edit.path).read_text().count(edit.old)) != 1
    ]


def baseline(root: Path, copy: Path, mutants: tuple[Mutant, ...]) -> None:
    """Build a *copy* of what git knows of *root*; all tests that are to fail must pass there.

    Raises Uncatchable.
    """
    named = subprocess.run(
        ["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True
    )
    for name in filter(None, named.stdout.split("\0")):
        target = copy / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, target)
    _build(copy)
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    done = _pytest(copy, tests)
    if done.returncode:
        raise Uncatchable(f"the tests fail without a mutant:\n{done.stdout[-3000:]}")


def run_all(
    copy: Path, places: Path, mutants: tuple[Mutant, ...], jobs: int
) -> Iterator[tuple[Mutant, str]]:
    """Yield each mutant with the test that caught it, or with an empty text."""
    with ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(mutate, copy, places / str(m.number), m): m for m in mutants}
        for future in as_completed(running):
            yield running[future], future.result()


def mutate(copy: Path, place: Path, mutant: Mutant) -> str:
    """Return the test that fails for *mutant* in a copy of *copy* at *place*; "" for none.

    Raises Uncatchable when the tests can't be run.
    """
    shutil.copytree(copy, place)
    try:
        for edit in mutant.edits:
            _apply(place, edit)
        if not any(edit.path.endswith(".pyx") for edit in mutant.edits):
            return _caught(place, mutant)
        _build(place)
        found = [_caught(place, mutant, "-k", which) for which in EITHER_CORE]
        return " and ".join(found) if all(found) else ""
    finally:
        shutil.rmtree(place)


def _caught(place: Path, mutant: Mutant, *options: str) -> str:
    done = _pytest(place, (*options, *mutant.tests))
    if done.returncode == 0:
        return ""
    if done.returncode > TESTS_FAILED:
        raise Uncatchable(f"{mutant.number}: no test ran:\n{done.stdout[-2000:]}")
    return _failed(done.stdout)


def _apply(place: Path, edit: Edit) -> None:
    path = place / edit.path
    path.write_text(path.read_text().replace(edit.old, edit.new))


def _build(place: Path) -> None:
    done = subprocess.run(BUILD, cwd=place, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Uncatchable(f"{place} can't be built:\n{done.stderr[-2000:]}")


def _pytest(place: Path, tests: tuple[str, ...] | list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "--tb=line", *tests],
        cwd=place,
        env=os.environ | {"PYTHONPATH": str(place)},
        capture_output=True,
        text=True,
        check=False,
    )


def _failed(output: str) -> str:
    """The test that failed first, as pytest's summary names it."""
    ends = output.rpartition("short test summary info")[2].splitlines()
    lines = [line for line in ends if line.startswith(("FAILED ", "ERROR "))]
    return lines[0].split(" ", 1)[1].split(" - ")[0] if lines else "the process died"
