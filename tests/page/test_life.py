"""What changes shows by itself, and nothing old is ever shown as if it were current."""

import re
import signal

from playwright.sync_api import Page, expect

from tests.page.market import Market, until
from tests.page.tab import Tab

CHANGES = """
() => {
  const seen = new Set();
  const target = document.querySelector("main");
  window.changedCells = seen;
  new MutationObserver((records) => {
    for (const one of records) seen.add(one.target.parentElement?.dataset.column ?? "");
  }).observe(target, { characterData: true, subtree: true });
}
"""
REFUSED = "ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET"


def front(market: Market) -> str:
    label: str = market.get("expiries/BTC", stale="true")["expiries"][0]["label"]
    return label


def state(page: Page, wanted: str) -> None:
    expect(page.locator(":root")).to_have_attribute("data-state", wanted, timeout=30_000)


def test_a_chain_changes_by_itself(tab: Tab, market: Market) -> None:
    page = tab.open(f"BTC/chain/{front(market)}")
    expect(page.locator("tbody tr[data-symbol]").first).to_be_visible()
    page.evaluate(CHANGES)
    wanted = {"mark_price", "mark_iv", "bid_price", "age"}
    until(lambda: wanted <= set(page.evaluate("[...window.changedCells]")))


def test_expiries_change_by_themselves(tab: Tab) -> None:
    page = tab.open("BTC/expiries")
    expect(page.locator("main tbody tr").first).to_be_visible()
    page.evaluate(CHANGES)
    until(lambda: {"forward", "time_left"} <= set(page.evaluate("[...window.changedCells]")))


def test_the_status_line_tells_of_the_feed(tab: Tab, market: Market) -> None:
    page = tab.open("BTC/expiries")
    feed = market.get("feed")
    status = page.get_by_label("Status", exact=True)
    expect(status).to_contain_text(f"live {feed['live']}/{feed['total']}")
    expect(status).to_contain_text(re.compile(r"messages \d+/s"))
    expect(status).to_contain_text(re.compile(r"age p99 [\d.]+s"))
    expect(status).to_contain_text("server connected")
    expect(page.get_by_text("SIMULATED", exact=True)).to_be_visible()
    lights = page.get_by_label("Venue connections").get_by_role("img")
    expect(lights).to_have_count(len(feed["conns"]))
    expect(lights.first).to_have_accessible_name(re.compile("connection 1: live"))


def test_a_dead_collector_greys_the_page_and_says_why(tab: Tab, market: Market) -> None:
    page = tab.open(f"BTC/chain/{front(market)}")
    with market.stopped(market.collector):
        state(page, "down")
        expect(page.locator("#banner")).to_contain_text("Stale data: feed down")
        expect(page.get_by_role("status").filter(has_text="Market data is stale")).to_have_count(1)
        expect(page.locator("td[data-column=bid_price]").first).to_have_class(re.compile("stale"))
        expect(page.get_by_label("Venue connections")).to_contain_text("✕")
        expect(page.locator("main")).to_have_css("filter", "grayscale(1)")
    state(page, "fresh")
    expect(page.locator("td[data-column=bid_price].stale")).to_have_count(0)
    expect(page.locator("#banner")).to_be_hidden()


def test_a_mute_venue_greys_its_rows_and_shows_their_age(tab: Tab, market: Market) -> None:
    page = tab.open(f"BTC/chain/{front(market)}")
    with market.stopped(market.venue):
        stale = page.locator("td[data-column=age].stale")
        expect(stale.first).to_be_visible(timeout=40_000)
        expect(stale.first).to_have_text(re.compile(r"^\d+[sm]$"))
        expect(page.locator("[data-figure=live]")).to_have_text(re.compile("^0/"))
        expect(page.locator("dl.summary-bar.stale")).to_have_count(1)
        expect(page.locator("#banner")).to_contain_text("no option is live")
    expect(page.locator("td.stale")).to_have_count(0, timeout=30_000)


def test_a_server_that_is_gone_and_comes_back(tab: Tab, market: Market) -> None:
    tab.tolerate(REFUSED)
    page = tab.open(f"BTC/chain/{front(market)}")
    expect(page.locator("tbody tr[data-symbol]").first).to_be_visible()
    market.stop_server()
    state(page, "lost")
    expect(page.locator("#banner")).to_have_text(re.compile(r"^No data for \d+ s"))
    expect(page.get_by_label("Status", exact=True)).to_contain_text("server reconnecting")
    market.start_server()
    state(page, "fresh")
    page.evaluate(CHANGES)
    until(lambda: "mark_price" in page.evaluate("[...window.changedCells]"))
    expect(page.get_by_label("Status", exact=True)).to_contain_text("server connected")


def test_a_server_that_says_nothing(tab: Tab, market: Market) -> None:
    page = tab.open("BTC/expiries")
    market.server.send_signal(signal.SIGSTOP)
    try:
        state(page, "lost")
    finally:
        market.server.send_signal(signal.SIGCONT)
    state(page, "fresh")


def test_a_view_opened_while_the_server_is_gone_shows_no_old_number(
    tab: Tab, market: Market
) -> None:
    tab.tolerate(REFUSED)
    page = tab.open("BTC/expiries")
    expect(page.locator("main tbody tr").first).to_be_visible()
    page.evaluate("import('/page/views/term.js')")
    market.stop_server()
    try:
        state(page, "lost")
        page.get_by_role("link", name="Expiries").click()
        page.keyboard.press("4")
        expect(page).to_have_title(re.compile("term"))
        expect(page.locator("main tbody tr")).to_have_count(0)
        expect(page.get_by_label("Status", exact=True)).to_contain_text("messages –")
    finally:
        market.start_server()
    state(page, "fresh")


WAITING = """
async () => {
  const { PendingSubscriptions } = await import("/page/data/pending_subscriptions.js");
  const node = document.createElement("main");
  const waiting = new PendingSubscriptions(node, () => {});
  const seen = [];
  const look = () => seen.push(node.classList.contains("waiting"));
  waiting.expect([{ id: "a" }, { id: "b" }]);
  look();
  waiting.receive({ type: "expiries", id: "a" });
  look();
  waiting.receive({ type: "rows", id: "b" });
  look();
  waiting.receive({ type: "error", id: "a", reason: "BadInput" });
  look();
  waiting.receive({ type: "expiries", id: "a" });
  look();
  return seen;
}
"""


def test_what_a_connection_has_not_told_or_cannot_tell_is_grey(tab: Tab) -> None:
    page = tab.open("BTC/expiries")
    expect(page.locator("main tbody tr").first).to_be_visible()
    expect(page.locator("main")).not_to_have_class(re.compile("waiting"))
    assert page.evaluate(WAITING) == [True, True, False, True, False]
