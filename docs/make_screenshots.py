"""Takes the screenshots of the dashboard in docs/, of simulated data.

python -m docs.make_screenshots
"""

import io
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import requests
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from fastopts.demo.processes import Processes
from tests.page.tab import ARGUMENTS, NO_BROWSER, chromium

__all__ = ("shots",)

FOLDER: Final = Path(__file__).parent
BYTES_MAX: Final = 250_000
SYMBOLS, RATE, SEED = 2000, 1500, 1
DESK: Final = {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"}
PHONE: Final = {
    "viewport": {"width": 390, "height": 780},
    "color_scheme": "light",
    "device_scale_factor": 2,
    "has_touch": True,
}


@dataclass(frozen=True, slots=True)
class Shot:
    """One screenshot. *ready* selects an element that appears once the view is complete."""

    name: str
    address: str
    device: dict[str, Any]
    ready: str


def shots(expiry: str, phone_expiry: str) -> Iterator[Shot]:
    """Yield the screenshots, of the expiries with these labels."""
    rows = "main tbody tr:nth-child(6)"
    yield Shot("expiries", "BTC/expiries", DESK, rows)
    yield Shot("chain", f"BTC/chain/{expiry}", DESK, "tr.atm")
    yield Shot("smile", f"BTC/smile/{expiry}", DESK, ".chart.drawn canvas")
    yield Shot("surface", "BTC/surface", DESK, rows)
    yield Shot("scanner", "scan?asset=BTC&otm=true&sort=-turnover_24h&limit=100", DESK, rows)
    yield Shot("phone", f"BTC/chain/{phone_expiry}", PHONE, "tr.atm")


def take(browser: Browser, url: str, shot: Shot, overlays: list[str]) -> Path:
    """Take one screenshot, and return its path."""
    context = browser.new_context(**shot.device)
    page = context.new_page()
    if overlays and shot.name == "smile":
        _store_overlays(page, url, overlays)
    page.goto(f"{url}#/{shot.address}")
    page.locator(shot.ready).first.wait_for()
    page.locator("html[data-state=fresh]").wait_for()
    page.wait_for_timeout(2500)  # until cells have flashed and the status bar is complete
    path = FOLDER / f"page-{shot.name}.png"
    _save(path, page.screenshot())
    context.close()
    return path


def _save(path: Path, png: bytes) -> None:
    """Save with a palette of 256 colours, enough for a screen: the repository stays small."""
    with Image.open(io.BytesIO(png)) as picture:
        reduced = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        reduced.save(path, optimize=True)


def _store_overlays(page: Page, url: str, overlays: list[str]) -> None:
    """Choose the expiries that the smile is compared with, in the browser's storage."""
    page.goto(f"{url}page/icon.svg")
    script = "(labels) => localStorage.setItem('fastopts.smile.overlays', JSON.stringify(labels))"
    page.evaluate(script, {"BTC": overlays})


def main() -> None:
    program = chromium()
    if program is None:
        sys.exit(NO_BROWSER)
    with Processes(SYMBOLS, RATE, SEED) as processes, sync_playwright() as playwright:
        series = _series(processes.page_url)
        labels = list(dict.fromkeys(each["label"] for each in series))
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        for shot in shots(labels[4], labels[5]):
            path = take(browser, processes.page_url, shot, [labels[1], labels[6], labels[-2]])
            size = path.stat().st_size
            verdict = "" if size <= BYTES_MAX else f": more than {BYTES_MAX:,}"
            sys.stdout.write(f"{path.name}: {size:,} bytes{verdict}\n")
        browser.close()


def _series(url: str) -> list[dict[str, Any]]:
    """Wait until all series of BTC are live, and return them."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        response = requests.get(f"{url}v1/expiries/BTC", timeout=10)
        if response.ok:
            series: list[dict[str, Any]] = response.json()["expiries"]
            if series and all(each["live"] == each["total"] for each in series):
                return series
        time.sleep(0.2)
    sys.exit("the simulated market did not become live within 60 s")


if __name__ == "__main__":
    main()
