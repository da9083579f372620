"""Writes RELIABILITY.md out of the results in `reliability/`; `make reliability` renews the table.

python -m docs.make_reliability [REPORT]

REPORT is pytest's `--junitxml` of tests/faults: with it `reliability/faults.json` is written first.
"""

import json
import operator
import re
import sys
import xml.etree.ElementTree as ET
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench import results
from bench.results import FOLDER
from tests.faults.catalogue import FAULTS, GROUPS, NOT_PROVED

__all__ = ("page", "result")

PAGE = FOLDER.parent / "RELIABILITY.md"
IDS = re.compile(r"test_((?:[A-Z]{2}_\d\d_(?:and_)?)+)")
ID = re.compile(r"([A-Z]{2})_(\d\d)")
INTRODUCTION = """\
# What fastopts survives, and how that is known

Written by `make reliability` out of the results in `reliability/`: no number here was typed. Each
result names the command that repeats it, the machine, the commit and the seed. Where nothing went
wrong in N trials, the true rate may still be as high as 3/N (95 %).

## Promises

1. **No lie.** A reader knows how old a value is and whether the feed behind it is alive; else it
   gets an error with the reason. Absence is never 0. Simulated data always says so.
2. **No loss of state.** The newest accepted tick of every symbol reaches Redis, through any outage
   of either side. What newer ticks replaced is counted:
   `received = applied + older + rejected`, `applied = written + conflated + pending`.
3. **Bounded.** Memory is bounded by the number of symbols, whatever the outage lasts.

Not promised: that every tick is kept (the newest of a symbol wins), and that Redis keeps what it
acknowledged. When it comes back empty or older, everything is written again.
"""


@dataclass(frozen=True, slots=True)
class Section:
    """A result's place on the page. *zero* names the figure that should be 0, *trials* its N;
    *at_most* and *at_least* are goals."""

    name: str
    title: str
    zero: str = ""
    trials: str = ""
    at_most: Mapping[str, float] = field(default_factory=dict)
    at_least: Mapping[str, float] = field(default_factory=dict)

    def goal(self, name: str, figure: Any) -> str:
        """What was wanted of *figure*, and whether it was met."""
        for words, goals, is_met in (
            ("at most", self.at_most, operator.le),
            ("at least", self.at_least, operator.ge),
        ):
            if name in goals:
                verdict = "met" if is_met(figure, goals[name]) else "MISSED"
                return f"{words} {goals[name]:,}: {verdict}"
        return ""


SAID = ("target", "seed")  # beside the table
RECOVERY_MS = {
    "one_connection_ms_p99": 2000,
    "all_connections_ms_p99": 2000,
    "emptied_redis_ms_p99": 1000,
}
COVERED = {"pure_lines_and_branches_percent": 100, "compiled_lines_percent": 95}

SECTIONS = (
    Section("load", "Load held", "mismatches", "compared", at_least={"checkpoints": 100}),
    Section("soak", "Memory over time", "mismatches", "checkpoints", {"rss_mib_an_hour": 1}),
    Section("recovery", "Recovery", at_most=RECOVERY_MS),
    Section("kills", "Killed in the middle of a flush", "torn", "kills", at_least={"kills": 2000}),
    Section("takeover", "A standby takes over", "old_writes", "turns", {"takeover_ms_max": 3000}),
    Section("chaos", "Chaos over real processes", "violations", "rounds"),
    Section("simulation", "Simulation under a virtual clock", "violations", "seeds"),
    Section(
        *("fuzz", "Fuzzing", "crashes_and_differences", "executions"),
        at_least={"executions": 100_000_000},
    ),
    Section("mutants", "Seeded bugs", "missed", "mutants", at_least={"caught": 20}),
    Section("coverage", "Coverage", at_least=COVERED),
    Section("asan", "Sanitizers", "sanitizer_reports", "passed"),
)


def page() -> str:
    """The whole page."""
    results = [(section, result(section.name)) for section in SECTIONS]
    parts = [INTRODUCTION, *_faults(result("faults"))]
    parts += [_section(section, found) for section, found in results if found]
    missing = [section.title for section, found in results if not found]
    if missing:
        parts.append(f"## Not measured yet\n\n{', '.join(missing)}.\n")
    return "\n".join(parts)


def result(name: str) -> dict[str, Any]:
    """The last result of that *name*; an empty one if there is none."""
    path = FOLDER / f"{name}.json"
    return json.loads(path.read_bytes()) if path.exists() else {}


def _faults(result: Mapping[str, Any]) -> Iterable[str]:
    if not result:
        return
    proved: dict[str, int] = result["figures"]["passed"]
    failed: dict[str, int] = result["figures"]["failed"]
    apply = len(FAULTS) - len(NOT_PROVED)
    yield (
        f"## Faults survived\n\n{len(proved.keys() - failed.keys())} of the {len(FAULTS)} faults of"
        f" the catalogue have automatic tests that pass ({sum(proved.values())} tests);"
        f" {len(failed)} fail, {len(NOT_PROVED)} are not proved, see below.\n"
        if apply
        else ""
    )
    yield _origin(result)
    for prefix, title in GROUPS.items():
        rows = [i for i in FAULTS if i.startswith(prefix) and i in proved.keys() | failed.keys()]
        if rows:
            yield f"### {prefix}: {title}\n\n| ID | fault | tests |\n|---|---|---|"
            yield "\n".join(_row(i, proved.get(i, 0), failed.get(i, 0)) for i in rows) + "\n"
    reasons = defaultdict(list)
    for i, reason in NOT_PROVED.items():
        reasons[reason].append(i)
    if reasons:
        lines = [f"- {', '.join(ids)}: {reason}." for reason, ids in reasons.items()]
        yield "### Not proved\n\n" + "\n".join(lines) + "\n"


def _row(fault: str, passed: int, failed: int) -> str:
    words = f"{failed} of {passed + failed} FAIL" if failed else str(passed)
    return f"| {fault} | {FAULTS[fault]} | {words} |"


def _section(section: Section, result: Mapping[str, Any]) -> str:
    figures = result["figures"]
    plain = {name: figure for name, figure in figures.items() if not isinstance(figure, Mapping)}
    lines = [f"## {section.title}\n", f"{_sentence(result['what'])}\n"]
    lines += ["| | | goal |", "|---|---|---|"]
    lines += [
        f"| {_words(name)} | {_text(figure)} | {section.goal(name, figure)} |"
        for name, figure in plain.items()
    ]
    if section.zero and figures.get(section.zero) == 0 and figures.get(section.trials):
        bound = 3 / figures[section.trials]
        words = f"{_words(section.zero).capitalize()}: none in {figures[section.trials]:,}"
        lines.append(f"\n{words}, so below {bound:.1g} (95 %).")
    for name, figure in figures.items():
        if isinstance(figure, Mapping) and figure:
            lines += ["", _details(_words(name), figure)]
    return "\n".join([*lines, "", _origin(result)])


def _details(title: str, figures: Mapping[str, Any]) -> str:
    """A table to unfold; a column for each name, where every figure is a mapping."""
    rows = list(figures.items())
    if all(isinstance(figure, Mapping) for _, figure in rows):
        first = rows[0][1]
        names = [n for n in first if n not in SAID and not isinstance(first[n], Mapping)]
        head = f"| | {' | '.join(map(_words, names))} |"
        lines = [[name, *(_text(figure[n]) for n in names)] for name, figure in rows]
    else:
        names, head = [""], "| | |"
        lines = [[_words(name), _text(figure)] for name, figure in rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    rule = "|---" * (len(names) + 1) + "|"
    return (
        f"<details><summary>{title}: {len(rows)}</summary>\n\n{head}\n{rule}\n{table}\n\n</details>"
    )


def _origin(result: Mapping[str, Any]) -> str:
    seed = "" if result["seed"] is None else f", seed {result['seed']}"
    when = f"{result['date']}, commit {result['commit']}{seed}"
    return f"`{result['command']}`, {when}; {result['machine']}.\n"


def _sentence(words: str) -> str:
    end = "" if words.endswith((".", "?")) else "."
    return f"{words[0].upper()}{words[1:]}{end}"


def _words(name: str) -> str:
    return name if "/" in name else name.replace("_", " ")


def _text(figure: object) -> str:
    if isinstance(figure, float):
        return f"{round(figure, 2):,}"
    if isinstance(figure, int):
        return f"{figure:,}"
    if isinstance(figure, list):
        return ", ".join(map(str, figure)) or "none"
    return "" if figure is None else str(figure)


def _outcomes(report: Path) -> dict[str, dict[str, int]]:
    """Counts of tests by fault, from pytest's report. A skipped test proves nothing."""
    outcomes: dict[str, dict[str, int]] = {"passed": {}, "failed": {}}
    for case in ET.parse(report).iter("testcase"):  # noqa: S314 - our own file
        found = IDS.match(case.get("name", ""))
        if found is None or case.find("skipped") is not None:
            continue
        is_bad = case.find("failure") is not None or case.find("error") is not None
        counts = outcomes["failed" if is_bad else "passed"]
        for group, number in ID.findall(found[1]):
            counts[f"{group}-{number}"] = counts.get(f"{group}-{number}", 0) + 1
    return outcomes


def main() -> None:
    if len(sys.argv) > 1:
        what = "tests that provoke each fault"
        outcomes = _outcomes(Path(sys.argv[1]))
        results.write(FOLDER / "faults.json", what, "make reliability", None, outcomes)
    PAGE.write_text(page())


if __name__ == "__main__":
    main()
