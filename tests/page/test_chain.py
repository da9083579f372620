"""The chain: expiry tabs, sides of the money, ranges of strikes, and columns that fit."""

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.page.backend import Backend
from tests.page.conftest import OpenTab
from tests.page.tab import Tab
from tests.page.views import expect_drawn

SHOWN = """
() => [...document.querySelectorAll("table.chain tbody tr")].map((tr) => ({
  strike: Number(tr.dataset.strike),
  isAtm: tr.classList.contains("atm"),
  call: tr.dataset.symbol ?? null,
  put: tr.dataset.otherSymbol ?? null,
  texts: [...tr.querySelectorAll("td")].map((td) => [td.dataset.side, td.textContent]),
}))
"""


ROWS = "table.chain tbody tr"


def widest(backend: Backend) -> dict[str, Any]:
    """The series of BTC with the most options, settled in USDT."""
    series = backend.get("expiries/BTC", settle="USDT", stale="true")["expiries"]
    # One that is being delivered has no strike at the money, and leaves the list.
    lasting = [each for each in series if each["dte"] > 0.1]
    largest: dict[str, Any] = max(lasting, key=lambda each: each["total"])
    return largest


def chain_of(backend: Backend) -> list[dict[str, Any]]:
    """The strikes of that series."""
    rows: list[dict[str, Any]] = backend.get(
        f"chains/BTC/{widest(backend)['label']}", settle="USDT", stale="true"
    )["strikes"]
    return rows


def open_chain(tab: Tab, backend: Backend, query: str = "") -> Page:
    page = tab.open(f"BTC/chain/{widest(backend)['label']}/USDT{query}")
    expect(page.locator("tr.atm")).to_be_visible()
    return page


def strikes(page: Page) -> list[float]:
    return [row["strike"] for row in page.evaluate(SHOWN)]


def test_each_expiry_has_a_tab_with_its_days(tab: Tab, backend: Backend) -> None:
    page = open_chain(tab, backend)
    series = backend.get("expiries/BTC", stale="true")["expiries"]
    labels = list(dict.fromkeys(each["label"] for each in series))
    tabs = page.get_by_role("navigation", name="Expiry").get_by_role("link")
    expect(tabs).to_have_count(len(labels))
    for label, text in zip(labels, tab.texts("nav.expiry-tabs a"), strict=True):
        assert re.fullmatch(rf"{label} \d+[dhms]", text)
    current = page.get_by_role("navigation", name="Expiry").locator("[aria-current=page]")
    expect(current).to_contain_text(widest(backend)["label"])
    tabs.nth(2).click()
    expect(page).to_have_url(re.compile(f"#/BTC/chain/{labels[2]}"))
    expect(tabs.nth(2)).to_have_attribute("aria-current", "page")
    expect(page.locator(f"tr.atm[data-symbol*='-{labels[2]}-']")).to_be_visible()


@pytest.mark.parametrize("side", ["ITM", "OTM"])
def test_one_side_of_the_money_is_shown(tab: Tab, backend: Backend, side: str) -> None:
    with backend.frozen():
        page = open_chain(tab, backend)
        everything = strikes(page)
        page.get_by_role("button", name=side).click()
        lowest, highest = page.locator(ROWS).first, page.locator(ROWS).last
        hidden = "data-other-symbol" if side == "ITM" else "data-symbol"
        expect(lowest).not_to_have_attribute(hidden, re.compile(".*"))
        forward = widest(backend)["forward"]
        rows = page.evaluate(SHOWN)
        assert [row["strike"] for row in rows] == everything
        for row in rows:
            is_call_in_money = row["strike"] < forward
            shows_call = row["isAtm"] or is_call_in_money == (side == "ITM")
            shows_put = row["isAtm"] or is_call_in_money != (side == "ITM")
            assert (row["call"] is not None, row["put"] is not None) == (shows_call, shows_put)
            for name, text in row["texts"]:
                assert bool(text) == (shows_call if name == "call" else shows_put), row
        expect(highest).to_have_attribute(hidden, re.compile("BTC-.*"))
        page.get_by_role("button", name="All", exact=True).click()
        expect(lowest).to_have_attribute(hidden, re.compile("BTC-.*"))


def test_headings_name_the_coin_of_sizes_and_open_interest(tab: Tab, backend: Backend) -> None:
    page = open_chain(tab, backend)
    expect(page.locator("th[data-column=bid_size]")).to_have_text(["Size BTC"] * 2)
    expect(page.locator("th[data-column=open_interest]")).to_have_text(["OI BTC"] * 2)


def test_strikes_around_the_money(tab: Tab, backend: Backend) -> None:
    page = open_chain(tab, backend, "?strikes=2")
    everything = [row["strike"] for row in chain_of(backend)]
    assert len(everything) > 5
    expect(page.locator(ROWS)).to_have_count(5)
    shown = page.evaluate(SHOWN)
    assert [row["isAtm"] for row in shown] == [False, False, True, False, False]
    start = everything.index(shown[0]["strike"])
    assert strikes(page) == everything[start : start + 5]
    page.get_by_label("Strikes", exact=True).select_option("ATM ±10")
    expect(page).to_have_url(re.compile(r"\?side=all&strikes=10$"))
    expect(page.locator(ROWS)).not_to_have_count(5)
    page.goto(f"{tab.url}/#/ETH/chain")  # the choice holds for the next chain
    expect(page.get_by_label("Strikes", exact=True)).to_have_value("10")


def test_strikes_from_and_to(tab: Tab, backend: Backend) -> None:
    page = open_chain(tab, backend)
    everything = strikes(page)
    low, high = everything[2], everything[-3]
    page.get_by_label("Strikes", exact=True).select_option("From – to")
    lowest = page.get_by_label("Lowest strike")
    expect(lowest).to_be_focused()
    lowest.fill(f"{low / 1000:g}k")
    lowest.press("Tab")
    expect(page.locator(ROWS)).to_have_count(len(everything) - 2)
    page.get_by_label("Highest strike").fill(f"{high:,.0f}")
    page.get_by_label("Highest strike").press("Enter")
    expect(page.locator(ROWS)).to_have_count(len(everything) - 4)
    assert strikes(page) == everything[2:-2]
    page.goto(f"{tab.url}/#/BTC/expiries")
    expect_drawn(page, "expiries")
    page.go_back()
    expect_drawn(page, "chain")
    expect(page.locator(ROWS)).to_have_count(len(everything) - 4)
    expect(page.get_by_label("Lowest strike")).to_have_value(f"{low:g}")
    page.get_by_label("Lowest strike").fill("many")
    page.get_by_label("Lowest strike").press("Tab")
    expect(page.get_by_label("Lowest strike")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("alert").filter(has_text="“many” is not a strike")).to_be_visible()
    assert strikes(page) == everything[2:-2]


def test_the_ends_of_a_range_are_ordered_and_an_invalid_one_shows_all(
    tab: Tab, backend: Backend
) -> None:
    everything = [row["strike"] for row in chain_of(backend)]
    low, high = everything[2], everything[-3]
    page = open_chain(tab, backend, f"?strikes={high:g}-{low:g}")
    expect(page.locator(ROWS)).to_have_count(len(everything) - 4)
    expect(page.get_by_label("Lowest strike")).to_have_value(f"{low:g}")
    page = open_chain(tab, backend, "?strikes=1.2.3-5")
    expect(page.locator(ROWS)).to_have_count(len(everything))


def test_the_address_wins_over_the_last_choice(tab: Tab, backend: Backend) -> None:
    page = open_chain(tab, backend)
    everything = strikes(page)
    page.get_by_label("Strikes", exact=True).select_option("ATM ±20")
    expect(page).to_have_url(re.compile("strikes=20"))
    page = open_chain(tab, backend, "?strikes=1&side=otm")
    expect(page.locator(ROWS)).to_have_count(3)
    expect(page.get_by_label("Strikes", exact=True)).to_have_value("1")
    expect(page.get_by_role("button", name="OTM")).to_have_attribute("aria-pressed", "true")
    page = open_chain(tab, backend, "?strikes=sometimes&side=left")
    expect(page.locator(ROWS)).to_have_count(len(everything))


def test_an_address_without_an_expiry_keeps_its_filter(tab: Tab) -> None:
    page = tab.open("BTC/chain?settle=USDC&side=otm&strikes=1")
    expect(page.locator("tr.atm")).to_be_visible()
    expect(page).to_have_url(re.compile(r"#/BTC/chain/\w+/USDC\?side=otm&strikes=1$"))
    expect(page.locator(ROWS)).to_have_count(3)


@pytest.mark.parametrize("width", [768, 1280, 1920])
@pytest.mark.parametrize("asset", ["BTC", "ETH", "XRP"])
def test_the_default_columns_fit_the_window(
    new_tab: OpenTab, backend: Backend, asset: str, width: int
) -> None:
    page = new_tab(viewport={"width": width, "height": 800}).open(f"{asset}/chain")
    expect_drawn(page, "chain")
    for edge in page.locator("th[data-column=age]").all():
        expect(edge).to_be_in_viewport(ratio=0.95)
    assert page.locator(".chain-scroll").evaluate("(n) => n.scrollWidth <= n.clientWidth")


def test_options_in_the_money_are_shaded(tab: Tab, backend: Backend) -> None:
    page = open_chain(tab, backend)
    colours = page.evaluate(
        """() => ["calls-itm", "puts-itm"].map((name) =>
          ["call", "put"].map((side) => {
            const cell = document.querySelector(`tr.${name} td[data-side=${side}].symbol`);
            return getComputedStyle(cell).backgroundColor;
          }))"""
    )
    assert colours == [[colours[0][0], colours[0][1]], [colours[0][1], colours[0][0]]]
    assert colours[0][0] != colours[0][1]
