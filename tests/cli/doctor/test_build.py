"""What the doctor finds in an installation that lacks something."""

import os
import shutil
from pathlib import Path

import pytest

import fastopts
from tests.cli.process import diagnose, fastopts_process

ROOT = Path(fastopts.__file__).parent
REDIS = ("--offline", "--redis-url", "redis://127.0.0.1:1")


def test_a_whole_build_is_green(tmp_path: Path) -> None:
    found = diagnose(*REDIS, cwd=tmp_path)
    assert [found[name]["level"] for name in ("python", "core", "uvloop")] == ["green"] * 3
    assert fastopts.__version__ in found["python"]["words"]
    assert found["core"]["words"] == "compiled"


def test_the_pure_twin_is_yellow(tmp_path: Path) -> None:
    found = diagnose(*REDIS, cwd=tmp_path, run=fastopts_process, FASTOPTS_PURE="1")["core"]
    assert (found["level"], found["words"]) == (
        "yellow",
        "the slow pure-Python version, selected by FASTOPTS_PURE",
    )


def test_a_core_that_is_not_built_is_red(tmp_path: Path) -> None:
    shutil.copytree(ROOT, tmp_path / "fastopts", ignore=shutil.ignore_patterns("*.so", "*.pyd"))
    found = diagnose(*REDIS, cwd=tmp_path, run=fastopts_process, PYTHONPATH=str(tmp_path))["core"]
    assert found["level"] == "red"
    assert found["words"] == "fastopts.core.batch is not built"
    assert found["remedy"].startswith("Build it with")


def test_a_missing_uvloop_is_yellow(tmp_path: Path) -> None:
    pytest.importorskip("uvloop")
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['uvloop'] = None\n")
    path = os.pathsep.join((str(tmp_path), str(ROOT.parent)))
    found = diagnose(*REDIS, cwd=tmp_path, run=fastopts_process, PYTHONPATH=path)["uvloop"]
    assert found["level"] == "yellow"
    assert found["remedy"] == "pip install uvloop"
