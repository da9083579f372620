"""Every view is readable at every width: no text overlaps another or is cut off."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.page.backend import Backend, until
from tests.page.conftest import OpenTab
from tests.page.layout import unreadable
from tests.page.test_views import front

# In CSS pixels: phones, and a screen of 1280 by 800 at 200 %, 175 % and 150 % zoom.
SIZES = (
    *((320, 640), (360, 800), (414, 896), (640, 400), (700, 900), (701, 900)),
    *((731, 457), (853, 533), (1024, 768), (1280, 800), (1920, 1080)),
)
CHARTS = ("smile", "term", "open-interest")
DRAWN = {"chain": "table.chain.fixed", "option": ".panel [data-field=live]"} | dict.fromkeys(
    CHARTS, ".chart.drawn canvas"
)
EXPANDABLE = {"scan": "More filters", "chain": "Columns"} | dict.fromkeys(CHARTS, "Data table")
VIEWS = ("expiries", "chain", "smile", "term", "surface", "open-interest", "scan", "option")


def address(backend: Backend, view: str) -> str:
    """The address of *view*."""
    match view:
        case "scan":
            return "scan?asset=BTC"
        case "chain":
            return f"BTC/chain/{front(backend)['label']}"
        case "option":
            return f"option/{backend.get('scan', limit='1')['options'][0]['symbol']}"
    return f"BTC/{view}"


def expect_drawn(page: Page, view: str) -> None:
    expect(page.locator("main")).to_have_attribute("data-view", view)
    expect(page.locator(f"main {DRAWN.get(view, 'table.fixed')}").first).to_be_visible()


def sizes(page: Page) -> Iterator[tuple[int, int]]:
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        yield width, height


@pytest.mark.parametrize("view", VIEWS)
def test_no_text_overlaps_or_is_cut_off(new_tab: OpenTab, backend: Backend, view: str) -> None:
    tab = new_tab()
    page = tab.open(address(backend, view))
    for size in sizes(page):
        page.reload()
        expect_drawn(page, view)
        assert unreadable(page) == [], size
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0], size


@pytest.mark.parametrize("view", sorted(EXPANDABLE))
def test_expanded_sections_are_readable(new_tab: OpenTab, backend: Backend, view: str) -> None:
    page = new_tab().open(address(backend, view))
    expect_drawn(page, view)
    expandable = page.get_by_text(EXPANDABLE[view], exact=True)
    for size in ((320, 640), (640, 400), (1280, 800)):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.reload()
        expect_drawn(page, view)
        expandable.click()
        expandable.scroll_into_view_if_needed()
        assert unreadable(page) == [], size


def test_a_resized_window_is_readable(new_tab: OpenTab, backend: Backend) -> None:
    page = new_tab().open("BTC/expiries")
    hidden = page.locator("th[data-column=basis]")
    for width in (1280, 700, 320, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        expect(hidden).to_be_visible(visible=width > 700)
        expect_drawn(page, "expiries")
        assert unreadable(page) == [], width


def test_the_current_tab_is_visible_on_a_phone(new_tab: OpenTab, backend: Backend) -> None:
    page = new_tab(viewport={"width": 320, "height": 640}).open("BTC/expiries")
    page.keyboard.press("7")
    expect(page.get_by_role("link", name="Scanner")).to_be_in_viewport(ratio=0.95)


def test_a_longer_text_widens_its_column(new_tab: OpenTab, backend: Backend) -> None:
    page = new_tab().open("BTC/expiries")
    expect_drawn(page, "expiries")
    page.evaluate(
        """async () => {
          const { Table } = await import("/page/widgets/table.js");
          const columns = ["a", "b"].map((id) => ({ id, heading: id, text: (row) => row[id] }));
          window.table = new Table({ caption: "", columns, key: () => "row" });
          const node = document.querySelector("main");
          node.replaceChildren(table.node);
          table.update([{ a: "–", b: "–" }]);
        }"""
    )
    expect(page.locator("main table.fixed")).to_be_visible()
    assert unreadable(page) == []
    long = "0123456789 " * 12
    page.evaluate("(long) => table.update([{ a: long, b: long }])", long)
    assert any("wider than its cell" in fault for fault in unreadable(page))

    def is_readable() -> bool:
        page.evaluate("(long) => table.update([{ a: long, b: long }])", long)
        return unreadable(page) == []

    until(is_readable, 10)
