"""The interactive documentation of the API: it works, loads nothing from elsewhere, is readable."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from fastopts.serve.http.tokens import Tokens
from fastopts.serve.settings import ServeSettings
from tests.page.backend import Backend
from tests.page.conftest import OpenTab
from tests.page.layout import poor_contrast
from tests.page.tab import Tab
from tests.serve.http_server import HttpServerThread
from tests.serve.live_market import LiveMarket
from tests.serve.reverse_proxy import ReverseProxy
from tests.support.store import Store

TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def guarded(store: Store) -> Iterator[HttpServerThread]:
    settings = ServeSettings(tokens=Tokens({"desk": TOKEN}), beat_s=0.05)
    with LiveMarket(store), HttpServerThread(store.url, settings) as server:
        yield server


def operation(page: Page, path: str) -> None:
    """Unfold the operation of *path*."""
    page.locator(f"[data-path='{path}']").click()


def execute(page: Page) -> None:
    """Send the request of the operation that is unfolded, and wait for a response with 200."""
    page.get_by_role("button", name="Execute").click()
    expect(page.locator(".live-responses-table .response-col_status").last).to_contain_text("200")


def test_the_dashboard_links_to_it_and_it_sends_requests(tab: Tab, backend: Backend) -> None:
    page = tab.open("BTC/expiries")
    page.get_by_role("link", name="API").click()
    operation(page, "/v1/feed")
    execute(page)
    response = page.locator(".live-responses-table .microlight").first
    expect(response).to_contain_text('"simulated": true')
    page.get_by_role("link", name="Dashboard").click()
    expect(page.locator("main table.expiries tbody tr").first).to_be_visible()


def test_every_operation_has_its_line(tab: Tab, backend: Backend) -> None:
    tab.page.goto(f"{tab.url}/docs")
    routes = backend.get("")["routes"]
    lines = tab.page.locator(".opblock-summary-description")
    expect(lines).to_have_count(len(routes) - 1)  # OpenAPI describes no WebSockets
    assert set(lines.all_text_contents()) < {route["summary"] for route in routes}


def test_an_endless_stream_can_not_be_requested(tab: Tab) -> None:
    tab.page.goto(f"{tab.url}/docs")
    operation(tab.page, "/v1/events")
    expect(tab.page.get_by_text("subscription as JSON").first).to_be_visible()
    expect(tab.page.get_by_role("button", name="Execute")).to_have_count(0)


def test_it_works_under_a_path_prefix(browser: Browser, backend: Backend) -> None:
    port = int(backend.url.rpartition(":")[2])
    with ReverseProxy(port, prefix="/desk/options") as front:
        context = browser.new_context()
        # A request outside the prefix is an error of the tab.
        tab = Tab(context.new_page(), f"http://127.0.0.1:{front.port}/desk/options")
        tab.page.goto(f"{tab.url}/docs")
        operation(tab.page, "/v1/feed")
        execute(tab.page)
        context.close()
        tab.check()


def test_authorization_is_offered_with_tokens_only(
    tab: Tab, browser: Browser, guarded: HttpServerThread
) -> None:
    tab.page.goto(f"{tab.url}/docs")
    expect(tab.page.locator("[data-path='/v1/feed']")).to_be_visible()
    expect(tab.page.locator(".authorize, .authorization__btn")).to_have_count(0)
    context = browser.new_context(http_credentials={"username": "me", "password": TOKEN})
    page = context.new_page()
    page.goto(f"{guarded.base}/docs")
    expect(page.get_by_role("button", name="Authorize", exact=True)).to_be_visible()
    context.close()


def test_the_token_as_password_serves_its_requests_too(
    browser: Browser, guarded: HttpServerThread
) -> None:
    context = browser.new_context(http_credentials={"username": "me", "password": TOKEN})
    tab = Tab(context.new_page(), guarded.base)
    tab.page.goto(f"{tab.url}/docs")
    operation(tab.page, "/v1/feed")
    execute(tab.page)
    context.close()
    tab.check()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_it_is_readable_in_both_themes_and_fits_a_phone(
    new_tab: OpenTab, backend: Backend, theme: str
) -> None:
    tab = new_tab(color_scheme=theme)
    page = tab.page
    page.goto(f"{tab.url}/docs")
    operation(page, "/v1/feed")
    execute(page)
    assert poor_contrast(page) == []
    page.set_viewport_size({"width": 320, "height": 640})
    expect(page.get_by_role("link", name="Dashboard")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert poor_contrast(page) == []
