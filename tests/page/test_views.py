"""Each view shows the values of the API, while the feed is paused."""

import pytest
from playwright.sync_api import Page, expect

from tests.page.backend import Backend
from tests.page.tab import Tab
from tests.page.views import front

# Column of the chain: its function of format.js.
CHAIN = {
    "bid_price": "price",
    "ask_price": "price",
    "mark_price": "price",
    "bid_iv": "percent",
    "ask_iv": "percent",
    "mark_iv": "percent",
    "bid_size": "compact",
    "ask_size": "compact",
    "open_interest": "compact",
    "volume_24h": "compact",
    "spread_iv": "points",
}


def cell(page: Page, row: str, column: str) -> str:
    text = page.locator(f"tr[data-key='{row}'] [data-column='{column}']").text_content()
    return (text or "").strip()


def test_the_expiries(tab: Tab, backend: Backend) -> None:
    with backend.frozen():
        page = tab.open("BTC/expiries")
        body = backend.get("expiries/BTC", stale="true")
        assert len(body["expiries"]) > 3
        for series in body["expiries"]:
            key = f"{series['label']}-{series['settle']}"
            expected = {
                "label": series["label"],
                "settle": series["settle"],
                "forward": tab.formatted("level", series["forward"]),
                "basis": tab.formatted("signedPercent", series["basis"]),
                "atm_iv": tab.formatted("percent", series["atm_iv"]),
                "straddle": tab.formatted("price", series["straddle"], series["forward"]),
                "rr": tab.formatted("points", series["risk_reversal"]),
                "bf": tab.formatted("points", series["butterfly"]),
                "open_interest": tab.formatted("compact", series["open_interest"]),
                "turnover_24h": tab.formatted("compact", series["turnover_24h"]),
                "live": f"{series['live']}/{series['total']}",
            }
            expected.pop(
                "basis"
            )  # annualised over the remaining time: it changes without an update
            assert {name: cell(page, key, name) for name in expected} == expected
        assert tab.texts("[data-figure=index]") == [tab.formatted("level", body["index_price"])]


def test_a_chain(tab: Tab, backend: Backend) -> None:
    label = front(backend)["label"]
    with backend.frozen():
        page = tab.open(f"BTC/chain/{label}")
        chain = backend.get(f"chains/BTC/{label}", stale="true")
        rows = page.locator("table.chain tbody tr")
        expect(rows).to_have_count(len(chain["strikes"]))
        expect(page.locator("tr.atm")).to_be_visible()
        for strike in chain["strikes"]:
            line = page.locator(f"tr[data-strike='{strike['strike']:g}']")
            is_atm = "atm" in (line.get_attribute("class") or "").split()
            assert is_atm == strike["atm"]
            for side in ("call", "put"):
                option = strike[side]
                for column, function in CHAIN.items():
                    selector = f"[data-side={side}][data-column={column}]"
                    scale = [option["forward"]] if function == "price" else []
                    expected = tab.formatted(function, option[column], *scale)
                    assert line.locator(selector).text_content() == expected, (option, column)


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
        # times have another form in JSON of the command line; ages differ by the time between reads
        names = body["points"][0].keys() - {"ts_ms", "age_s"}
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
        assert tab.texts("[data-figure=calls]") == [tab.formatted("compact", calls)]
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
            assert cell(page, option["symbol"], "mark_iv") == tab.formatted(
                "percent", option["mark_iv"]
            )
            expected = tab.formatted("price", option["bid_price"], option["forward"])
            assert cell(page, option["symbol"], "bid_price") == expected
        expect(page.locator(".summary")).to_contain_text(f"of {body['considered']} considered")


def test_one_option(tab: Tab, backend: Backend) -> None:
    label = front(backend)["label"]
    chain = backend.get(f"chains/BTC/{label}", stale="true")
    symbol = next(row["call"]["symbol"] for row in chain["strikes"] if row["atm"])
    with backend.frozen():
        page = tab.open(f"option/{symbol}")
        option = backend.get(f"options/{symbol}", stale="true")
        expected = {
            "bid_price": tab.formatted("price", option["bid_price"], option["forward"]),
            "mark_iv": tab.formatted("percent", option["mark_iv"], 2),
            "delta": tab.formatted("fixed", option["delta"], 4),
            "forward": tab.formatted("level", option["forward"]),
            "open_interest": tab.formatted("number", option["open_interest"]),
            "seq": str(option["seq"]),
            "live": "yes",
        }
        for field, text in expected.items():
            expect(page.locator(f"[data-field={field}]")).to_have_text(text)


def test_an_unlisted_expiry_or_option_shows_an_error(tab: Tab) -> None:
    page = tab.open("BTC/chain/1JAN99")
    expect(page.get_by_role("alert")).not_to_be_empty()
    page = tab.open("option/BTC-1JAN99-90000-C-USDT")
    expect(page.get_by_role("alert")).not_to_be_empty()
