"""The import table: which packages and modules may import which."""

import ast
import re
from pathlib import Path

import pytest

import fastopts

ROOT = Path(fastopts.__file__).parent
PLAIN = (
    *("clock", "ending", "errors", "model", "keys", "config", "files", "loops", "metrics"),
    *("contract", "hosts", "logs", "stdio", "field_registry", "display_rules", "mcap_format"),
    "numerals",
    "number_format",
)
EVERYTHING = None

# package or module -> those of fastopts that it may import, beside itself
TABLE: dict[str, tuple[str, ...] | None] = {
    "": ("reader", "history"),  # for its names, which are imported when they are used
    **dict.fromkeys(PLAIN, ("errors",)),
    "field_registry": ("display_rules",),
    "number_format": ("display_rules",),
    "model": ("errors", "keys"),
    "config": ("errors", "numerals"),
    "ending": ("errors", "stdio"),
    "command_line": ("ending", "errors", "numerals", "stdio"),
    "embedded": PLAIN,
    "core": PLAIN,
    "venues": (*PLAIN, "core"),
    "session": (*PLAIN, "core"),
    "net": ("clock", "errors", "hosts"),
    "capture": (*PLAIN, "core"),
    "replay": (*PLAIN, "core", "capture", "venues"),
    "history": (*PLAIN, "core", "capture", "reader", "replay"),
    "collector": (*PLAIN, "embedded", "core", "capture", "venues", "session", "net"),
    "reader": (*PLAIN, "core", "net"),
    "compat": (*PLAIN, "reader"),
    "serve": (*PLAIN, "reader"),
    "sim": ("command_line", "ending", "errors", "config", "loops", "stdio"),
    "track": EVERYTHING,
    "demo": EVERYTHING,
    "cli": EVERYTHING,
}
CIMPORT = re.compile(r"^\s*from (fastopts\S*) cimport", re.MULTILINE)


def imports(path: Path) -> set[str]:
    """The full names of what a file imports from this package."""
    source = path.read_text()
    names = set(CIMPORT.findall(source))
    if path.suffix != ".py":
        lines = (line for line in source.splitlines() if re.match(r"(from|import) fast", line))
        source = "\n".join(line for line in lines if "cimport" not in line)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write imports in full"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.split(".")[0] == "fastopts"}


def room(name: str) -> str:
    first = [*name.split("."), ""][1]
    return first if (ROOT / first).is_dir() or (ROOT / f"{first}.py").exists() else ""


def sources() -> list[Path]:
    return sorted(path for suffix in ("py", "pyx", "pxd") for path in ROOT.rglob(f"*.{suffix}"))


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_imports_only_what_its_room_may_know(path: Path) -> None:
    parts = path.relative_to(ROOT).with_suffix("").parts
    own = "" if parts == ("__init__",) else parts[0]
    allowed = TABLE[own]
    if allowed is EVERYTHING:
        return
    strangers = {name for name in imports(path) if room(name) not in (own, *allowed)}
    assert not strangers, f"{own or 'fastopts'} may import {allowed}, not {sorted(strangers)}"


def test_a_compiled_module_is_named_only_behind_the_door() -> None:
    compiled = tuple(f"fastopts.core.{path.stem}" for path in ROOT.glob("core/*.pyx"))
    for path in sources():
        if path.parent.name != "core":
            assert not [name for name in imports(path) if name.startswith(compiled)], path


def test_every_room_of_the_table_is_there_and_none_is_missing_from_it() -> None:
    rooms = {path.relative_to(ROOT).parts[0].removesuffix(".py") for path in sources()}
    assert rooms - {"__init__"} == set(TABLE) - {""}
