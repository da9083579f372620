"""The last lines of `make test` name the tests that were skipped for lack of a program."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.programs import HOW_TO_GET, missing, skipped_lines

ROOT = Path(__file__).parents[2]


def test_each_missing_program_has_a_line_with_its_tests_and_the_remedy() -> None:
    reasons = [f"Skipped: {missing('Chromium')}"] * 3 + [missing("promtool"), "not on this system"]
    assert skipped_lines(reasons) == [
        f"3 tests were skipped: Chromium is not installed ({HOW_TO_GET['Chromium']})",
        f"1 test was skipped: promtool is not installed ({HOW_TO_GET['promtool']})",
    ]
    assert skipped_lines([]) == []


def test_a_run_without_the_browser_ends_with_the_count_of_skipped_tests(tmp_path: Path) -> None:
    environ = {name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
    environ |= {"PATH": str(tmp_path), "CHROMIUM": "", "COLUMNS": "200"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "1", "tests/page/test_freshness.py"],
        env=environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    remedy, totals = done.stdout.splitlines()[-2:]
    assert remedy.endswith(f"tests were skipped: {missing('Chromium')}")
    assert totals.split()[0] == remedy.split()[0]  # pytest's own count
