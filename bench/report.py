"""Prints each part as soon as it is there; or, as JSON, all of it at the end."""

import dataclasses
import json
from typing import Any

from bench import table
from bench.goals import Goal

__all__ = ("Report",)


class Report:
    def __init__(self, is_json: bool) -> None:
        self._is_json = is_json
        self._parts: dict[str, Any] = {}

    def add(self, name: str, part: Any, text: str) -> None:
        """Add a part, or replace the one of that name: as data, and as text."""
        self._parts[name] = part
        if not self._is_json:
            print(f"{text}\n", flush=True)

    def end(self, goals: list[Goal]) -> None:
        """Add the goals."""
        self.add("goals", list(map(_goal, goals)), table.goals(goals))
        if self._is_json:
            print(json.dumps(self._parts, indent=1, default=dataclasses.asdict))


def _goal(goal: Goal) -> dict[str, Any]:
    return dataclasses.asdict(goal) | {"is_met": goal.is_met}
