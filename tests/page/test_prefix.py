"""The page behind a proxy, under a path prefix."""

import pytest
from playwright.sync_api import Browser, expect

from tests.page.backend import Backend
from tests.page.tab import Tab
from tests.serve.reverse_proxy import ReverseProxy


@pytest.mark.parametrize("address", ["BTC/expiries", "BTC/smile", "scan?asset=BTC"])
def test_all_requests_of_the_page_are_under_its_prefix(
    browser: Browser, backend: Backend, address: str
) -> None:
    port = int(backend.url.rpartition(":")[2])
    with ReverseProxy(port, prefix="/desk/options") as front:
        context = browser.new_context()
        # A request outside the prefix is an error of the tab.
        tab = Tab(context.new_page(), f"http://127.0.0.1:{front.port}/desk/options")
        page = tab.open(address)
        expect(page.locator("main table.fixed, main .chart.drawn canvas").first).to_be_visible()
        page.keyboard.press("/")
        page.get_by_role("combobox", name="Find an option").fill("eth c")
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_contain_text("ETH-")
        context.close()
        tab.check()
