"""What a source distribution and a wheel must and must not contain."""

import tarfile
import zipfile
from pathlib import Path
from typing import Final

__all__ = ("PAGE_FILES", "ROOT", "WHEEL_BYTES_MAX", "check_sdist", "check_wheel")

ROOT: Final = Path(__file__).parents[2]
SOURCES: Final = {path.name for path in (ROOT / "fastopts" / "core").glob("*.pyx")}
NEEDED: Final = {
    *("Makefile", "MANIFEST.in", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "SECURITY.md"),
    *("bench", "deploy", "docs", "fastopts", "tests"),
}
PAGE_FILES: Final = frozenset(
    path.relative_to(ROOT).as_posix()
    for path in (ROOT / "fastopts" / "serve" / "page").rglob("*")
    if path.is_file()
)
WHEEL_BYTES_MAX: Final = 3_000_000


def check_sdist(sdist: Path) -> None:
    """Raise AssertionError unless everything is there to build and test, and nothing built."""
    with tarfile.open(sdist) as archive:
        members = {Path(*Path(name).parts[1:]) for name in archive.getnames()}
    core = {path.name for path in members if path.parts[:2] == ("fastopts", "core")}
    assert core >= SOURCES
    assert not {name for name in core if name.endswith((".c", ".so", ".html"))}
    assert {path.parts[0] for path in members if path.parts} >= NEEDED
    tests = {path for path in members if path.parts[:1] == ("tests",) and path.suffix == ".py"}
    assert tests == {path.relative_to(ROOT) for path in (ROOT / "tests").rglob("*.py")}


def check_wheel(wheel: Path) -> None:
    """Raise AssertionError unless the wheel has the compiled core, the page, and no sources."""
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        size = sum(each.compress_size for each in archive.infolist())
    assert not [name for name in names if name.endswith((".c", ".pyx"))]
    assert {Path(name).parts[0].partition("-")[0] for name in names} == {"fastopts"}
    extensions = {Path(name).name.partition(".")[0] for name in names if name.endswith(".so")}
    assert extensions == {name.removesuffix(".pyx") for name in SOURCES}
    assert {"fastopts/py.typed", *PAGE_FILES} <= set(names)
    assert size < WHEEL_BYTES_MAX
