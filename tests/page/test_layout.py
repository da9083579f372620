"""Every view is readable at every width and in both themes.

No text overlaps another, is cut off, or has too little contrast with its background.
"""

import pytest
from playwright.sync_api import expect

from tests.page.backend import Backend, until
from tests.page.conftest import OpenTab
from tests.page.layout import lasting_faults, poor_contrast, unreadable
from tests.page.views import EXPANDABLE, VIEWS, address, expect_drawn

# In CSS pixels: phones, a tablet, a laptop and a desk's screen.
SIZES = ((320, 640), (390, 844), (768, 1024), (1280, 800), (1920, 1080))
# Other phones; 1280 by 800 at 200 %, 175 % and 150 % zoom; both sides of the style sheet's limit.
MORE_SIZES = ((360, 800), (414, 896), (640, 400), (700, 900), (701, 900), (731, 457), (853, 533))
THEMES = ("light", "dark")
# Not as a style element, which the page's content security policy forbids.
FAULTY_STYLE = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`
    [data-figure=index] { color: #8a929c; }
    td[data-column=settle] { background: linear-gradient(#556170, #556170); }
    td[data-column=forward] { position: relative; left: 90px; }
  `);
  document.adoptedStyleSheets = [sheet];
}"""


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("view", VIEWS)
def test_every_text_is_readable(new_tab: OpenTab, backend: Backend, view: str, theme: str) -> None:
    page = new_tab(color_scheme=theme).open(address(backend, view))
    # A theme changes colours only: one is enough for the further sizes.
    for size in SIZES + (MORE_SIZES if theme == "light" else ()):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.reload()
        expect_drawn(page, view)
        assert lasting_faults(page) == [], size
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0], size
        assert poor_contrast(page) == [], size


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
        assert lasting_faults(page) == [], size
        assert poor_contrast(page) == [], size


def test_faults_of_a_page_are_detected(new_tab: OpenTab, backend: Backend) -> None:
    page = new_tab().open("BTC/expiries")
    expect_drawn(page, "expiries")
    page.evaluate(FAULTY_STYLE)
    contrast = "\n".join(poor_contrast(page))
    assert "summary-bar" in contrast
    assert '"USDT" in "text"' in contrast
    assert any("overlaps" in fault for fault in unreadable(page))


def test_the_buttons_of_the_header_are_on_one_line(new_tab: OpenTab, backend: Backend) -> None:
    page = new_tab().open("BTC/expiries")
    buttons = page.locator("header .bar > .button")
    for width, height in (*SIZES, *MORE_SIZES):
        page.set_viewport_size({"width": width, "height": height})
        lines = {button.bounding_box()["y"] for button in buttons.all()}  # type: ignore[index]
        assert len(lines) == 1, width


def test_a_resized_window_is_readable(new_tab: OpenTab, backend: Backend) -> None:
    page = new_tab().open("BTC/expiries")
    hidden = page.locator("th[data-column=basis]")
    for width in (1280, 700, 320, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        expect(hidden).to_be_visible(visible=width > 700)
        expect_drawn(page, "expiries")
        assert lasting_faults(page) == [], width


def test_a_table_becomes_narrower_with_the_window(new_tab: OpenTab, backend: Backend) -> None:
    page = new_tab(viewport={"width": 1920, "height": 1080}).open("BTC/expiries")
    page.evaluate(
        """async () => {
          const { Table } = await import("/page/widgets/table.js");
          const columns = ["a", "b"].map((id) => ({ id, heading: id, text: (row) => row[id] }));
          const table = new Table({ caption: "", columns, key: () => "row" });
          const scroller = document.createElement("div");
          scroller.className = "scroll";
          scroller.append(table.node);
          document.querySelector("main").replaceChildren(scroller);
          table.update([{ a: "1", b: "2" }]);
        }"""
    )
    expect(page.locator("main table.fixed")).to_be_visible()
    page.set_viewport_size({"width": 1280, "height": 800})
    is_whole = "(node) => node.scrollWidth === node.clientWidth"
    until(lambda: page.locator("main .scroll").evaluate(is_whole), 10)


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
