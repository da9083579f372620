"""The list of expiries: sorting, the settle coin, and totals."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.page.backend import Backend
from tests.page.tab import Tab

KEYS = "() => [...document.querySelectorAll('main tr[data-key]')].map((tr) => tr.dataset.key)"


def keys(page: Page) -> list[str]:
    """The series shown, from top to bottom."""
    shown: list[str] = page.evaluate(KEYS)
    return shown


def listed(backend: Backend, by: str, is_descending: bool = False) -> list[str]:
    """All series of BTC, sorted by the field *by* of the API, unknown values last."""
    series = backend.get("expiries/BTC", stale="true")["expiries"]
    series.sort(key=lambda each: (each["expiry_ms"], each["settle"]))
    known = [each for each in series if each[by] is not None]
    known.sort(key=lambda each: each[by], reverse=is_descending)
    unknown = [each for each in series if each[by] is None]
    return [f"{each['label']}-{each['settle']}" for each in known + unknown]


def sorted_heads(page: Page) -> list[str]:
    """The columns that are marked as sorted, with the direction."""
    heads: list[str] = page.evaluate(
        "[...document.querySelectorAll('main [aria-sort]')]"
        ".map((th) => `${th.dataset.column} ${th.ariaSort}`)"
    )
    return heads


def test_every_column_sorts_by_keyboard(tab: Tab, backend: Backend) -> None:
    page = tab.open("BTC/expiries")
    expect(page.locator("main tr[data-key]").first).to_be_visible()
    assert sorted_heads(page) == ["label ascending"]
    columns = page.locator("main thead th")
    for index, column in enumerate(tab.texts("main thead th")):
        button = columns.nth(index).get_by_role("button")
        button.focus()
        page.keyboard.press("Enter")
        order = columns.nth(index).get_attribute("aria-sort")
        assert order == ("descending" if index == 0 else "ascending"), column
        page.keyboard.press("Space")
        assert columns.nth(index).get_attribute("aria-sort") != order, column
        expect(button).to_be_focused()
        assert len(sorted_heads(page)) == 1


@pytest.mark.parametrize(
    ("name", "field"), [("Turnover", "turnover_24h"), ("25Δ RR", "risk_reversal")]
)
def test_rows_are_in_the_order_of_the_column(
    tab: Tab, backend: Backend, name: str, field: str
) -> None:
    with backend.frozen():
        page = tab.open("BTC/expiries")
        expect(page.locator("main tr[data-key]").first).to_be_visible()
        button = page.get_by_role("button", name=name)
        button.click()
        expect(page.locator("main tr[data-key]").first).to_have_attribute(
            "data-key", listed(backend, field)[0]
        )
        assert keys(page) == listed(backend, field)
        button.click()
        expect(page.locator("main tr[data-key]").first).to_have_attribute(
            "data-key", listed(backend, field, is_descending=True)[0]
        )
        assert keys(page) == listed(backend, field, is_descending=True)
        page.reload()  # the order is remembered
        expect(page.locator("main tr[data-key]").first).to_be_visible()
        assert keys(page) == listed(backend, field, is_descending=True)


def test_the_settle_coin_is_chosen_and_remembered(tab: Tab, backend: Backend) -> None:
    page = tab.open("BTC/expiries")
    rows = page.locator("main tr[data-key]")
    expect(rows.first).to_be_visible()
    everything = listed(backend, "expiry_ms")
    assert sorted(keys(page)) == sorted(everything)
    page.get_by_role("button", name="USDC", exact=True).click()
    usdc = [key for key in everything if key.endswith("-USDC")]
    expect(rows).to_have_count(len(usdc))
    expect(page).to_have_url(re.compile(r"#/BTC/expiries\?settle=USDC$"))
    expect(page.locator("th[data-column=turnover_24h]")).to_have_text("Turnover 24 h USD")
    page.goto(f"{tab.url}/#/BTC/expiries")
    page.reload()
    expect(rows).to_have_count(len(usdc))
    page.goto(f"{tab.url}/#/BTC/expiries?settle=all")  # the address wins
    expect(rows).to_have_count(len(everything))
    page.goto(f"{tab.url}/#/BTC/expiries")
    expect(rows).to_have_count(len(usdc))
    page.keyboard.press("2")  # the chain opens in the chosen coin
    expect(page).to_have_url(re.compile("#/BTC/chain/.*/USDC"))


def test_an_asset_without_the_chosen_coin_shows_all_of_its_series(
    tab: Tab, backend: Backend
) -> None:
    page = tab.open("XRP/expiries?settle=EUR")
    expect(page.locator("main tr[data-key]").first).to_be_visible()
    assert len(keys(page)) == len(backend.get("expiries/XRP", stale="true")["expiries"])


def test_settle_coins_are_not_added(tab: Tab) -> None:
    page = tab.open("BTC/expiries")
    expect(page.locator("main tr[data-key]").first).to_be_visible()
    turnover = page.locator("[data-figure=turnover]")
    expect(turnover).to_have_text(re.compile(r"^[\d.]+[kMB]? USDT · [\d.]+[kMB]? USD$"))
    interest = page.locator("[data-figure=interest]")
    expect(interest).to_have_text(re.compile(r"^USDT: [\d.]+[kMB]? · USDC: [\d.]+[kMB]?$"))
    page.get_by_role("button", name="USDT", exact=True).click()
    expect(turnover).to_have_text(re.compile(r"^[\d.]+[kMB]? USDT$"))
    expect(interest).to_have_text(re.compile(r"^[\d.]+[kMB]?$"))
