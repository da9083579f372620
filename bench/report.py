"""The report of a bench: its parts as text, each when it is complete, or all as JSON at the end.

A part that can't be measured is reported as such, and the bench continues with the others.
"""

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


# Failures caused by a shared machine, a venue or a server; any other exception is a bug.
FAULTS: Final = (RuntimeError, OSError, ValueError, KeyError, FastoptsError)


class Report:
    """Collects the parts of a report; prints each at once, or all of them as JSON."""

    def __init__(self, is_json: bool) -> None:
        self._is_json = is_json
        self._parts: dict[str, Any] = {}
        self._faults: dict[str, str] = {}

    def attempt(self, name: str, measure: Callable[[], list[Goal]]) -> list[Goal]:
        """Return the goals of *measure*; report a failure of it, and return none."""
        try:
            return measure()
        except FAULTS as error:
            self._faults[name] = describe(error)
            self.add("faults", self._faults, f"{name}: NOT MEASURED: {self._faults[name]}")
            return []

    def add(self, name: str, part: Any, text: str) -> None:
        """Add a part, or replace the one of this name: *part* for JSON, *text* for the terminal."""
        self._parts[name] = part
        if not self._is_json:
            print(f"{text}\n", flush=True)

    def end(self, goals: list[Goal]) -> int:
        """Add the goals and finish the report; return the exit code, 1 if a part is missing."""
        # A missed goal is no failure: on a shared machine that is for the reader to judge.
        self.add("goals", list(map(_goal, goals)), table.goals(goals))
        if self._is_json:
            # At the end, as one document: a part may be replaced when it is added again.
            print(json.dumps(self._parts, indent=1, default=dataclasses.asdict))
        for name, fault in self._faults.items():
            print(f"{name}: not measured: {fault}", file=sys.stderr)
        return 1 if self._faults else 0


def _goal(goal: Goal) -> dict[str, Any]:
    return dataclasses.asdict(goal) | {"is_met": goal.is_met}
