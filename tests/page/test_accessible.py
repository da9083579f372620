"""Accessibility: contrast, labels, table structure, focus and announcements."""

import re
from itertools import product
from pathlib import Path

import pytest
from playwright.sync_api import expect

import fastopts
from tests.page.backend import Backend
from tests.page.tab import Tab
from tests.page.views import VIEWS, address, expect_drawn

STYLE = (Path(fastopts.__file__).parent / "serve" / "page" / "style.css").read_text()
PAIR = re.compile(r"--([\w-]+): light-dark\(\s*(#\w{6}),\s*(#\w{6})\)")
LIGHT = {name: light for name, light, _ in PAIR.findall(STYLE)}
DARK = {name: dark for name, _, dark in PAIR.findall(STYLE)}
BACKGROUNDS = ("page", "surface", "raised", "in-money", "at-money")
TEXTS = ("text", "dim", "accent", "up", "down", "warn", "call", "put")
COLOURED_BACKGROUNDS = ("heat-low", "heat-high", "flash-up", "flash-down", "in-money", "at-money")
AA = 4.5

UNLABELLED = """
() => [...document.querySelectorAll("input, select, textarea, button, summary, a")]
  .filter((node) => node.offsetParent !== null)
  .filter((node) => !(node.labels?.length || node.getAttribute("aria-label")
    || node.getAttribute("aria-labelledby") || node.textContent.trim()))
  .map((node) => node.outerHTML)
"""
TABLE_FAULTS = """
() => [...document.querySelectorAll("table")].flatMap((table) => [
  ...(table.caption?.textContent.trim() ? [] : ["no caption"]),
  ...[...table.querySelectorAll("th")].filter((th) => !th.scope).map((th) => th.outerHTML),
  ...[...table.querySelectorAll("tbody tr")].filter((tr) => !tr.querySelector("th"))
    .map((tr) => tr.outerHTML),
])
"""


def luminance(colour: str) -> float:
    parts = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(text: str, background: str) -> float:
    dark, light = sorted((luminance(text), luminance(background)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_contrast_is_enough(theme: dict[str, str]) -> None:
    pairs = [
        *product(TEXTS, BACKGROUNDS[:3]),
        *product(("text",), COLOURED_BACKGROUNDS),
        *product(("accent", "call", "put", "dim"), ("in-money",)),
        *(("on-badge", "badge"), ("surface", "accent"), ("surface", "down"), ("page", "text")),
    ]
    poor = {pair: round(contrast(*(theme[name] for name in pair)), 2) for pair in pairs}
    assert {pair: value for pair, value in poor.items() if value < AA} == {}


@pytest.mark.parametrize("view", VIEWS)
def test_controls_have_labels_and_tables_have_headings(
    tab: Tab, backend: Backend, view: str
) -> None:
    page = tab.open(address(backend, view))
    expect_drawn(page, view)
    for summary in page.locator("main summary").all():
        summary.click()
    assert page.evaluate(UNLABELLED) == []
    assert page.evaluate(TABLE_FAULTS) == []
    assert page.evaluate(
        "new Set([...document.querySelectorAll('[id]')].map((n) => n.id)).size"
    ) == (page.locator("[id]").count())


def test_focus_is_visible(tab: Tab) -> None:
    page = tab.open("BTC/expiries")
    page.keyboard.press("Tab")
    expect(page.get_by_text("Skip to content")).to_be_focused()
    expect(page.get_by_text("Skip to content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_a_chart_has_a_label(tab: Tab) -> None:
    page = tab.open("BTC/term")
    expect(page.get_by_role("img", name="ATM implied volatility by days to expiry")).to_be_visible()


def test_changing_values_are_not_announced(tab: Tab) -> None:
    page = tab.open("BTC/expiries")
    live = page.locator("[aria-live], [role=status], [role=alert]")
    assert live.filter(has=page.locator("td")).count() == 0
    expect(page.locator("#status")).not_to_have_attribute("aria-live", re.compile(".*"))
