"""A public class name is defined in one module of the package and its tests.

Two definitions mean that one is misnamed.
"""

import ast
import importlib
import re
from collections import defaultdict
from pathlib import Path
from typing import Final

import fastopts

PACKAGE: Final = Path(fastopts.__file__).parent
TESTS: Final = Path(__file__).parent

# Names defined in several modules; the list may only become shorter. Table: the core's table of
# slots is internal, and the reader's is part of the public interface.
EXCEPTIONS: Final = frozenset(("Table",))


def modules_by_class() -> dict[str, list[str]]:
    """The modules that define each public class at their top level.

    The compiled core is left out: a class of a .pyx has the name of its pure twin by design.
    """
    modules: dict[str, list[str]] = defaultdict(list)
    for root in (PACKAGE, TESTS):
        for path in sorted(root.rglob("*.py")):
            for node in ast.parse(path.read_text()).body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    modules[node.name].append(path.relative_to(root.parent).as_posix())
    return modules


def test_a_public_class_name_stands_in_one_module() -> None:
    duplicates = {name: paths for name, paths in modules_by_class().items() if len(paths) > 1}
    unexpected = {name: paths for name, paths in duplicates.items() if name not in EXCEPTIONS}
    assert not unexpected


def test_the_exceptions_only_shrink() -> None:
    modules = modules_by_class()
    resolved = sorted(name for name in EXCEPTIONS if len(modules[name]) < 2)
    assert not resolved, f"remove these from EXCEPTIONS: {resolved}"


def test_the_map_of_harnesses_names_what_there_is() -> None:
    paths = re.findall(r"^\| `(tests\.[^|]*)` \|", (TESTS / "README.md").read_text(), re.MULTILINE)
    names = [name for path in paths for name in path.split("`, `")]
    assert len(names) > 10
    for name in names:
        module, _, attribute = name.rpartition(".")
        if (TESTS.parent / f"{name.replace('.', '/')}.py").exists():
            continue
        assert hasattr(importlib.import_module(module), attribute), name
