"""The source distribution builds alone, and the wheel of it works where there is no checkout."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

import numpy as np
import pytest

from tests.environments.contents import ROOT, check_sdist, check_wheel
from tests.support.payloads import dump, ticker

LEFTOVERS: Final = (
    *(".*", "build", "dist", "*.egg-info", "__pycache__", "*.so", "symbols_cache*.json"),
)
DEPENDENCIES: Final = Path(np.__file__).parents[1]
BUILD: Final = "from setuptools import build_meta as b; print(b.build_sdist('dist'))"
USE: Final = """
import importlib, pathlib, pkgutil, sys
import fastopts
from fastopts.core import IMPLEMENTATION, Grammar
from fastopts.core.ticker import parse
from fastopts.venues.bybit.fields import TICKER_FIELDS, TOPIC_PREFIX

assert pathlib.Path(fastopts.__file__).is_relative_to(sys.prefix), fastopts.__file__
assert IMPLEMENTATION == "compiled"
for module in pkgutil.walk_packages(fastopts.__path__, "fastopts."):
    importlib.import_module(module.name)
print(parse(sys.stdin.buffer.read(), Grammar(TOPIC_PREFIX, TICKER_FIELDS)).symbol)
"""


@pytest.mark.timeout(900)  # it compiles
def test_CF_11_the_wheel_of_the_source_distribution_works_without_the_checkout(
    tmp_path: Path,
) -> None:
    sdist = build_sdist(tmp_path)
    check_sdist(sdist)
    wheel = build_wheel(sdist, tmp_path)
    check_wheel(wheel)
    python = install(wheel, tmp_path / "venv")
    version = run([python.with_name("fastopts"), "--version"], tmp_path)
    assert version.startswith(f"fastopts {wheel.name.split('-')[1]}, compiled core")
    payload = ticker()
    assert run([python, "-c", USE], tmp_path, dump(payload)) == f"{payload['data']['symbol']}\n"


def run(command: list[str | Path], folder: Path, text: bytes = b"") -> str:
    """What *command* prints in *folder*, without environment variables of fastopts or Python."""
    ours = ("FASTOPTS_", "PYTHON", "PYTEST", "COVERAGE")
    environ = {name: held for name, held in os.environ.items() if not name.startswith(ours)}
    done = subprocess.run(
        command, cwd=folder, env=environ, input=text, capture_output=True, check=False, timeout=600
    )
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    return done.stdout.decode()


def build_sdist(folder: Path) -> Path:
    tree = folder / "tree"
    shutil.copytree(ROOT, tree, ignore=shutil.ignore_patterns(*LEFTOVERS))
    run([sys.executable, "-c", BUILD], tree)
    shutil.move(next((tree / "dist").glob("*.tar.gz")), folder)
    shutil.rmtree(tree)
    return next(folder.glob("*.tar.gz"))


def build_wheel(sdist: Path, folder: Path) -> Path:
    options = ("--no-build-isolation", "--no-deps", "--no-index", "--wheel-dir", str(folder))
    run([sys.executable, "-m", "pip", "wheel", *options, sdist], folder)
    return next(folder.glob("*.whl"))


def install(wheel: Path, folder: Path) -> Path:
    """An environment that has the dependencies of this one, and fastopts of *wheel* only."""
    venv.create(folder)
    python = folder / "bin" / "python"
    options = ("--no-deps", "--no-index", "--quiet")
    run([sys.executable, "-m", "pip", "--python", python, "install", *options, wheel], folder)
    site = next(folder.glob("lib/python*/site-packages"))
    (site / "dependencies.pth").write_text(f"{DEPENDENCIES}\n")
    return python
