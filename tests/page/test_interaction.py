"""Interaction by keyboard, mouse and touch, and stored choices."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.page.backend import Backend, until
from tests.page.conftest import OpenTab
from tests.page.tab import Tab

VIEWS = ["expiries", "chain", "smile", "term", "surface", "open-interest", "scan"]


def labels(backend: Backend) -> list[str]:
    series = backend.get("expiries/BTC", stale="true")["expiries"]
    return list(dict.fromkeys(each["label"] for each in series))


def expect_view(page: Page, view: str) -> None:
    expect(page.locator("main")).to_have_attribute("data-view", view)


def test_digit_keys_open_the_views(tab: Tab) -> None:
    page = tab.open("BTC/expiries")
    for digit, view in reversed(list(enumerate(VIEWS, 1))):
        page.keyboard.press(str(digit))
        expect_view(page, view)
        link = page.get_by_label("Views").get_by_role("link").nth(digit - 1)
        expect(link).to_have_attribute("aria-current", "page")


def test_a_view_that_waits_for_the_front_does_not_return_from_the_next(tab: Tab) -> None:
    page = tab.open("BTC/expiries")
    expect_view(page, "expiries")
    # The message with the front arrives while the script is busy, so it is dispatched before the
    # event of the second change.
    page.evaluate(
        """async () => {
            const main = document.querySelector("main");
            location.hash = "#/BTC/smile";
            while (main.dataset.view !== "smile") await new Promise((done) => setTimeout(done));
            const end = performance.now() + 1500;
            while (performance.now() < end);
            location.hash = "#/BTC/chain";
        }"""
    )
    expect_view(page, "chain")
    page.wait_for_url("**/#/BTC/chain/*/*")
    expect_view(page, "chain")


def test_keyboard_navigation_of_rows(tab: Tab, backend: Backend) -> None:
    page = tab.open("BTC/expiries")
    expect(page.locator("main tbody tr").first).to_be_visible()
    rows = page.locator("main tbody tr")
    page.keyboard.press("j")
    expect(rows.nth(0)).to_be_focused()
    page.keyboard.press("j")
    page.keyboard.press("ArrowDown")
    expect(rows.nth(2)).to_be_focused()
    page.keyboard.press("k")
    expect(rows.nth(1)).to_be_focused()
    page.keyboard.press("Enter")
    expect_view(page, "chain")
    assert f"/{labels(backend)[1]}/" in page.url
    page.keyboard.press("Escape")
    expect_view(page, "expiries")


def test_keyboard_navigation_of_a_chain(tab: Tab, backend: Backend) -> None:
    first, second, *_ = labels(backend)
    page = tab.open(f"BTC/chain/{first}")
    expect(page.locator("tr.atm")).to_be_visible()
    page.keyboard.press("]")
    expect(page).to_have_url(re.compile(second))
    expect(page.locator(f"tr.atm[data-symbol*='-{second}-']")).to_be_visible()
    page.keyboard.press("[")
    expect(page.locator(f"tr.atm[data-symbol*='-{first}-']")).to_be_visible()
    page.keyboard.press("j")  # starts at the money, at a strike that may have changed
    expect(page.locator("tr[data-strike]:focus")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/option/BTC-\w+-\d+-C"))
    expect_view(page, "option")
    page.keyboard.press("Escape")
    expect_view(page, "chain")
    expect(page).to_have_url(re.compile(f"BTC/chain/{first}"))
    expect(page.locator(f"tr.atm[data-symbol*='-{first}-']")).to_be_visible()
    expect(page.locator(":root")).to_have_attribute("data-state", "fresh")
    page.keyboard.press("j")
    expect(page.locator("tr[data-strike]:focus")).to_be_visible()
    page.keyboard.press("Shift+Enter")
    expect(page).to_have_url(re.compile(r"/option/BTC-\w+-\d+-P"))


def test_assets_are_switched_by_keyboard_and_tab(tab: Tab) -> None:
    page = tab.open("BTC/surface")
    expect(page.get_by_label("Assets").get_by_role("link", name="ETH")).to_be_visible()
    page.keyboard.press("a")
    expect(page).to_have_url(re.compile("#/ETH/surface"))
    page.get_by_role("link", name="BTC", exact=True).click()
    expect(page).to_have_title(re.compile("BTC surface"))


def test_help_opens_and_closes(tab: Tab) -> None:
    page = tab.open("BTC/expiries")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keyboard shortcuts")).to_be_hidden()
    expect_view(page, "expiries")


def search(page: Page, text: str) -> None:
    """Enter *text* in the search field and press Enter."""
    with page.expect_response(lambda response: "instruments" in response.url):
        page.keyboard.press("/")
    field = page.get_by_role("combobox", name="Find an option by symbol")
    expect(field).to_be_focused()
    expect(field).to_have_value("")
    field.fill(text)
    field.press("Enter")


def test_an_option_is_found_by_its_symbol(tab: Tab, backend: Backend) -> None:
    label = labels(backend)[0]
    page = tab.open("BTC/expiries")
    expect(page.locator("main tbody tr").first).to_be_visible()
    search(page, f"btc {label} c")
    expect(page.locator("h1")).to_have_text(re.compile(f"^BTC-{label}-\\d+-C"))


def test_a_search_without_an_expiry_opens_the_nearest(tab: Tab, backend: Backend) -> None:
    listed = backend.get("instruments", asset="ETH")["instruments"]
    option = min(
        (each for each in listed if each["type"] == "P" and each["settle"] == "USDT"),
        key=lambda each: (each["expiry_ms"], each["strike"]),
    )
    page = tab.open("BTC/expiries")
    search(page, f"eth {option['strike_text']} p")
    expect(page.locator("h1")).to_have_text(re.compile(f"^{option['symbol']}"))


def instrument(symbol: str) -> dict[str, Any]:
    """The fields of /v1/instruments that the search uses."""
    asset, label, strike, kind, *settle = symbol.split("-")
    delivery = datetime.strptime(label, "%d%b%y").replace(hour=8, tzinfo=UTC)
    return {
        "symbol": symbol,
        "asset": asset,
        "settle": settle[0] if settle else "USDC",
        "expiry_ms": round(delivery.timestamp() * 1000),
        "strike": float(strike),
        "strike_text": strike,
        "type": kind,
    }


LISTED = [
    instrument(symbol)
    for symbol in (
        "BTC-11DEC26-100000-C-USDT",
        "BTC-11DEC26-90000-C-USDT",
        "BTC-1DEC26-90000-C",
        "BTC-1DEC26-90000-C-USDT",
        "BTC-1DEC26-90000-P-USDT",
        "BTC-25JUN27-100000-C",
        "BTC-25JUN27-100000-C-USDT",
        "BTC-29NOV26-90000-C-USDT",
        "BTC-29NOV26-90500-P-USDT",
        "ETH-11DEC26-3000-P-USDT",
        "ETH-1DEC26-3000-P-USDT",
        "XRP-1DEC26-0.4-C-USDT",
        "XRP-1DEC26-4-P-USDT",
    )
]
MATCH = """
async ([listed, text, isTyping]) => {
  const { matchingInstruments } = await import("/page/data/symbol_matching.js");
  const nowMs = Date.UTC(2026, 10, 30, 14);
  return matchingInstruments(listed, text, nowMs, isTyping).map(({ symbol }) => symbol);
}
"""


def test_words_of_a_search_match_whole_parts_of_a_symbol(tab: Tab) -> None:
    page = tab.open("BTC/expiries")
    first = {
        "1dec26 90000 c": "BTC-1DEC26-90000-C-USDT",
        "btc 1dec26 c": "BTC-1DEC26-90000-C-USDT",
        "BTC-1DEC26-90000": "BTC-1DEC26-90000-C-USDT",
        "c 90000": "BTC-1DEC26-90000-C-USDT",  # not 29NOV26, which has expired
        "put 90k btc": "BTC-1DEC26-90000-P-USDT",
        "1dec26 90,000 call usdc": "BTC-1DEC26-90000-C",
        "01DEC2026 90000": "BTC-1DEC26-90000-C-USDT",
        "2026-12-11 100000": "BTC-11DEC26-100000-C-USDT",
        "261211 eth": "ETH-11DEC26-3000-P-USDT",
        "eth 3000 p": "ETH-1DEC26-3000-P-USDT",
        "25jun27 100000 c": "BTC-25JUN27-100000-C-USDT",
        "btcusdt 25jun27": "BTC-25JUN27-100000-C-USDT",
        "90500": "BTC-29NOV26-90500-P-USDT",
        "xrp 0.40": "XRP-1DEC26-0.4-C-USDT",
        "4": "XRP-1DEC26-4-P-USDT",
    }
    matches = {text: page.evaluate(MATCH, [LISTED, text, False]) for text in first}
    assert {text: symbols[:1] for text, symbols in matches.items()} == {
        text: [symbol] for text, symbol in first.items()
    }
    for text in ("dec26", "0000", "t", "1dec26 11dec26", "90000.5", "1DEC", "-"):
        assert page.evaluate(MATCH, [LISTED, text, False]) == [], text


def test_while_typing_the_last_word_matches_beginnings(tab: Tab) -> None:
    page = tab.open("BTC/expiries")
    symbols = page.evaluate(MATCH, [LISTED, "btc 1d", True])
    assert symbols == [
        "BTC-1DEC26-90000-C-USDT",
        "BTC-1DEC26-90000-P-USDT",
        "BTC-1DEC26-90000-C",
    ]
    assert page.evaluate(MATCH, [LISTED, "1d btc", True]) == []


NEAREST = MATCH.replace("matchingInstruments", "nearestInstruments").replace(", isTyping)", ")")


def test_the_nearest_options_to_an_unlisted_one(tab: Tab) -> None:
    page = tab.open("BTC/expiries")
    nearest = {
        "btc 11dec26 95000 c": ["BTC-11DEC26-90000-C-USDT", "BTC-11DEC26-100000-C-USDT"],
        "BTC-11DEC26-80000-C-USDT": ["BTC-11DEC26-90000-C-USDT"],
        "11dec26 3100 put": ["ETH-11DEC26-3000-P-USDT"],
        "5dec26 90000 call btc": ["BTC-1DEC26-90000-C-USDT", "BTC-11DEC26-90000-C-USDT"],
        "1dec26 95k usdc": ["BTC-1DEC26-90000-C"],
        "1jan99 100000 c": ["BTC-25JUN27-100000-C-USDT"],
        # not the expired option of 29NOV26
        "29nov26 90000 c": ["BTC-1DEC26-90000-C-USDT"],
        "95000 c": ["BTC-1DEC26-90000-C-USDT"],
        "doge 1dec26 90000": [],
        "doge": [],
    }
    texts = {text: page.evaluate(NEAREST, [LISTED, text]) for text in nearest}
    assert texts == nearest


def test_a_search_for_an_unlisted_strike_offers_the_nearest(tab: Tab, backend: Backend) -> None:
    calls = [
        each
        for each in backend.get("instruments", asset="BTC")["instruments"]
        if (each["type"], each["settle"]) == ("C", "USDT")
    ]
    low, high = calls[-2:]
    assert low["expiry_ms"] == high["expiry_ms"]
    label = low["symbol"].split("-")[1]
    text = f"BTC {label} {(low['strike'] + high['strike']) / 2 + 0.5:g} C"
    page = tab.open("BTC/surface")
    search(page, text)
    notice = page.locator("#search [role=status]")
    expect(notice).to_contain_text(f"No option matches {text}; the nearest:")
    expect(notice.get_by_role("link")).to_have_text([low["symbol"], high["symbol"]])
    page.keyboard.press("Tab")
    expect(notice.get_by_role("link").first).to_be_focused()
    page.keyboard.press("Escape")
    expect(notice).to_be_hidden()
    expect_view(page, "surface")
    page.keyboard.press("Enter")
    notice.get_by_role("link").last.click()
    expect(page.locator("h1")).to_have_text(high["symbol"])
    expect(notice).to_be_hidden()
    expect(page.get_by_role("combobox")).to_have_value("")


def test_the_result_of_a_search_is_readable_on_a_phone(new_tab: OpenTab) -> None:
    page = new_tab(viewport={"width": 320, "height": 640}).open("BTC/expiries")
    search(page, "no-such-option")
    notice = page.locator("#search [role=status]")
    expect(notice).to_have_text("No option matches NO-SUCH-OPTION")
    expect(notice).to_be_in_viewport(ratio=0.99)
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    page.keyboard.type("x")
    expect(notice).to_be_hidden()


def test_columns_are_chosen_and_remembered(tab: Tab, backend: Backend) -> None:
    page = tab.open(f"BTC/chain/{labels(backend)[0]}")
    gamma = page.locator("th[data-column=gamma]")
    expect(page.locator("tr.atm")).to_be_visible()
    expect(gamma).to_have_count(0)
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("Gamma", exact=True).check()
    page.get_by_label("Bid size", exact=True).uncheck()
    expect(gamma).to_have_count(2)
    expect(page.locator("tr.atm td[data-column=gamma]").first).to_have_text(re.compile(r"\d"))
    page.reload()
    expect(gamma).to_have_count(2)
    expect(page.locator("th[data-column=bid_size]")).to_have_count(0)
    page.get_by_text("Columns", exact=True).click()
    page.get_by_role("button", name="Reset to default").click()
    expect(gamma).to_have_count(0)
    expect(page.locator("th[data-column=bid_size]")).to_have_count(2)


@pytest.mark.parametrize(("by", "column"), [("IV", "mark_iv"), ("OI", "open_interest")])
def test_the_heatmap_of_a_chain_can_be_chosen(
    tab: Tab, backend: Backend, by: str, column: str
) -> None:
    page = tab.open(f"BTC/chain/{labels(backend)[0]}")
    page.get_by_role("button", name=by, exact=True).click()
    expect(page.locator(f"td.warmth[data-column={column}]").first).to_be_visible()
    assert page.locator(f"td.warmth:not([data-column={column}])").count() == 0
    page.get_by_role("button", name="Off").click()
    expect(page.locator("td.warmth")).to_have_count(0)


def test_a_symbol_is_copied(new_tab: OpenTab, backend: Backend) -> None:
    tab = new_tab(permissions=["clipboard-read", "clipboard-write"])
    page = tab.open(f"BTC/chain/{labels(backend)[0]}")
    row = page.locator("tr.atm")
    symbol = row.get_attribute("data-symbol")
    row.get_by_role("button", name=f"Copy {symbol}").click()
    expect(page.locator("#toast")).to_have_text(f"Copied {symbol}")
    assert page.evaluate("navigator.clipboard.readText()") == symbol
    expect(page.locator("#toast")).to_be_hidden()
    page.keyboard.press("j")
    row.focus()
    put = row.get_attribute("data-other-symbol")
    page.keyboard.press("Y")
    expect(page.locator("#toast")).to_have_text(f"Copied {put}")
    assert page.evaluate("navigator.clipboard.readText()") == put


def test_filters_are_saved_loaded_and_deleted(tab: Tab) -> None:
    page = tab.open("scan?asset=BTC&sort=-mark_iv&limit=50")
    expect(page.locator("main tbody tr").first).to_be_visible()
    page.get_by_label("Mark IV from").fill("10%")
    page.get_by_label("Type", exact=True).select_option("P")
    page.get_by_role("button", name="Scan", exact=True).click()
    expect(page).to_have_url(re.compile("min_iv=10%25"))
    expect(page.locator("main tbody tr[data-key*='-C-']")).to_have_count(0)
    page.get_by_label("Name of the filter").fill("rich puts")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#toast")).to_contain_text("rich puts")

    page.get_by_role("button", name="Clear").click()
    expect(page).not_to_have_url(re.compile("min_iv"))
    expect(page.get_by_label("Mark IV from")).to_have_value("")
    page.reload()
    page.get_by_label("Saved", exact=True).select_option("rich puts")
    expect(page.get_by_label("Mark IV from")).to_have_value("10%")
    expect(page.get_by_label("Type", exact=True)).to_have_value("P")
    expect(page).to_have_url(re.compile("min_iv=10%25"))
    expect(page.get_by_label("Name of the filter")).to_have_value("rich puts")
    page.get_by_role("button", name="Delete").click()
    expect(page.get_by_label("Saved", exact=True).locator("option")).to_have_count(1)


def test_an_invalid_bound_is_marked_at_its_field(tab: Tab) -> None:
    page = tab.open("scan?asset=BTC&min_iv=80")
    alert = page.get_by_role("alert")
    field = page.get_by_label("Mark IV from")
    expect(alert).to_contain_text("Mark IV from: 80 is 8000%")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(page.locator(".field", has=field)).to_contain_text("80 is 8000%")
    expect(page.get_by_label("Mark IV to")).not_to_have_attribute("aria-invalid", "true")
    main = page.locator("main")
    expect(main).not_to_have_class(re.compile("waiting"))
    expect(main).to_have_css("filter", "none")
    expect(page.locator("main tbody tr")).to_have_count(0)
    field.fill("many")
    page.get_by_role("button", name="Scan", exact=True).click()
    expect(alert).to_contain_text("Mark IV from: 'many' is not a number")
    expect(main).not_to_have_class(re.compile("waiting"))
    field.fill("10%")
    page.get_by_role("button", name="Scan", exact=True).click()
    expect(page.locator("main tbody tr").first).to_be_visible()
    expect(alert).to_have_count(0)


def test_contradicting_bounds_are_both_marked(tab: Tab) -> None:
    page = tab.open("scan?asset=BTC&min_ask_iv=0.9&max_ask_iv=0.5")
    expect(page.get_by_role("alert")).to_contain_text("Ask IV from 0.9 is above Ask IV to 0.5")
    for name in ("Ask IV from", "Ask IV to"):  # behind "More filters", which opens
        expect(page.get_by_label(name)).to_be_visible()
        expect(page.get_by_label(name)).to_have_attribute("aria-invalid", "true")


def test_a_click_on_a_heading_sorts(tab: Tab) -> None:
    page = tab.open("scan?asset=BTC&sort=-mark_iv&limit=25")
    expect(page.locator("main tbody tr").first).to_be_visible()
    page.get_by_role("button", name="Delta").click()
    heading = page.get_by_role("columnheader", name="Delta")
    expect(heading).to_have_attribute("aria-sort", "descending")
    expect(page.locator("main tbody tr").first).to_be_visible()
    page.get_by_role("button", name="Delta").click()
    expect(heading).to_have_attribute("aria-sort", "ascending")
    expect(page).to_have_url(re.compile("sort=delta"))


def test_the_system_theme_applies_until_one_is_chosen(new_tab: OpenTab) -> None:
    def background(page: Page) -> str:
        colour: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return colour

    dark = new_tab(color_scheme="dark").open("BTC/expiries")
    page = new_tab(color_scheme="light").open("BTC/expiries")
    light = background(page)
    assert light != background(dark)
    page.keyboard.press("t")  # system, light, dark
    page.keyboard.press("t")
    expect(page.get_by_role("button", name="Theme: dark")).to_be_visible()
    assert background(page) == background(dark)
    page.reload()
    assert background(page) == background(dark)
    page.keyboard.press("t")
    assert background(page) == light


def test_strikes_stay_visible_on_a_phone(new_tab: OpenTab, backend: Backend) -> None:
    tab = new_tab(viewport={"width": 390, "height": 844}, has_touch=True)
    page = tab.open(f"BTC/chain/{labels(backend)[0]}")
    strike = page.locator("tr.atm th.strike")
    expect(strike).to_be_in_viewport()
    for end in (0, 10_000):
        page.locator(".chain-scroll").evaluate("(node, end) => { node.scrollLeft = end; }", end)
        expect(strike).to_be_in_viewport(ratio=0.95)


FLASHES = """
() => {
  window.flashed = new Set();
  new MutationObserver((records) => {
    for (const { target } of records) {
      for (const name of ["went-up", "went-down"]) {
        if (target.classList.contains(name)) window.flashed.add(name);
      }
    }
  }).observe(document.querySelector("main"), { attributeFilter: ["class"], subtree: true });
}
"""


def test_changed_cells_flash(tab: Tab, backend: Backend) -> None:
    page = tab.open(f"BTC/chain/{labels(backend)[0]}")
    page.evaluate(FLASHES)
    until(lambda: len(page.evaluate("[...window.flashed]")) == 2)


def test_nothing_flashes_with_reduced_motion(new_tab: OpenTab, backend: Backend) -> None:
    tab = new_tab(reduced_motion="reduce")
    page = tab.open(f"BTC/chain/{labels(backend)[0]}")
    page.evaluate(FLASHES)
    prices = page.locator("td[data-column=mark_price]")
    before = prices.all_text_contents()
    until(lambda: prices.all_text_contents() != before)
    assert page.evaluate("window.flashed.size") == 0


def test_the_start_address_opens_the_expiries(tab: Tab) -> None:
    page = tab.page
    page.goto(tab.url)
    expect(page).to_have_url(re.compile("#/BTC/expiries"))
    expect(page).to_have_title("BTC expiries · fastopts")


@pytest.mark.parametrize(
    ("address", "suggestion", "links"),
    [
        ("ETH/scanner", "; did you mean Scanner?", ["Scanner", "ETH expiries", "ETH chain"]),
        ("eth/foo", "", ["ETH expiries", "ETH chain", "ETH smile"]),
        ("chain", "; did you mean Chain?", ["BTC chain", "BTC expiries", "BTC smile"]),
        ("scanner", "; did you mean Scanner?", ["Scanner", "BTC expiries", "BTC chain"]),
        ("no/such/place/at/all", "", ["BTC expiries", "BTC chain", "BTC smile"]),
        ("option", "", ["BTC expiries", "BTC chain", "BTC smile"]),
        ("BTC/100%", "", ["BTC expiries", "BTC chain", "BTC smile"]),
    ],
)
def test_a_wrong_address_is_named_and_the_views_are_offered(
    tab: Tab, address: str, suggestion: str, links: list[str]
) -> None:
    page = tab.open(address)
    message = f"#/{address} is not an address of this page{suggestion}"
    expect(page.get_by_role("alert")).to_have_text(message)
    expect(page).to_have_title("Address not found · fastopts")
    expect(page.locator("main .links a")).to_have_count(len(VIEWS))
    assert tab.texts("main .links a")[:3] == links
    expect(page).to_have_url(f"{tab.url}/#/{address}")
    page.locator("main .links a").first.click()
    expect(page.locator("main .links")).to_have_count(0)
    expect(page.get_by_role("alert")).to_have_count(0)
