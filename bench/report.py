"""Prints each part as soon as it is there; or, as JSON, all of it at the end. A part that can't be
measured is reported as such, and the others follow."""

import dataclasses
import json
import sys
from collections.abc import Callable
from typing import Any, Final

from bench import table
from bench.failures import describe
from bench.goals import Goal
from fastopts.errors import FastoptsError

__all__ = ("Report",)


# What a shared machine, a venue or a server may do to a measurement; anything else is a bug.
FAULTS: Final = (RuntimeError, OSError, ValueError, KeyError, FastoptsError)


class Report:
    def __init__(self, is_json: bool) -> None:
        self._is_json = is_json
        self._parts: dict[str, Any] = {}
        self._faults: dict[str, str] = {}

    def attempt(self, name: str, measure: Callable[[], list[Goal]]) -> list[Goal]:
        """Return the goals that *measure* returns; none where it fails, which is reported."""
        try:
            return measure()
        except FAULTS as error:
            self._faults[name] = describe(error)
            self.add("faults", self._faults, f"{name}: NOT MEASURED: {self._faults[name]}")
            return []

    def add(self, name: str, part: Any, text: str) -> None:
        """Add a part, or replace the one of that name: as data, and as text."""
        self._parts[name] = part
        if not self._is_json:
            print(f"{text}\n", flush=True)

    def end(self, goals: list[Goal]) -> int:
        """Add the goals; return the exit code: 1 when a part was not measured."""
        self.add("goals", list(map(_goal, goals)), table.goals(goals))
        if self._is_json:
            print(json.dumps(self._parts, indent=1, default=dataclasses.asdict))
        for name, fault in self._faults.items():
            print(f"{name}: not measured: {fault}", file=sys.stderr)
        return 1 if self._faults else 0


def _goal(goal: Goal) -> dict[str, Any]:
    return dataclasses.asdict(goal) | {"is_met": goal.is_met}
