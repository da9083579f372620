"""Takes the pictures of the dashboard in docs/, of a SIMULATED market.

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
    """One picture: where it is taken, on what, and what is there once the view is complete."""

    name: str
    place: str
    device: dict[str, Any]
    ready: str


def shots(near: str, far: str) -> Iterator[Shot]:
    """The pictures, of the expiries *near* and *far*."""
    rows = "main tbody tr:nth-child(6)"
    yield Shot("expiries", "BTC/expiries", DESK, rows)
    yield Shot("chain", f"BTC/chain/{near}", DESK, "tr.atm")
    yield Shot("smile", f"BTC/smile/{near}", DESK, ".chart.drawn canvas")
    yield Shot("surface", "BTC/surface", DESK, rows)
    yield Shot("scanner", "scan?asset=BTC&sort=-mark_iv&limit=100&min_volume=1", DESK, rows)
    yield Shot("phone", f"BTC/chain/{far}", PHONE, "tr.atm")


def take(browser: Browser, url: str, shot: Shot, overlays: list[str]) -> Path:
    """Write one picture, and return where."""
    context = browser.new_context(**shot.device)
    page = context.new_page()
    if overlays and shot.name == "smile":
        _choose(page, url, overlays)
    page.goto(f"{url}#/{shot.place}")
    page.locator(shot.ready).first.wait_for()
    page.locator("html[data-state=fresh]").wait_for()
    page.wait_for_timeout(2500)  # for cells to light up, and the status to be complete
    path = FOLDER / f"page-{shot.name}.png"
    _keep(path, page.screenshot())
    context.close()
    return path


def _keep(path: Path, png: bytes) -> None:
    """Write the picture: 256 colours are enough for one of a screen."""
    with Image.open(io.BytesIO(png)) as picture:
        few = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
        few.save(path, optimize=True)


def _choose(page: Page, url: str, overlays: list[str]) -> None:
    """Have the smile of *overlays* drawn beside."""
    page.goto(f"{url}page/icon.svg")
    kept = "(labels) => localStorage.setItem('fastopts.smile.overlays', JSON.stringify(labels))"
    page.evaluate(kept, {"BTC": overlays})


def main() -> None:
    program = chromium()
    if program is None:
        sys.exit(NO_BROWSER)
    with Processes(SYMBOLS, RATE, SEED) as processes, sync_playwright() as playwright:
        series = _series(processes.page_url)
        labels = list(dict.fromkeys(one["label"] for one in series))
        browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        for shot in shots(labels[4], labels[5]):
            path = take(browser, processes.page_url, shot, [labels[1], labels[6], labels[-2]])
            size = path.stat().st_size
            verdict = "" if size <= BYTES_MAX else f": more than {BYTES_MAX:,}"
            sys.stdout.write(f"{path.name}: {size:,} bytes{verdict}\n")
        browser.close()


def _series(url: str) -> list[dict[str, Any]]:
    """The series of BTC, when all of them are live."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        answer = requests.get(f"{url}v1/expiries/BTC", timeout=10)
        if answer.ok:
            series: list[dict[str, Any]] = answer.json()["expiries"]
            if series and all(one["live"] == one["total"] for one in series):
                return series
        time.sleep(0.2)
    sys.exit("the market did not become live")


if __name__ == "__main__":
    main()
