"""A missing compiler or header is one line, before anything is built."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from tests.docs.pages import ROOT
from tools.check_compiler import fault

INCLUDE = Path(sysconfig.get_path("include"))


def compiler(folder: Path) -> dict[str, str]:
    """An environment with a compiler in *folder*."""
    program = folder / "some-cc"
    program.touch(mode=0o755)
    return {"PATH": str(folder), "CC": "some-cc -m64"}


def test_a_compiler_and_headers_are_enough(tmp_path: Path) -> None:
    (tmp_path / "Python.h").touch()
    assert fault(compiler(tmp_path), tmp_path) is None


def test_a_missing_compiler_is_named_with_its_remedy(tmp_path: Path) -> None:
    text = fault({"PATH": str(tmp_path), "CC": "some-cc -m64"}, INCLUDE)
    assert text is not None
    assert "needs a C compiler, and 'some-cc -m64' is not there: apt install gcc" in text


def test_missing_headers_are_named_with_their_remedy(tmp_path: Path) -> None:
    text = fault(compiler(tmp_path), tmp_path)
    assert text is not None
    assert f"{tmp_path}/Python.h is not there: apt install python3." in text


def test_make_ends_in_one_line(tmp_path: Path) -> None:
    make = ["make", "--no-print-directory", f"VENV={tmp_path}/venv", f"PYTHON={sys.executable}"]
    done = subprocess.run(
        [*make, "demo", f"CC={tmp_path}/no-such-compiler"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        # not as a part of the make that may run this test
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
    )
    assert done.returncode == 2
    first, *others = done.stderr.splitlines()
    assert first.startswith("fastopts needs a C compiler")
    assert all(line.startswith("make: ***") for line in others)
    assert not (tmp_path / "venv").exists()
