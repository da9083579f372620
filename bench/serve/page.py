"""`python -m bench.serve.page`: the dashboard in a browser, on the machine that makes its data.

Frames are counted while a view is told of 2,000 symbols; browser, venue, collector and server share
the machine, so what a desk sees is better.
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
COIN: Final = "BTC"  # all symbols are of one coin: one view is told of all
PLACES: Final = {
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
  const watch = new MutationObserver((records) => { changes += records.length; });
  watch.observe(document.querySelector("main"), { subtree: true, characterData: true });
  const look = (now) => {
    times.push(now);
    if (now - begin < seconds * 1000) requestAnimationFrame(look);
    else { watch.disconnect(); done([times, changes]); }
  };
  requestAnimationFrame(look);
})
"""
INTERACTIVE = """
() => new Promise((done) => {
  const look = () => {
    const row = document.querySelector("main tbody tr");
    if (row && document.documentElement.dataset.state === "fresh") done(performance.now());
    else requestAnimationFrame(look);
  };
  look();
})
"""


@dataclass(frozen=True, slots=True)
class Frames:
    """Of one view: frames a second, the longest time between two, cells written a second."""

    per_s: float
    p99_ms: float
    longest_ms: float
    cells_s: float


def frames(page: Page, seconds: float) -> Frames:
    times, changes = page.evaluate(COUNT, seconds)
    gaps = sorted(after - before for before, after in pairwise(times))
    took_s = (times[-1] - times[0]) / 1000
    return Frames(len(gaps) / took_s, gaps[int(len(gaps) * 0.99)], gaps[-1], changes / took_s)


def interactive_ms(browser: Browser, url: str) -> float:
    """From the navigation of a browser that remembers nothing to the first rows, live."""
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(f"{url}/#/{COIN}/expiries", wait_until="commit")
    took: float = page.evaluate(INTERACTIVE)
    context.close()
    return took


def weights_kb() -> dict[str, float]:
    """What the page weighs, compressed as it is sent."""
    folder = Path(fastopts.__file__).parent / "serve" / "page"
    packed = {
        path: len(gzip.compress(path.read_bytes(), 9))
        for path in folder.rglob("*")
        if path.suffix in (".css", ".html", ".js", ".svg")
    }
    vendor = sum(size for path, size in packed.items() if path.parent.name == "vendor")
    return {"page KB": sum(packed.values()) / 1000, "of it charts KB": vendor / 1000}


def measure(seconds: float, visits: int) -> dict[str, Any]:
    program = chromium()
    if program is None:
        sys.exit(NO_BROWSER)
    with Backend(SYMBOLS, RATE, coins=COIN) as backend, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        times = sorted(interactive_ms(browser, backend.url) for _ in range(visits))
        found = {name: asdict(frames(page, seconds)) for name, page in _views(browser, backend.url)}
        browser.close()
    return {
        "symbols": SYMBOLS,
        "messages a second": RATE,
        "interactive ms": times[len(times) // 2],
        "interactive ms, longest": times[-1],
        **weights_kb(),
        "views": found,
    }


def _views(browser: Browser, url: str) -> Iterator[tuple[str, Page]]:
    for name, place in PLACES.items():
        context = browser.new_context(viewport={"width": 1280, "height": 800})
        page = context.new_page()
        page.goto(f"{url}/#/{place}")
        page.locator("html[data-state=fresh]").wait_for()
        page.locator("main tbody tr, main canvas").first.wait_for(state="attached")
        yield name, page
        context.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.serve.page", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="of each view")
    parser.add_argument("--visits", type=int, default=9, help="until it is interactive")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    given = parser.parse_args()
    report = Report(given.json)
    report.add("machine", facts := machine.describe(), table.machine(facts))
    found = measure(given.seconds, given.visits)
    report.add("serve_page", found, text(found))
    report.end(goals(found))


def text(found: dict[str, Any]) -> str:
    rows = [("view", "frames/s", "p99 ms", "longest ms", "cells/s")]
    rows += [
        (
            name,
            *(f"{one[field]:.0f}" for field in ("per_s", "p99_ms", "longest_ms", "cells_s")),
        )
        for name, one in found["views"].items()
    ]
    head = f"{found['symbols']:,} symbols at {found['messages a second']:,} messages/s"
    rest = [
        f"{name}: {value:,.0f}" for name, value in found.items() if "ms" in name or "KB" in name
    ]
    return "\n".join([head, table.aligned(rows), *rest])


def goals(found: dict[str, Any]) -> list[Goal]:
    slowest = min(one["per_s"] for one in found["views"].values())
    return [
        Goal("the page: frames a second, the slowest view", slowest, FRAMES_S, is_least=True),
        Goal("the page: ms until it is of use, median", found["interactive ms"], INTERACTIVE_MS),
        Goal("the page: KB compressed", found["page KB"], PAGE_KB),
    ]


if __name__ == "__main__":
    main()
