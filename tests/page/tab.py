"""A browser tab that records errors and requests to other hosts."""

import re
from typing import Any, Final

from playwright.sync_api import ConsoleMessage, Page, Request, expect

from tests.support.programs import chromium, missing

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
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("request", self._on_request)

    def open(self, address: str) -> Page:
        """Open *address*, such as `BTC/chain`, and wait until the page shows live data."""
        self.page.goto(f"{self.url}/#/{address}")
        expect(self.page.locator(":root")).to_have_attribute("data-state", "fresh")
        return self.page

    def tolerate(self, pattern: str) -> None:
        """Ignore console errors that match *pattern*: the test provokes them."""
        self._tolerated.append(pattern)

    def check(self) -> None:
        """Fail if there was an error, or a request to another host."""
        faults = [
            fault
            for fault in self.faults
            if not any(re.search(pattern, fault) for pattern in self._tolerated)
        ]
        assert not faults

    def texts(self, selector: str) -> list[str]:
        """The texts of the elements that match *selector*."""
        return [text.strip() for text in self.page.locator(selector).all_text_contents()]

    def formatted(self, function: str, *values: Any) -> str:
        """The result of a function of the page's format.js."""
        text: str = self.page.evaluate(
            "async ([name, values]) => (await import('/page/lib/format.js'))[name](...values)",
            [function, list(values)],
        )
        return text

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"console: {message.text}")

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.url}/", "data:")):
            self.faults.append(f"request: {request.url}")
