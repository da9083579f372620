"""The charts: true scales, labels that do not overlap, lines where the API has the values."""

from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.page.backend import Backend
from tests.page.tab import Tab

# The ECharts option of the chart, and the positions of values on an axis, in pixels.
OPTION = "() => echarts.getInstanceByDom(document.querySelector('.chart')).getOption()"
PIXELS = """([axis, values]) => {
  const chart = echarts.getInstanceByDom(document.querySelector(".chart"));
  return values.map((value) => chart.convertToPixel({ xAxisIndex: axis }, value));
}"""
LABELS = """() => {
  const chart = echarts.getInstanceByDom(document.querySelector(".chart"));
  const { xAxis } = chart.getOption();
  const context = document.createElement("canvas").getContext("2d");
  context.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  const { customValues, formatter } = xAxis.at(-1).axisLabel;
  return customValues.map((value) => {
    const lines = formatter(value).split("\\n");
    const width = Math.max(...lines.map((line) => context.measureText(line).width));
    const x = chart.convertToPixel({ xAxisIndex: xAxis.length - 1 }, value);
    return { value, expiry: lines[0], left: x - width / 2, right: x + width / 2 };
  });
}"""


def option_of(page: Page) -> dict[str, Any]:
    expect(page.locator(".chart.drawn canvas").first).to_be_visible()
    option: dict[str, Any] = page.evaluate(OPTION)
    return option


def legend_of(page: Page) -> list[str]:
    option = option_of(page)
    names = option["legend"][0].get("data") or [each["name"] for each in option["series"]]
    return [name if isinstance(name, str) else name["name"] for name in names]


def pixels(page: Page, values: list[float], axis: int = 0) -> list[float]:
    positions: list[float] = page.evaluate(PIXELS, [axis, values])
    return positions


def expect_true_scale(page: Page, values: list[float], axis: int = 0) -> None:
    """Assert that distances on the axis are proportional to differences of the values."""
    positions = pixels(page, values, axis)
    scale = (positions[-1] - positions[0]) / (values[-1] - values[0])
    expected = [positions[0] + (value - values[0]) * scale for value in values]
    assert positions == pytest.approx(expected, abs=0.5)


def lines_of(option: dict[str, Any]) -> dict[str, float]:
    """The positions of the vertical lines by the first word of their labels."""
    [series] = [each for each in option["series"] if each.get("markLine")]
    return {
        line["label"]["formatter"].rpartition(" ")[0]: line["xAxis"]
        for line in series["markLine"]["data"]
    }


@pytest.mark.parametrize("width", [320, 768, 1920])
def test_the_term_structure_has_expiries_at_their_time(
    tab: Tab, backend: Backend, width: int
) -> None:
    with backend.frozen():
        tab.page.set_viewport_size({"width": width, "height": 900})
        page = tab.open("BTC/term")
        option_of(page)
        series = backend.get("expiries/BTC", settle="USDT", stale="true")["expiries"]
        labels = page.evaluate(LABELS)
        dte = {each["label"]: each["dte"] for each in series}
        assert [each["expiry"] for each in labels] == [
            name for name in dte if name in {each["expiry"] for each in labels}
        ]
        assert labels[0]["expiry"] == series[0]["label"]
        for label in labels:
            assert label["value"] == pytest.approx(dte[label["expiry"]], abs=0.01)
        for left, right in pairwise(labels):
            assert left["right"] < right["left"]
        expect_true_scale(page, list(dte.values()), axis=1)


def test_the_legend_of_the_term_structure_names_settle_coins_only_if_both_are_drawn(
    tab: Tab,
) -> None:
    page = tab.open("BTC/term")
    names = ["ATM IV", "25Δ risk reversal", "25Δ butterfly"]
    assert legend_of(page) == names
    page.get_by_role("button", name="Both", exact=True).click()
    assert legend_of(page) == [f"{name} ({coin})" for coin in ("USDT", "USDC") for name in names]
    page.get_by_role("button", name="USDC", exact=True).click()
    assert legend_of(page) == names
    page.reload()
    pressed = page.get_by_role("button", name="USDC", exact=True)
    expect(pressed).to_have_attribute("aria-pressed", "true")


def test_axes_have_titles_with_units(tab: Tab, backend: Backend) -> None:
    label = backend.get("expiries/BTC", stale="true")["expiries"][0]["label"]
    titles = {
        "BTC/term": ["expiry, days left", "ATM IV", "25Δ skew (vol points)"],
        f"BTC/smile/{label}": ["strike (USDT)", "implied volatility"],
        f"BTC/open-interest/{label}": ["strike (USDT)", "Open interest (BTC)"],
    }
    for address, expected in titles.items():
        page = tab.open(address)
        expect(page.locator("main")).to_have_attribute("data-view", address.split("/")[1])
        option = option_of(page)
        axes = [*option["xAxis"], *option["yAxis"]]
        assert [axis["name"] for axis in axes if axis["name"]] == expected


def test_a_smile_has_strikes_on_a_true_scale_between_ticks(tab: Tab, backend: Backend) -> None:
    label = backend.get("expiries/BTC", stale="true")["expiries"][-1]["label"]
    with backend.frozen():
        page = tab.open(f"BTC/smile/{label}")
        option = option_of(page)
        smile = backend.get(f"smile/BTC/{label}", stale="true")
        strikes = [point["strike"] for point in smile["points"]]
        expect_true_scale(page, strikes)
        [axis] = option["xAxis"]
        assert axis["min"] % axis["interval"] == axis["max"] % axis["interval"] == 0
        assert strikes[0] - axis["interval"] < axis["min"] <= strikes[0]
        assert strikes[-1] <= axis["max"] < strikes[-1] + axis["interval"]
        assert lines_of(option) == {"F": smile["forward"]}


def test_bid_and_ask_have_the_marks_of_the_legend(tab: Tab) -> None:
    option = option_of(tab.open("BTC/smile"))
    marks = {each["name"]: each for each in option["series"] if each["type"] == "scatter"}
    assert marks.keys() == {"bid", "ask"}
    assert marks["bid"]["symbol"] != marks["ask"]["symbol"]
    for each in marks.values():
        assert not each.get("symbolRotate")  # a legend has the symbol as it is


def test_open_interest_has_lines_at_the_forward_and_at_max_pain(tab: Tab, backend: Backend) -> None:
    series = backend.get("expiries/BTC", stale="true", settle="USDT")["expiries"][-1]
    with backend.frozen():
        page = tab.open(f"BTC/open-interest/{series['label']}/USDT")
        page.get_by_role("button", name="All", exact=True).click()
        option = option_of(page)
        body = backend.get(f"chains/BTC/{series['label']}", stale="true")
        assert lines_of(option) == {"forward": body["forward"], "max pain": body["max_pain"]}
        strikes = [row["strike"] for row in body["strikes"]]
        bars = {each["name"]: each["data"] for each in option["series"] if each["data"]}
        assert [strike for strike, _ in bars["Calls"]] == strikes
        assert [value for _, value in bars["Puts"]] == [
            row["put"]["open_interest"] or 0 for row in body["strikes"]
        ]
        expect_true_scale(page, strikes)


def test_strikes_far_from_the_forward_are_left_out_and_counted(tab: Tab, backend: Backend) -> None:
    series = backend.get("expiries/BTC", stale="true", settle="USDT")["expiries"][-1]
    page = tab.open(f"BTC/open-interest/{series['label']}/USDT")
    option_of(page)
    body = backend.get(f"chains/BTC/{series['label']}", stale="true")
    low, high = 0.5 * body["forward"], 1.5 * body["forward"]
    far = [row for row in body["strikes"] if not low <= row["strike"] <= high]
    remark = page.get_by_text("are not drawn")
    if far:
        expect(remark).to_have_text(
            f"{len(far)} strikes more than 50% from the forward are not drawn."
        )
    else:
        expect(remark).to_have_count(0)


def test_settle_coins_are_summed_only_with_a_remark(tab: Tab, backend: Backend) -> None:
    with backend.frozen():
        page = tab.open("BTC/open-interest")
        option_of(page)
        remark = page.get_by_text("Sums of the options settled in USDT and in USDC.")
        expect(remark).to_be_visible()
        for coin in ("USDC", "USDT"):
            page.get_by_role("button", name=coin, exact=True).click()
            expect(remark).to_have_count(0)
            body = backend.get("expiries/BTC", settle=coin, stale="true")
            listed = sum(each["total"] for each in body["expiries"])
            expect(page.locator("[data-figure=live]")).to_have_text(f"{listed}/{listed}")
            ratio = tab.formatted("fixed", body["put_call_open_interest"], 2)
            expect(page.locator("[data-figure=put_call_ratio]")).to_have_text(ratio)
        page.get_by_role("button", name="All, summed", exact=True).click()
        expect(remark).to_be_visible()


def test_heads_of_the_surface_are_aligned_with_their_cells(tab: Tab) -> None:
    page = tab.open("BTC/surface")
    expect(page.locator("table.surface tbody tr").first).to_be_visible()
    alignments = page.evaluate(
        """() => ["thead tr", "tbody tr"].map((row) =>
          [...document.querySelector(`table.surface ${row}`).cells].map((cell) =>
            getComputedStyle(cell).textAlign))"""
    )
    assert alignments[0] == alignments[1]


def test_labels_of_sizes_have_no_trailing_zeros(tab: Tab) -> None:
    page = tab.open("BTC/expiries")
    labels = page.evaluate(
        """async () => {
          const { sizeTick } = await import("/page/widgets/chart.js");
          return [0, 60, 0.25, 100, 1500, 1_000_000, 21_000_000, 1_234].map(sizeTick);
        }"""
    )
    assert labels == ["0", "60", "0.25", "100", "1.5k", "1M", "21M", "1.23k"]
