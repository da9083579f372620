"""A browser's tab, and what a test may not see in it: errors, and requests to anyone else."""

import re
from typing import Any, Final

from playwright.sync_api import ConsoleMessage, Page, Request, expect

from tests.programs import chromium, missing

__all__ = ("ARGUMENTS", "NO_BROWSER", "Tab", "chromium")

ARGUMENTS: Final = (
    *("--no-sandbox", "--disable-gpu", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--no-first-run"),
)
NO_BROWSER: Final = missing("Chromium")
_SLOW_MS: Final = 15_000


class Tab:
    """One page of the dashboard at *url*."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.faults: list[str] = []
        self._tolerated: list[str] = []
        page.set_default_timeout(_SLOW_MS)
        expect.set_options(timeout=_SLOW_MS)
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("request", self._asked)

    def open(self, place: str) -> Page:
        """Go to *place*, such as `BTC/chain`, and wait until the page is current."""
        self.page.goto(f"{self.url}/#/{place}")
        expect(self.page.locator(":root")).to_have_attribute("data-state", "fresh")
        return self.page

    def tolerate(self, words: str) -> None:
        """Errors of the console with *words* are what this test is about."""
        self._tolerated.append(words)

    def check(self) -> None:
        """Fail for what no page may do."""
        faults = [
            fault
            for fault in self.faults
            if not any(re.search(one, fault) for one in self._tolerated)
        ]
        assert not faults

    def texts(self, selector: str) -> list[str]:
        """The text of each element that *selector* finds."""
        return [text.strip() for text in self.page.locator(selector).all_text_contents()]

    def formatted(self, function: str, *values: Any) -> str:
        """*values* as the page's own format.js writes them."""
        text: str = self.page.evaluate(
            "async ([name, values]) => (await import('/page/lib/format.js'))[name](...values)",
            [function, list(values)],
        )
        return text

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"console: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((f"{self.url}/", "data:")):
            self.faults.append(f"request: {request.url}")
