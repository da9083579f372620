"""The recipe of `make asan` must see what it is for."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.native.asan import environ, reports

OVERRUN = (
    "#include <stdlib.h>\nvoid seeded(int size) { volatile char *at = malloc(size); at[size] = 1; }"
)
OVERFLOW = "int seeded(int number) { return number + 2147483647; }"

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("gcc") is None, reason="a recipe for gcc on Linux"
)


@pytest.mark.parametrize(
    ("source", "told"),
    [(OVERRUN, "heap-buffer-overflow"), (OVERFLOW, "signed integer overflow")],
)
def test_a_seeded_fault_is_reported(source: str, told: str, tmp_path: Path) -> None:
    library = tmp_path / "seeded.so"
    options = ("-shared", "-fPIC", "-O1", "-g", "-xc", "-", "-o", str(library))
    sanitizers = ("-fsanitize=address,undefined", "-fno-sanitize-recover=undefined")
    subprocess.run(["gcc", *sanitizers, *options], input=source, text=True, check=True)
    script = f"import ctypes; ctypes.CDLL({str(library)!r}).seeded(7)"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environ(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    report = done.stderr + "".join(reports(tmp_path))
    assert told in report
    assert "in seeded" in report
