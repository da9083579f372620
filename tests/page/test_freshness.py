"""Values update by themselves, and stale ones are always marked as stale."""

import re
import signal

from playwright.sync_api import Page, expect

from tests.page.backend import Backend, until
from tests.page.layout import poor_contrast
from tests.page.tab import Tab

CHANGES = """
() => {
  const columns = new Set();
  const target = document.querySelector("main");
  window.changedColumns = columns;
  new MutationObserver((records) => {
    for (const { target } of records) columns.add(target.parentElement?.dataset.column ?? "");
  }).observe(target, { characterData: true, subtree: true });
}
"""
REFUSED = "ERR_CONNECTION_REFUSED|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET"


def front(backend: Backend) -> str:
    label: str = backend.get("expiries/BTC", stale="true")["expiries"][0]["label"]
    return label


def expect_state(page: Page, state: str) -> None:
    expect(page.locator(":root")).to_have_attribute("data-state", state, timeout=30_000)


def test_a_chain_updates(tab: Tab, backend: Backend) -> None:
    page = tab.open(f"BTC/chain/{front(backend)}")
    expect(page.locator("tbody tr[data-symbol]").first).to_be_visible()
    page.evaluate(CHANGES)
    columns = {"mark_price", "mark_iv", "bid_price", "age"}
    until(lambda: columns <= set(page.evaluate("[...window.changedColumns]")))


def test_expiries_update(tab: Tab) -> None:
    page = tab.open("BTC/expiries")
    expect(page.locator("main tbody tr").first).to_be_visible()
    page.evaluate(CHANGES)
    until(lambda: {"forward", "straddle"} <= set(page.evaluate("[...window.changedColumns]")))


def test_the_status_bar_shows_the_feed(tab: Tab, backend: Backend) -> None:
    page = tab.open("BTC/expiries")
    feed = backend.get("feed")
    status = page.get_by_label("Status", exact=True)
    expect(status).to_contain_text(f"live {feed['live']}/{feed['total']}")
    expect(status).to_contain_text(re.compile(r"messages \d+/s"))
    expect(status).to_contain_text(re.compile(r"age p99 [\d.]+s"))
    expect(status).to_contain_text("server connected")
    expect(page.get_by_text("SIMULATED", exact=True)).to_be_visible()
    lights = page.get_by_label("Venue connections").get_by_role("img")
    expect(lights).to_have_count(len(feed["conns"]))
    expect(lights.first).to_have_accessible_name(re.compile("connection 1: live"))


def test_a_dead_collector_greys_out_the_page_and_shows_why(tab: Tab, backend: Backend) -> None:
    page = tab.open(f"BTC/chain/{front(backend)}")
    with backend.paused(backend.collector):
        expect_state(page, "down")
        expect(page.locator("#banner")).to_contain_text("Stale data: feed down")
        expect(page.get_by_role("status").filter(has_text="Market data is stale")).to_have_count(1)
        expect(page.locator("td[data-column=bid_price]").first).to_have_class(re.compile("stale"))
        expect(page.get_by_label("Venue connections")).to_contain_text("✕")
        expect(page.locator("main")).to_have_css("filter", "grayscale(1)")
        assert poor_contrast(page) == []
    expect_state(page, "fresh")
    expect(page.locator("td[data-column=bid_price].stale")).to_have_count(0)
    expect(page.locator("#banner")).to_be_hidden()


def test_a_silent_venue_greys_out_its_rows_and_shows_their_age(tab: Tab, backend: Backend) -> None:
    page = tab.open(f"BTC/chain/{front(backend)}")
    with backend.paused(backend.venue):
        stale = page.locator("td[data-column=age].stale")
        expect(stale.first).to_be_visible(timeout=40_000)
        expect(stale.first).to_have_text(re.compile(r"^\d+[sm]$"))
        expect(page.locator("[data-figure=live]")).to_have_text(re.compile("^0/"))
        expect(page.locator("dl.summary-bar.stale")).to_have_count(1)
        expect(page.locator("#banner")).to_contain_text("no option is live")
    expect(page.locator("td.stale")).to_have_count(0, timeout=30_000)


def test_the_page_recovers_after_a_server_restart(tab: Tab, backend: Backend) -> None:
    tab.tolerate(REFUSED)
    page = tab.open(f"BTC/chain/{front(backend)}")
    expect(page.locator("tbody tr[data-symbol]").first).to_be_visible()
    backend.stop_server()
    expect_state(page, "lost")
    expect(page.locator("#banner")).to_have_text(re.compile(r"^No data for \d+ s"))
    expect(page.get_by_label("Status", exact=True)).to_contain_text("server reconnecting")
    backend.start_server()
    expect_state(page, "fresh")
    page.evaluate(CHANGES)
    until(lambda: "mark_price" in page.evaluate("[...window.changedColumns]"))
    expect(page.get_by_label("Status", exact=True)).to_contain_text("server connected")


def test_the_page_recovers_after_a_hung_server(tab: Tab, backend: Backend) -> None:
    page = tab.open("BTC/expiries")
    backend.server.send_signal(signal.SIGSTOP)
    try:
        expect_state(page, "lost")
    finally:
        backend.server.send_signal(signal.SIGCONT)
    expect_state(page, "fresh")


def test_a_view_opened_while_the_server_is_down_shows_no_old_value(
    tab: Tab, backend: Backend
) -> None:
    tab.tolerate(REFUSED)
    page = tab.open("BTC/expiries")
    expect(page.locator("main tbody tr").first).to_be_visible()
    page.evaluate("import('/page/views/term.js')")
    backend.stop_server()
    try:
        expect_state(page, "lost")
        page.get_by_role("link", name="Expiries").click()
        page.keyboard.press("4")
        expect(page).to_have_title(re.compile("term"))
        expect(page.locator("main tbody tr")).to_have_count(0)
        expect(page.get_by_label("Status", exact=True)).to_contain_text("messages –")
    finally:
        backend.start_server()
    expect_state(page, "fresh")


PENDING = """
async () => {
  const { PendingSubscriptions } = await import("/page/data/pending_subscriptions.js");
  const node = document.createElement("main");
  const pending = new PendingSubscriptions(node, () => {});
  const states = [];
  const record = () => states.push(node.classList.contains("waiting"));
  pending.expect([{ id: "a" }, { id: "b" }]);
  record();
  pending.receive({ type: "expiries", id: "a" });
  record();
  pending.receive({ type: "rows", id: "b" });
  record();
  pending.receive({ type: "error", id: "a", reason: "BadInput" });
  record();
  pending.receive({ type: "expiries", id: "a" });
  record();
  return states;
}
"""


def test_a_view_is_grey_until_all_subscriptions_are_answered(tab: Tab) -> None:
    page = tab.open("BTC/expiries")
    expect(page.locator("main tbody tr").first).to_be_visible()
    expect(page.locator("main")).not_to_have_class(re.compile("waiting"))
    assert page.evaluate(PENDING) == [True, True, False, True, False]
