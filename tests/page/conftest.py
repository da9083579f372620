from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.page.backend import Backend
from tests.page.tab import ARGUMENTS, NO_BROWSER, Tab, chromium

OpenTab = Callable[..., Tab]


# Not session-scoped: Playwright keeps an event loop running, which breaks tests that use asyncio.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    program = chromium()
    if program is None:
        pytest.skip(NO_BROWSER)
    with sync_playwright() as playwright:
        chromium_browser = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield chromium_browser
        chromium_browser.close()


@pytest.fixture(scope="package")
def backend(browser: Browser) -> Iterator[Backend]:
    """One set of processes for all tests, started only if there is a browser."""
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
