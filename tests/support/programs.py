"""Programs that some tests need, and the summary of the tests that were skipped without them."""

import os
import shutil
from collections import Counter
from collections.abc import Iterable
from typing import Final

__all__ = ("chromium", "missing", "skipped_lines")

HOW_TO_GET: Final = {
    "Chromium": "apt install chromium, or name a Chrome in CHROMIUM",
    "promtool": "apt install prometheus, or put promtool of a Prometheus release on the PATH",
    "systemd-analyze": "apt install systemd",
    "openssl": "apt install openssl",
    "cc": "apt install gcc",
}
_CHROMIUM_NAMES: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> str | None:
    """The browser's program; None where there is none."""
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, _CHROMIUM_NAMES)), None)


def missing(program: str) -> str:
    """The reason for which a test is skipped where *program* is not installed."""
    return f"{program} is not installed ({HOW_TO_GET[program]})"


def skipped_lines(reasons: Iterable[str]) -> list[str]:
    """One line a missing program, of the reasons for which tests were skipped."""
    counts = Counter(reasons)
    lines = []
    for program in HOW_TO_GET:
        count = sum(n for reason, n in counts.items() if missing(program) in reason)
        if count:
            tests = "test was" if count == 1 else "tests were"
            lines.append(f"{count} {tests} skipped: {missing(program)}")
    return lines
