"""`python -m bench.serve.page`: the dashboard in a browser.

Frames are counted while a view receives updates of 2,000 symbols. Browser, venue, collector and
server share the machine, so the page is faster on a desk of its own.
"""

import argparse
import gzip
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, Page, sync_playwright

import fastopts
from bench import machine, table
from bench.goals import Goal
from bench.report import Report
from tests.page.backend import Backend
from tests.page.tab import ARGUMENTS, NO_BROWSER, chromium

__all__ = ("Frames", "goals", "measure", "text")

SYMBOLS, RATE = 2000, 2600
COIN: Final = "BTC"  # all symbols are of one coin, so that one view shows all of them
VIEWS: Final = {
    "expiries": f"{COIN}/expiries",
    "chain": f"{COIN}/chain",
    "open interest, all symbols": f"{COIN}/open-interest",
    "scanner, 500 rows": f"scan?asset={COIN}&limit=500&gate=false",
    "surface": f"{COIN}/surface",
}
FRAMES_S, INTERACTIVE_MS, PAGE_KB = 30, 1500, 1000  # the goals

COUNT = """
(seconds) => new Promise((done) => {
  const times = [];
  const begin = performance.now();
  let changes = 0;
  const observer = new MutationObserver((records) => { changes += records.length; });
  observer.observe(document.querySelector("main"), { subtree: true, characterData: true });
  const record = (now) => {
    times.push(now);
    if (now - begin < seconds * 1000) requestAnimationFrame(record);
    else { observer.disconnect(); done([times, changes]); }
  };
  requestAnimationFrame(record);
})
"""
INTERACTIVE = """
() => new Promise((done) => {
  const check = () => {
    const row = document.querySelector("main tbody tr");
    if (row && document.documentElement.dataset.state === "fresh") done(performance.now());
    else requestAnimationFrame(check);
  };
  check();
})
"""


@dataclass(frozen=True, slots=True)
class Frames:
    """Figures of one view: frames per second, ms between frames, cells written per second."""

    per_s: float
    p99_ms: float
    longest_ms: float
    cells_s: float


def frames(page: Page, seconds: float) -> Frames:
    """Count the frames and the changed cells of the view that *page* shows."""
    times, changes = page.evaluate(COUNT, seconds)
    gaps = sorted(after - before for before, after in pairwise(times))
    elapsed_s = (times[-1] - times[0]) / 1000
    return Frames(
        per_s=len(gaps) / elapsed_s,
        p99_ms=gaps[int(len(gaps) * 0.99)],
        longest_ms=gaps[-1],
        cells_s=changes / elapsed_s,
    )


def interactive_ms(browser: Browser, url: str) -> float:
    """Return the time from navigation to the first rows with live values."""
    # A new context has an empty cache: this is the first visit.
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(f"{url}/#/{COIN}/expiries", wait_until="commit")
    took_ms: float = page.evaluate(INTERACTIVE)
    context.close()
    return took_ms


def weights_kb() -> dict[str, float]:
    """Return the compressed size of the page, and the part of its charts."""
    folder = Path(fastopts.__file__).parent / "serve" / "page"
    packed = {
        path: len(gzip.compress(path.read_bytes(), 9))
        for path in folder.rglob("*")
        if path.suffix in (".css", ".html", ".js", ".svg")
    }
    vendor = sum(size for path, size in packed.items() if path.parent.name == "vendor")
    return {"page KB": sum(packed.values()) / 1000, "of it charts KB": vendor / 1000}


def measure(seconds: float, visits: int) -> dict[str, Any]:
    """Measure the page; *seconds* per view, *visits* page loads. Exits without a browser."""
    program = chromium()
    if program is None:
        sys.exit(NO_BROWSER)
    with Backend(SYMBOLS, RATE, coins=COIN) as backend, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        times = sorted(interactive_ms(browser, backend.url) for _ in range(visits))
        views = {name: asdict(frames(page, seconds)) for name, page in _views(browser, backend.url)}
        browser.close()
    return {
        "symbols": SYMBOLS,
        "messages a second": RATE,
        "interactive ms": times[len(times) // 2],
        "interactive ms, longest": times[-1],
        **weights_kb(),
        "views": views,
    }


def _views(browser: Browser, url: str) -> Iterator[tuple[str, Page]]:
    for name, place in VIEWS.items():
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        page.goto(f"{url}/#/{place}")
        # Frames count from the first live rows on: the load has a figure of its own.
        page.locator("html[data-state=fresh]").wait_for()
        page.locator("main tbody tr, main canvas").first.wait_for(state="attached")
        yield name, page
        context.close()


def main() -> None:
    """Run the bench with the options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.serve.page", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="duration per view")
    parser.add_argument("--visits", type=int, default=9, help="page loads to time")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    arguments = parser.parse_args()
    report = Report(arguments.json)
    report.add("machine", facts := machine.describe(), table.machine(facts))
    figures = measure(arguments.seconds, arguments.visits)
    report.add("serve_page", figures, text(figures))
    report.end(goals(figures))


def text(figures: dict[str, Any]) -> str:
    """Return the results of `measure` as a table."""
    rows = [("view", "frames/s", "p99 ms", "longest ms", "cells/s")]
    rows += [
        (
            name,
            *(f"{view[field]:.0f}" for field in ("per_s", "p99_ms", "longest_ms", "cells_s")),
        )
        for name, view in figures["views"].items()
    ]
    head = f"{figures['symbols']:,} symbols at {figures['messages a second']:,} messages/s"
    rest = [
        f"{name}: {value:,.0f}" for name, value in figures.items() if "ms" in name or "KB" in name
    ]
    return "\n".join([head, table.aligned(rows), *rest])


def goals(figures: dict[str, Any]) -> list[Goal]:
    """Return the goals of the page."""
    slowest = min(view["per_s"] for view in figures["views"].values())
    return [
        Goal("page: frames per second, the slowest view", slowest, FRAMES_S, is_least=True),
        Goal("page: ms until interactive, median", figures["interactive ms"], INTERACTIVE_MS),
        Goal("page: KB compressed", figures["page KB"], PAGE_KB),
    ]


if __name__ == "__main__":
    main()
