"""ARCHITECTURE.md names what exists."""

import re
from pathlib import Path

import fastopts

PACKAGE = Path(fastopts.__file__).parent
ROOT = PACKAGE.parent
PACKAGES = sorted(path.parent for path in PACKAGE.rglob("__init__.py"))


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
