"""What the rooms without I/O may not call, and what no room may: read from the source."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import fastopts

ROOT = Path(fastopts.__file__).parent
PURE = (
    "core",
    "session",
    "venues",
    "errors.py",
    "keys.py",
    "metrics.py",
    "model.py",
    "field_registry.py",
    "mcap_format.py",
)
BANNED_MODULES = {"asyncio", "select", "selectors", "socket", "ssl", "subprocess", "threading"}
BANNED_CALLS = {
    *("time.time", "time.time_ns", "time.monotonic", "time.monotonic_ns", "time.perf_counter"),
    *("time.sleep", "os.urandom", "open", "print", "datetime.now", "datetime.utcnow"),
    *("datetime.today", "date.today", "uuid.uuid4"),
}
SEEDED = {"random.Random"}  # the only thing of its module that a caller can seed
THE_CLOCK = Path("session/clocks.py"), "time.time_ns"
# A task group holds what it starts.
STARTERS = ("asyncio.create_task", "asyncio.ensure_future", "loop.create_task")


def sources(*rooms: str) -> list[Path]:
    """The Python files of these rooms, or of all."""
    found = sorted(ROOT.rglob("*.py"))
    return [path for path in found if not rooms or path.relative_to(ROOT).parts[0] in rooms]


def named(node: ast.expr) -> str:
    """The dotted name that *node* spells, as far as it is one."""
    if isinstance(node, ast.Attribute):
        return f"{named(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else "?"


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def impurities(source: str) -> set[str]:
    """The names in *source* that ask a clock, chance, or the world."""
    tree = ast.parse(source)
    modules = {name for name in imported(tree) if name.split(".")[0] in BANNED_MODULES}
    from_modules = {name for name in imported(tree) if name in BANNED_CALLS}
    calls = {named(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    chance = {
        name
        for name in {*calls, *imported(tree)}
        if name.startswith(("random.", "secrets.")) and name not in SEEDED
    }
    return modules | from_modules | (calls & BANNED_CALLS) | chance


def dropped_tasks(source: str) -> list[int]:
    """The lines of *source* that start a task and keep no hold of it."""
    calls = [n.value for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Expr)]
    return [
        call.lineno
        for call in calls
        if isinstance(call, ast.Call) and named(call.func).startswith(STARTERS)
    ]


@pytest.mark.parametrize("path", sources(*PURE), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_pure_room_asks_neither_clock_nor_chance_nor_the_world(path: Path) -> None:
    clock, call = THE_CLOCK
    allowed = {call} if path.relative_to(ROOT) == clock else set()
    assert impurities(path.read_text()) - allowed == set()


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_task_is_started_and_forgotten(path: Path) -> None:
    assert dropped_tasks(path.read_text()) == []


def test_the_lint_sees_what_it_is_for() -> None:
    source = """
import asyncio, random, time
from datetime import datetime
from time import monotonic
now = time.time() + random.random() + random.Random().random()
today = datetime.now()
asyncio.create_task(main())
held = asyncio.create_task(main())
group.create_task(main())
"""
    expected = {"asyncio", "time.time", "time.monotonic", "random.random", "datetime.now"}
    assert impurities(source) == expected
    assert dropped_tasks(source) == [7]
