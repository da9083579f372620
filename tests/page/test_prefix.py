"""The page under a path of a proxy's."""

import pytest
from playwright.sync_api import Browser, expect

from tests.page.market import Market
from tests.page.tab import Tab
from tests.serve.front import Front


@pytest.mark.parametrize("place", ["BTC/expiries", "BTC/smile", "scan?asset=BTC"])
def test_all_that_the_page_asks_for_is_under_its_prefix(
    browser: Browser, market: Market, place: str
) -> None:
    port = int(market.url.rpartition(":")[2])
    with Front(port, prefix="/desk/options") as front:
        context = browser.new_context()
        # Requests to other addresses than those under the prefix are errors of the tab's.
        tab = Tab(context.new_page(), f"http://127.0.0.1:{front.port}/desk/options")
        page = tab.open(place)
        expect(page.locator("main table.fixed, main .chart.drawn canvas").first).to_be_visible()
        page.keyboard.press("/")
        page.get_by_role("combobox", name="Find an option").fill("eth c")
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_contain_text("ETH-")
        context.close()
        tab.check()
