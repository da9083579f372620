"""The scanner: what it opens with, which bounds it accepts, and what an invalid one looks like."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.page.backend import Backend
from tests.page.tab import Tab
from tests.page.terminal import field_text

ROWS = "main tbody tr[data-symbol]"


def symbols(page: Page) -> list[str | None]:
    return [row.get_attribute("data-key") for row in page.locator(ROWS).all()]


def test_it_opens_with_traded_options_out_of_the_money(tab: Tab, backend: Backend) -> None:
    tab.open("BTC/expiries")
    with backend.frozen():
        page = tab.open("scan")
        query = {"asset": "BTC", "otm": "true", "sort": "-turnover_24h", "limit": "100"}
        options = backend.get("scan", **query, stale="true")["options"]
        expect(page.locator(ROWS)).to_have_count(len(options))
        assert symbols(page) == [option["symbol"] for option in options]
        assert options
        for option in options:
            assert option["otm"] is ((option["type"] == "C") == (option["moneyness"] >= 1))
            assert None not in (option["bid_price"], option["ask_price"])
        expect(page.get_by_label("Out of the money only")).to_be_checked()
        expect(page.get_by_label("Sort")).to_have_value("-turnover_24h")


FIGURES = (
    *("bid_price", "bid_size", "ask_price", "ask_size", "mark_price", "bid_iv", "mark_iv"),
    *("ask_iv", "spread_iv", "delta", "moneyness", "open_interest", "volume_24h"),
    "turnover_24h",
)


def test_each_row_is_written_as_the_terminal_writes_it(tab: Tab, backend: Backend) -> None:
    tab.open("BTC/expiries")
    with backend.frozen():
        page = tab.open("scan?limit=100")
        options = backend.get("scan", sort="-turnover_24h", limit="100", stale="true")["options"]
        expect(page.locator(ROWS)).to_have_count(len(options))
        assert len({option["tick_size"] for option in options}) > 1  # each by its own
        rows = page.evaluate(
            """(names) => [...document.querySelectorAll("main tbody tr[data-symbol]")].map((row) =>
              names.map((name) => row.querySelector(`[data-column=${name}]`).textContent))""",
            list(FIGURES),
        )
        for option, texts in zip(options, rows, strict=True):
            assert texts == [field_text(option, name) for name in FIGURES], option["symbol"]


@pytest.mark.parametrize(
    ("query", "units"),
    [
        ("asset=BTC&settle=USDT", ["OI BTC", "Turnover USDT"]),
        ("asset=BTC&settle=USDC", ["OI BTC", "Turnover USD"]),
        ("limit=500", ["OI base", "Turnover quote"]),
    ],
)
def test_headings_name_the_units(tab: Tab, query: str, units: list[str]) -> None:
    page = tab.open(f"scan?{query}")
    expect(page.locator(ROWS).first).to_be_visible()
    for name, text in zip(("open_interest", "turnover_24h"), units, strict=True):
        expect(page.locator(f"th[data-column={name}]")).to_have_text(text)


def test_options_in_the_money_can_be_shown(tab: Tab) -> None:
    page = tab.open("scan")
    expect(page.locator(ROWS).first).to_be_visible()
    page.get_by_label("Out of the money only").uncheck()
    page.get_by_label("K/F from").fill("1.02")
    page.get_by_label("Type").select_option("Puts")
    page.get_by_role("button", name="Scan", exact=True).click()
    expect(page.locator(ROWS).first).to_contain_text("-P")
    assert "otm" not in page.url
    page.get_by_role("button", name="Clear", exact=True).click()
    expect(page.get_by_label("Out of the money only")).to_be_checked()


def test_an_address_without_the_switch_shows_all_options(tab: Tab) -> None:
    page = tab.open("scan?type=P&min_moneyness=1.02")
    expect(page.locator(ROWS).first).to_be_visible()
    expect(page.get_by_label("Out of the money only")).not_to_be_checked()


@pytest.mark.parametrize(
    ("text", "value"), [("60k", 60_000), ("60,000", 60_000), ("0.06M", 60_000), ("6e4", 60_000)]
)
def test_a_bound_is_written_as_in_the_api(
    tab: Tab, backend: Backend, text: str, value: float
) -> None:
    page = tab.open("scan?asset=BTC&limit=500")
    page.get_by_label("Strike from").fill(text)
    page.keyboard.press("Enter")
    considered = backend.get("scan", asset="BTC", min_strike=text, stale="true")["considered"]
    assert considered == backend.get("scan", asset="BTC", min_strike=str(value))["considered"]
    expect(page.locator(".summary")).to_contain_text(f"of {considered} considered")


@pytest.mark.parametrize(
    ("label", "text", "error"),
    [
        ("Mark IV from", "80", "Mark IV from: 80 is 8000%: write 0.8 for 80%"),
        ("Mark IV from", "abc", "Mark IV from: 'abc' is not a number: write 0.8 or 80%"),
        ("Strike to", "many", "Strike to: 'many' is not a number"),
        ("Delta from", "x%", "Delta from: 'x%' is not a number"),
    ],
)
def test_an_invalid_bound_marks_its_field_and_leaves_the_rest_as_it_is(
    tab: Tab, label: str, text: str, error: str
) -> None:
    page = tab.open("scan?asset=BTC")
    expect(page.locator(ROWS).first).to_be_visible()
    page.get_by_label(label).fill(text)
    page.get_by_role("button", name="Scan", exact=True).click()
    field = page.get_by_label(label)
    expect(page.get_by_role("alert").filter(has_text=error)).to_be_visible()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile(re.escape(error)))
    expect(page.locator("[aria-invalid]")).to_have_count(1)
    # Grey is the sign of stale values.
    expect(page.locator("main")).not_to_have_class(re.compile("waiting"))
    assert page.locator("form.filter").evaluate("(form) => getComputedStyle(form).filter") == "none"
    page.get_by_label(label).fill("")
    page.keyboard.press("Enter")
    expect(page.locator(ROWS).first).to_be_visible()
    expect(page.locator("[aria-invalid]")).to_have_count(0)


def test_the_form_is_never_grey_while_a_scan_is_awaited(tab: Tab) -> None:
    page = tab.open("scan?asset=BTC")
    styles = page.evaluate(
        """() => {
          const main = document.querySelector("main");
          main.classList.add("waiting");
          const filterOf = (selector) => getComputedStyle(main.querySelector(selector)).filter;
          return [getComputedStyle(main).filter, filterOf("form.filter"), filterOf(".scroll")];
        }"""
    )
    assert styles == ["none", "none", "grayscale(1)"]
