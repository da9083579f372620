"""Every example of the documentation passes mypy --strict and pyright, and so does the public API.

The checkers run on the examples of a page as one module, with the page's line numbers. Pyright is
that of `tools/js` (`make lint-page` installs it); it needs no network here.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import fastopts
from tests.docs.pages import PAGES, ROOT, examples

PYRIGHT = ROOT / "tools" / "js" / "node_modules" / ".bin" / "pyright"
# The checkers need most of a minute on two busy cores.
LIMIT_S = 600
pytestmark = pytest.mark.timeout(LIMIT_S)
# The modules that a user of the API meets; the others are imported by programs of the package.
PUBLIC = ("fastopts.errors", "fastopts.model", "fastopts.reader")

# Names that no checker may accept, and what a user should read about each.
WRONG = """
from fastopts import AsyncOptionReader, OptionReader

reader = OptionReader()
reader.scan("BTC", min_vola=0.5)
reader.scan("BTC", type="X")
reader.scan("BTC", max_dte="60")
reader.watch("BTC", min_vola=0.5)
with reader.mirror("BTC") as mirror:
    mirror.scan("BTC", min_vola=0.5)


async def main(reader: AsyncOptionReader) -> None:
    await reader.scan("BTC", min_vola=0.5)
    await reader.watch("BTC", min_vola=0.5)


from fastopts import Optionreader
from fastopts.reader import Optionreader
from collections.abc import Sequence

rows: Sequence[object] = reader.scan("BTC")
"""
WRONG_LINES = {5, 6, 7, 8, 10, 14, 15, 18, 19, 22}

# Idioms: what is true is an option or a move, what is false has a reason.
RIGHT = """
from fastopts import AsyncOptionReader, OptionReader

reader = OptionReader()
mids = [option.mid for option in reader.get_many([]) if option]
for option in reader.get_many([]):
    if not option:
        print(option.reason)
        continue
    print(option.mid)
for change in reader.watch("BTC", type="call", expiry="25JUN27"):
    if not change:
        print(change.kind, change.reason)
        continue
    print(change.mid)
for move in reader.watch_moves("BTC", 0.05):
    if move:
        print(move.change, move.option.mid)
scan = reader.scan("BTC")
print(len(scan), scan[0].mid, [option.mid for option in scan[:2]], reader.table()[0].mid)
for option in reversed(scan):
    print(option.mid, option in scan)
for series in reader.expiries("BTC"):
    print(reader.chain("BTC", series).atm_iv)


async def main(reader: AsyncOptionReader) -> None:
    async with reader.watch("BTC", min_iv=0.5) as changes:
        async for change in changes:
            print(change.mid if change else change.reason)
    async with reader.watch_moves("BTC", 0.05) as moves:
        async for move in moves:
            print(move.change if move else move.reason)
    async with reader.mirror("BTC") as mirror:
        print(mirror.get("").mid)
    watch = await reader.watch("BTC")
    await watch.close()
    await reader.aclose()
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a module for each page that has examples, and two of this file."""
    folder = tmp_path_factory.mktemp("examples")
    for page in PAGES:
        text = ""
        for example in examples(page, "python"):
            text += "\n" * (example.line - text.count("\n")) + example.code
        if text:
            (folder / f"{page.stem.replace('-', '_')}.py").write_text(text)
    (folder / "right.py").write_text(RIGHT)
    (folder / "wrong.py").write_text(WRONG)
    # the package as it is installed: pyright takes type information of libraries from there only
    (folder / "site").mkdir()
    (folder / "site" / "fastopts").symlink_to(Path(fastopts.__file__).parent)
    return folder


def pyright(folder: Path, *arguments: str) -> Any:
    """The report of pyright, which ends with 1 if there are errors."""
    if not PYRIGHT.exists():
        pytest.skip("pyright is not installed: make lint-page")
    done = subprocess.run(
        [PYRIGHT, "--outputjson", "--pythonpath", sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder / "site")},
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return json.loads(done.stdout)


def mypy(folder: Path, *names: str) -> list[str]:
    """The errors of mypy in the modules *names*."""
    pytest.importorskip("mypy")
    # silent in the package, as for an installed one: pyarrow has no types, and users need none
    options = ["--strict", "--follow-imports=silent", "--no-error-summary"]
    options += ["--config-file", os.devnull]
    cache = ["--cache-dir", str(ROOT / ".mypy_cache")]
    done = subprocess.run(
        [sys.executable, "-m", "mypy", *options, *cache, *names],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return [line for line in done.stdout.splitlines() if ": error: " in line]


def test_every_example_passes_mypy(folder: Path) -> None:
    names = [path.name for path in folder.glob("*.py") if path.name != "wrong.py"]
    assert len(names) > 5
    assert mypy(folder, *names) == []


def test_every_example_passes_pyright(folder: Path) -> None:
    names = [path.name for path in folder.glob("*.py") if path.name != "wrong.py"]
    report = pyright(folder, *names)
    assert report["summary"]["filesAnalyzed"] == len(names)
    errors = [
        f"{Path(each['file']).name}:{each['range']['start']['line'] + 1}: {each['message']}"
        for each in report["generalDiagnostics"]
        if each["severity"] == "error"
    ]
    assert errors == []


def test_mypy_refuses_bounds_that_do_not_exist(folder: Path) -> None:
    assert {int(line.split(":")[1]) for line in mypy(folder, "wrong.py")} == WRONG_LINES


def test_pyright_refuses_bounds_that_do_not_exist(folder: Path) -> None:
    report = pyright(folder, "wrong.py")
    lines = {each["range"]["start"]["line"] + 1 for each in report["generalDiagnostics"]}
    assert lines == WRONG_LINES


def test_the_types_of_the_public_api_are_complete(folder: Path) -> None:
    report = pyright(folder, "--verifytypes", "fastopts", "--ignoreexternal")
    symbols = {each["name"]: each for each in report["typeCompleteness"]["symbols"]}
    assert symbols.keys() >= {f"fastopts.{name}" for name in fastopts.__all__}
    incomplete = {
        name: [each["message"] for each in symbol["diagnostics"]]
        for name, symbol in symbols.items()
        if name.startswith(PUBLIC) or name.removeprefix("fastopts.") in fastopts.__all__
        if not symbol["isTypeKnown"] or symbol["isTypeAmbiguous"]
    }
    assert incomplete == {}
