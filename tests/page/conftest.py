from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.page.market import Market
from tests.page.tab import ARGUMENTS, NO_BROWSER, Tab, chromium

OpenTab = Callable[..., Tab]


# Not of the session: while it is there an event loop runs, which no test of asyncio can bear.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    program = chromium()
    if program is None:
        pytest.skip(NO_BROWSER)
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=program, args=list(ARGUMENTS))
        yield launched
        launched.close()


@pytest.fixture(scope="package")
def market(browser: Browser) -> Iterator[Market]:
    """Started where there is a browser to look at it."""
    with Market(symbols=240, rate=300) as running:
        yield running


@pytest.fixture
def new_tab(browser: Browser, market: Market) -> Iterator[OpenTab]:
    """Opens tabs, each in a browser that remembers nothing; at the end none had an error."""
    tabs: list[Tab] = []

    def make(**options: Any) -> Tab:
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 800}} | options))
        tabs.append(Tab(context.new_page(), market.url))
        return tabs[-1]

    yield make
    for tab in tabs:
        tab.page.context.close()
    for tab in tabs:
        tab.check()


@pytest.fixture
def tab(new_tab: OpenTab) -> Tab:
    return new_tab()
