"""Each view shows the values of the API, while the feed is paused."""

import re
from collections import Counter

import pytest
from playwright.sync_api import Page, expect

from fastopts.number_format import Steps
from tests.page.backend import Backend
from tests.page.conftest import OpenTab
from tests.page.tab import Tab
from tests.page.terminal import common_steps, field_text, series_text, text
from tests.page.views import VIEWS, address, expect_drawn, front

# The cells of a chain by strike, side and column.
CHAIN_TEXTS = """
() => Object.fromEntries(
  [...document.querySelectorAll("table.chain tbody td[data-column]")].map((td) => [
    `${td.parentElement.dataset.strike} ${td.dataset.side} ${td.dataset.column}`,
    td.textContent,
  ]),
)
"""
ROW_TEXTS = """
() => Object.fromEntries(
  [...document.querySelectorAll("main tr[data-key] [data-column]")].map((cell) => [
    `${cell.parentElement.dataset.key} ${cell.dataset.column}`,
    cell.textContent,
  ]),
)
"""
OPTION_TEXTS = """
() => Object.fromEntries(
  [...document.querySelectorAll("[data-field]")].map((td) => [td.dataset.field, td.textContent]),
)
"""
CHAIN_COLUMNS = (
    *("bid_price", "ask_price", "mark_price", "bid_iv", "ask_iv", "mark_iv", "spread_iv"),
    *("bid_size", "ask_size", "open_interest", "volume_24h", "delta"),
)
WIDE = {"width": 1920, "height": 1080}  # with all default columns


def cell(page: Page, row: str, column: str) -> str:
    text = page.locator(f"tr[data-key='{row}'] [data-column='{column}']").text_content()
    return (text or "").strip()


def test_the_expiries(tab: Tab, backend: Backend) -> None:
    columns = {"risk_reversal": "rr", "butterfly": "bf"} | {
        name: name for name in ("forward", "atm_iv", "straddle", "open_interest", "turnover_24h")
    }
    with backend.frozen():
        page = tab.open("BTC/expiries")
        expect(page.locator("main tbody tr").first).to_be_visible()
        texts = page.evaluate(ROW_TEXTS)
        body = backend.get("expiries/BTC", stale="true")
        index = tab.texts("[data-figure=index]")
    assert len(body["expiries"]) > 3
    for series in body["expiries"]:
        key = f"{series['label']}-{series['settle']}"
        expected = {f"{key} {columns[name]}": series_text(series, name) for name in columns}
        expected |= {f"{key} label": series["label"], f"{key} settle": series["settle"]}
        assert {name: texts[name] for name in expected} == expected
        assert texts[f"{key} live"].endswith(f"/{series['total']}") or "·" in texts[f"{key} live"]
    steps = Steps(tick=body["expiries"][0]["tick_size"])
    assert index == [text(body["index_price"], "level", steps)]


@pytest.mark.parametrize("asset", ["BTC", "XRP"])
def test_a_chain(new_tab: OpenTab, backend: Backend, asset: str) -> None:
    label = backend.get(f"expiries/{asset}", stale="true")["expiries"][0]["label"]
    tab = new_tab(viewport=WIDE)
    with backend.frozen():
        page = tab.open(f"{asset}/chain/{label}")
        expect(page.locator("tr.atm")).to_be_visible()
        texts = page.evaluate(CHAIN_TEXTS)
        heads = tab.texts("tr[data-strike] th")
        atm = tab.texts("tr.atm th")
        chain = backend.get(f"chains/{asset}/{label}", stale="true")
    options = [row[side] for row in chain["strikes"] for side in ("call", "put")]
    steps = common_steps(options)
    expected = {
        f"{row['strike']:g} {side} {column}": field_text(row[side], column, steps)
        for row in chain["strikes"]
        for side in ("call", "put")
        for column in CHAIN_COLUMNS
    }
    assert {name: texts[name] for name in expected} == expected
    assert {name.split()[2] for name in texts} == {*CHAIN_COLUMNS, "age"}
    shown = {row["strike"]: text(row["strike"], "strike", steps) for row in chain["strikes"]}
    assert [head.lstrip("▸") for head in heads] == [*shown.values()]
    assert atm == [f"▸{shown[row['strike']]}" for row in chain["strikes"] if row["atm"]]


def test_a_chain_has_the_texts_of_the_command_line(new_tab: OpenTab, backend: Backend) -> None:
    label = front(backend)["label"]
    tab = new_tab(viewport=WIDE)
    with backend.frozen():
        page = tab.open(f"BTC/chain/{label}")
        expect(page.locator("tr.atm")).to_be_visible()
        texts = page.evaluate(CHAIN_TEXTS)
        words = ("chain", "BTC", label, "--stale", "--all", "--columns", ",".join(CHAIN_COLUMNS))
        output = backend.output(*words, columns=400)
    rows = [line.replace("-", "\N{MINUS SIGN}").split() for line in output.splitlines()]
    for strike in {name.split()[0] for name in texts}:
        cells = Counter(
            texts[f"{strike} {side} {column}"].replace("\N{EN DASH}", "\N{MINUS SIGN}")
            for side in ("call", "put")
            for column in CHAIN_COLUMNS
        )
        # and the strike itself
        assert any(not cells - Counter(row) and len(row) > len(CHAIN_COLUMNS) for row in rows), (
            strike,
            cells,
        )


def test_both_coins_of_an_expiry_have_a_chain(tab: Tab, backend: Backend) -> None:
    series = backend.get("expiries/BTC", stale="true")["expiries"]
    labels = [each["label"] for each in series]
    label = next(label for label in labels if labels.count(label) == 2)
    page = tab.open(f"BTC/chain/{label}/USDT")
    expect(page.locator("tr[data-symbol$='-USDT']").first).to_be_visible()
    page.get_by_role("button", name="USDC", exact=True).click()
    expect(page.locator("tr[data-symbol$='-USDT']")).to_have_count(0)
    expect(page.locator("tbody tr[data-symbol]").first).to_be_visible()
    assert page.url.endswith(f"#/BTC/chain/{label}/USDC")
    pressed = page.get_by_role("button", name="USDC", exact=True)
    expect(pressed).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize("by", ["Strike", "ln(K/F)", "Delta"])
def test_a_smile(tab: Tab, backend: Backend, by: str) -> None:
    label = front(backend)["label"]
    with backend.frozen():
        page = tab.open(f"BTC/smile/{label}")
        expect(page.locator(".chart.drawn canvas").first).to_be_visible()
        page.get_by_role("button", name=by, exact=True).click()
        page.get_by_text("Data table", exact=True).click()
        points = backend.get(f"smile/BTC/{label}", stale="true")["points"]
        expect(page.locator("details.chart-data tbody tr")).to_have_count(len(points))
        for point in points:
            for column in ("mark_iv", "bid_iv", "ask_iv"):
                expected = tab.formatted("percent", point[column])
                assert cell(page, point["symbol"], column) == expected
            for column, decimals in {"log_moneyness": 4, "delta": 2}.items():
                expected = tab.formatted("fixed", point[column], decimals)
                assert cell(page, point["symbol"], column) == expected
            strike = tab.formatted("number", point["strike"])
            assert cell(page, point["symbol"], "strike") == strike


def test_a_smile_is_the_same_on_the_page_in_the_api_and_on_the_command_line(
    tab: Tab, backend: Backend
) -> None:
    label = front(backend)["label"]
    with backend.frozen():
        page = tab.open(f"BTC/smile/{label}")
        page.get_by_text("Data table", exact=True).click()
        body = backend.get(f"smile/BTC/{label}", stale="true")
        points = backend.command("smile", "BTC", label, "--stale", "--json")
        assert points
        # times have another form in JSON of the command line; in the time between the reads ages
        # grow, and on a busy machine an option may turn stale
        names = body["points"][0].keys() - {"ts_ms", "age_s", "live"}
        assert {"type", "log_moneyness"} < names
        assert [{name: point[name] for name in names} for point in points] == [
            {name: point[name] for name in names} for point in body["points"]
        ]
        assert {point["forward"] for point in points} == {body["forward"]}
        rows = page.locator("details.chart-data tbody tr")
        expect(rows).to_have_count(len(points))
        assert [row.get_attribute("data-key") for row in rows.all()] == [
            point["symbol"] for point in points
        ]


def test_expiries_can_be_compared_in_a_smile(tab: Tab, backend: Backend) -> None:
    label, overlay, *_ = [e["label"] for e in backend.get("expiries/BTC", stale="true")["expiries"]]
    page = tab.open(f"BTC/smile/{label}")
    page.get_by_text("Compare expiries").click()
    page.get_by_label(overlay, exact=True).check()
    expect(page.locator(".chart.drawn canvas").first).to_be_visible()
    with page.expect_request(lambda request: "events" in request.url) as request:
        page.reload()
    assert f"%2B{overlay}" in request.value.url


def test_the_term_structure(tab: Tab, backend: Backend) -> None:
    with backend.frozen():
        page = tab.open("BTC/term")
        expect(page.locator(".chart.drawn canvas").first).to_be_visible()
        page.get_by_text("Data table", exact=True).click()
        for series in backend.get("expiries/BTC", stale="true")["expiries"]:
            key = f"{series['label']}-{series['settle']}"
            assert cell(page, key, "atm_iv") == tab.formatted("percent", series["atm_iv"])
            assert cell(page, key, "rr") == tab.formatted("points", series["risk_reversal"])


def test_the_surface(tab: Tab, backend: Backend) -> None:
    with backend.frozen():
        page = tab.open("BTC/surface")
        expect(page.locator("table.surface tbody tr").first).to_be_visible()
        body = backend.get("surface/BTC", stale="true")
        known = 0
        for series in body["expiries"]:
            for index, value in enumerate(series["ivs"]):
                shown = cell(page, f"{series['label']}-{series['settle']}", f"d{index}")
                assert shown == tab.formatted("percent", value)
                known += value is not None
        assert known > 20


def test_open_interest(tab: Tab, backend: Backend) -> None:
    label = front(backend)["label"]
    with backend.frozen():
        page = tab.open(f"BTC/open-interest/{label}")
        expect(page.locator(".chart.drawn canvas").first).to_be_visible()
        page.get_by_text("Data table", exact=True).click()
        strikes = backend.get(f"chains/BTC/{label}", stale="true")["strikes"]
        for strike in strikes:
            row = f"{strike['strike']:g}"
            for side in ("call", "put"):
                expected = tab.formatted("compact", strike[side]["open_interest"])
                assert cell(page, row, side) == expected
        calls = sum(strike["call"]["open_interest"] for strike in strikes)
        assert tab.texts("[data-figure=calls]") == [f"{tab.formatted('compact', calls)} BTC"]
        series = front(backend)
        figures = {
            "max_pain": tab.formatted("number", series["max_pain"]),
            "put_call_ratio": tab.formatted("fixed", series["put_call_open_interest"], 2),
        }
        for name, expected in figures.items():
            expect(page.locator(f"[data-figure={name}]")).to_have_text(expected)


def test_open_interest_of_all_expiries(tab: Tab, backend: Backend) -> None:
    with backend.frozen():
        page = tab.open("BTC/open-interest")
        expect(page.locator(".chart.drawn canvas").first).to_be_visible()
        series = backend.get("expiries/BTC", stale="true")["expiries"]
        listed = sum(each["total"] for each in series)
        expect(page.locator("[data-figure=live]")).to_have_text(f"{listed}/{listed}")


def test_the_scanner(tab: Tab, backend: Backend) -> None:
    with backend.frozen():
        page = tab.open("scan?asset=BTC&sort=-mark_iv&limit=25&type=C")
        expect(page.locator("tbody tr[data-symbol]")).to_have_count(25)
        query = {"asset": "BTC", "sort": "-mark_iv", "limit": "25", "type": "C"}
        body = backend.get("scan", **query, stale="true")
        symbols = [row.get_attribute("data-key") for row in page.locator("main tbody tr").all()]
        assert symbols == [option["symbol"] for option in body["options"]]
        for option in body["options"]:
            for name in ("mark_iv", "bid_price"):
                assert cell(page, option["symbol"], name) == field_text(option, name)
        expect(page.locator(".summary")).to_contain_text(f"of {body['considered']} considered")
        counts = f"{body['out_of_bounds']} out of bounds"
        expect(page.locator(".summary")).to_contain_text(counts)


def test_one_option(tab: Tab, backend: Backend) -> None:
    label = front(backend)["label"]
    chain = backend.get(f"chains/BTC/{label}", stale="true")
    symbol = next(row["call"]["symbol"] for row in chain["strikes"] if row["atm"])
    with backend.frozen():
        page = tab.open(f"option/{symbol}")
        option = backend.get(f"options/{symbol}", stale="true")
        expected = {
            name: field_text(option, name, is_detail=True)
            for name in ("bid_price", "mark_price", "mark_iv", "delta", "forward", "open_interest")
        } | {"seq": str(option["seq"])}
        expect(page.locator("[data-field=seq]")).to_have_text(expected["seq"])
        texts = page.evaluate(OPTION_TEXTS)
    assert {name: texts[name] for name in expected} == expected
    assert page.get_by_role("rowheader", name="Spread").count() == 1


def test_an_unlisted_expiry_or_option_shows_an_error(tab: Tab) -> None:
    page = tab.open("BTC/chain/1JAN99")
    expect(page.get_by_role("alert")).not_to_be_empty()
    page = tab.open("option/BTC-1JAN99-90000-C-USDT")
    expect(page.get_by_role("alert")).not_to_be_empty()


@pytest.mark.parametrize("view", VIEWS)
def test_no_view_shows_a_value_of_the_script(tab: Tab, backend: Backend, view: str) -> None:
    page = tab.open(address(backend, view))
    expect_drawn(page, view)
    for summary in page.locator("main summary").all():
        summary.click()
    shown = page.locator("body").inner_text()
    assert re.findall(r".*(?:undefined|NaN|Infinity|\bnull\b|\[object).*", shown) == []


# A view that receives an option, then the messages of its delivery.
DELISTED_OPTION = """
async () => {
  const { open } = await import("/page/views/option.js");
  const symbol = "BTC-29DEC23-90000-C-USDT";
  const view = open({ symbol });
  const main = document.querySelector("main");
  main.replaceChildren(view.node);
  const row = { symbol, asset: "BTC", settle: "USDT", type: "C", strike: 90000, expiry_ms: 1 };
  const message = { type: "rows", full: true, more: false, gone: [] };
  view.receive({ ...message, rows: [row] });
  view.receive({ type: "error", reason: "Expired", detail: `${symbol} has expired` });
  await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  view.receive({ ...message, full: false, rows: [], gone: [symbol] });
}
"""


def expect_no_option(page: Page, message: str) -> None:
    """Wait until the page says *message* in place of an option's values."""
    expect(page.get_by_role("alert")).to_contain_text(message)
    expect(page.locator(".panel")).to_be_hidden()
    expect(page.locator("main")).not_to_have_class(re.compile("waiting"))


def test_an_unlisted_strike_has_links_to_its_neighbours(tab: Tab, backend: Backend) -> None:
    low, high = [
        each
        for each in backend.get("instruments", asset="BTC")["instruments"]
        if (each["type"], each["settle"]) == ("P", "USDT")
    ][-2:]
    assert low["expiry_ms"] == high["expiry_ms"]
    strike = (low["strike"] + high["strike"]) / 2 + 0.5
    label = low["symbol"].split("-")[1]
    symbol = f"BTC-{label}-{strike:g}-P-USDT"
    page = tab.open(f"option/{symbol}")
    expect_no_option(page, f"there is no option '{symbol}' here")
    links = page.locator("main .links a")
    expect(links).to_have_text([low["symbol"], high["symbol"], f"Chain {label}", "Expiries"])
    links.nth(1).click()
    expect(page.locator("h1")).to_have_text(high["symbol"])
    expect(page.locator("[data-field=strike]")).to_have_text(re.compile(r"\d"))
    expect(page.locator("main .links").last).to_be_hidden()


def test_an_expired_option_has_links_to_the_next_expiry(tab: Tab, backend: Backend) -> None:
    page = tab.open("option/BTC-29DEC23-90000-C-USDT")
    expect_no_option(page, "expired at 2023-12-29 08:00 UTC")
    label = front(backend)["label"]
    link = page.locator("main .links a").first
    expect(link).to_have_text(re.compile(f"^BTC-{label}-.*-C-USDT$"))
    expect(page.get_by_role("link", name=f"Chain {label}")).to_be_visible()


def test_a_symbol_of_no_option_has_a_link_to_the_expiries(tab: Tab) -> None:
    page = tab.open("option/foo")
    expect_no_option(page, "there is no option 'FOO' here")
    page.locator("main .links a").click()
    expect(page.locator("main")).to_have_attribute("data-view", "expiries")


def test_an_option_that_leaves_the_listing_has_links_to_its_neighbours(tab: Tab) -> None:
    page = tab.open("BTC/expiries")
    page.evaluate(DELISTED_OPTION)
    expect_no_option(page, "has expired")


@pytest.mark.parametrize("is_web_form", [False, True])
def test_an_option_is_shown_under_its_listed_symbol(
    tab: Tab, backend: Backend, is_web_form: bool
) -> None:
    listed = backend.get("instruments", asset="BTC")["instruments"]
    symbol = next(each["symbol"] for each in reversed(listed) if each["settle"] == "USDT")
    asset, *rest, coin = symbol.split("-")
    address = "-".join([asset + coin, *rest]) if is_web_form else symbol.lower()
    page = tab.open(f"option/{address}")
    expect(page).to_have_url(f"{tab.url}/#/option/{symbol}")
    expect(page.locator("h1")).to_have_text(symbol)
    expect(page.locator("[data-field=strike]")).to_have_text(re.compile(r"\d"))
