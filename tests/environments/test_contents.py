"""The checks of a wheel notice what must not be published."""

import zipfile
from pathlib import Path

import pytest

from tests.environments.contents import PAGE_FILES, SOURCES, check_wheel

NAMES = (
    "fastopts/py.typed",
    *sorted(PAGE_FILES),
    "fastopts-0.1.0.dist-info/METADATA",
    *(f"fastopts/core/{name.removesuffix('.pyx')}.cpython-311.so" for name in sorted(SOURCES)),
)


def wheel(folder: Path, *names: str) -> Path:
    path = folder / "fastopts-0.1.0-cp311-cp311-linux_x86_64.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"")
    return path


def test_a_complete_wheel_passes(tmp_path: Path) -> None:
    check_wheel(wheel(tmp_path, *NAMES))


@pytest.mark.parametrize("name", ["fastopts/core/table.c", "fastopts/core/table.pyx", "tests/a.py"])
def test_sources_and_foreign_packages_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(AssertionError):
        check_wheel(wheel(tmp_path, *NAMES, name))


@pytest.mark.parametrize("missing", [name for name in NAMES if "dist-info" not in name])
def test_a_part_that_is_missing_is_noticed(tmp_path: Path, missing: str) -> None:
    with pytest.raises(AssertionError):
        check_wheel(wheel(tmp_path, *(name for name in NAMES if name != missing)))
