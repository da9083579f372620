"""Choice of the implementation: compiled unless the pure twin is requested, never by accident."""

import os
import subprocess
import sys
from pathlib import Path

import fastopts.core

PRINT = "import fastopts.core as c; print(c.IMPLEMENTATION, c.Table.__module__)"


def run(code: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        env=os.environ | environ,
        capture_output=True,
        text=True,
        check=False,
    )


def test_compiled_is_the_default() -> None:
    for value in ("", "0"):
        assert run(PRINT, FASTOPTS_PURE=value).stdout == "compiled fastopts.core.table\n"


def test_the_twin_is_there_when_asked_for() -> None:
    assert run(PRINT, FASTOPTS_PURE="1").stdout == "pure fastopts.core.pure.table\n"


def test_another_answer_is_an_error() -> None:
    result = run(PRINT, FASTOPTS_PURE="yes")
    assert result.returncode == 1
    assert "FASTOPTS_PURE='yes'" in result.stderr


def test_without_the_compiled_modules_it_says_how_to_build_them(tmp_path: Path) -> None:
    package = tmp_path / "fastopts"
    source = Path(fastopts.core.__file__).parent.parent
    for path in source.rglob("*.py"):
        target = package / path.relative_to(source)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    result = run(f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {PRINT}")
    assert result.returncode == 1
    assert "fastopts.core.batch is not built. Build it with" in result.stderr
