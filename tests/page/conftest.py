from collections.abc import Callable, Iterator
from typing import Any, Self

import pytest
from playwright.sync_api import Browser, Playwright, sync_playwright

from tests.page.backend import Backend
from tests.page.tab import ARGUMENTS, NO_BROWSER, Tab, chromium

OpenTab = Callable[..., Tab]


class Launcher:
    """Keeps one Chromium running for all tests.

    A crash of the browser fails the test that it happens in, and no other one: the next test gets
    another browser.
    """

    def __init__(self, playwright: Playwright, program: str) -> None:
        self._playwright = playwright
        self._program = program
        self._browser: Browser | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._browser is not None:
            self._browser.close()

    def browser(self) -> Browser:
        """Return the running browser."""
        if self._browser is None or not self._browser.is_connected():
            self._browser = self._playwright.chromium.launch(
                executable_path=self._program, args=list(ARGUMENTS)
            )
        return self._browser


# Not session-scoped: Playwright keeps an event loop running, which breaks tests that use asyncio.
@pytest.fixture(scope="package")
def launcher() -> Iterator[Launcher]:
    program = chromium()
    if program is None:
        pytest.skip(NO_BROWSER)
    with sync_playwright() as playwright, Launcher(playwright, program) as running:
        yield running


@pytest.fixture
def browser(launcher: Launcher) -> Browser:
    return launcher.browser()


@pytest.fixture(scope="package")
def backend(launcher: Launcher) -> Iterator[Backend]:
    """One set of processes for all tests, started only if there is a browser (`launcher`)."""
    with Backend(symbols=360, rate=300) as running:
        yield running


@pytest.fixture
def new_tab(browser: Browser, backend: Backend) -> Iterator[OpenTab]:
    """Open tabs, each with empty browser storage; fail at the end if one had an error."""
    tabs: list[Tab] = []

    def make(**options: Any) -> Tab:
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 800}} | options))
        tabs.append(Tab(context.new_page(), backend.url))
        return tabs[-1]

    yield make
    for tab in tabs:
        tab.page.context.close()
    for tab in tabs:
        tab.check()


@pytest.fixture
def tab(new_tab: OpenTab) -> Tab:
    return new_tab()
