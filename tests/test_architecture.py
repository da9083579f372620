"""The maps of the code are complete: package docstrings and ARCHITECTURE.md."""

import ast
import re
from pathlib import Path

import pytest

import fastopts

PACKAGE = Path(fastopts.__file__).parent
ROOT = PACKAGE.parent
PACKAGES = sorted(path.parent for path in PACKAGE.rglob("__init__.py"))


def modules(package: Path) -> set[str]:
    """The modules and packages directly in *package*."""
    paths = (path for path in package.iterdir() if not path.name.startswith("_"))
    return {
        path.stem
        for path in paths
        if path.suffix in (".py", ".pyx") or (path / "__init__.py").exists()
    }


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_package_docstring_lists_its_modules(package: Path) -> None:
    docstring = ast.get_docstring(ast.parse((package / "__init__.py").read_text())) or ""
    entries = set(re.findall(r"^ *`?(\w+)(?:\.pyx?|/)?`? ", docstring, re.MULTILINE))
    assert modules(package) - entries == set()


def test_every_path_in_architecture_exists() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text()
    paths = re.findall(r"`((?:\w+/)+[\w.]*)`", page)
    assert len(paths) > 40
    for path in paths:
        assert (ROOT / path).exists() or (PACKAGE / path).exists(), path


def test_every_package_is_in_architecture() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text()
    for package in PACKAGES:
        if package.parent == PACKAGE:
            assert f"`{package.name}`" in page, package.name
