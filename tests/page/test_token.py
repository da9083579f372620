"""The page of a server that requires a token, which the browser sends as a password."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from fastopts.serve.http.tokens import Tokens
from fastopts.serve.settings import ServeSettings
from tests.page.tab import Tab
from tests.serve.http_server import HttpServerThread
from tests.serve.live_market import BTC, LiveMarket
from tests.support.store import Store

TOKEN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def guarded(store: Store) -> Iterator[HttpServerThread]:
    settings = ServeSettings(tokens=Tokens({"desk": TOKEN}), beat_s=0.05)
    with LiveMarket(store), HttpServerThread(store.url, settings) as server:
        yield server


def test_the_token_as_password_opens_the_page(browser: Browser, guarded: HttpServerThread) -> None:
    context = browser.new_context(http_credentials={"username": "me", "password": TOKEN})
    tab = Tab(context.new_page(), guarded.base)
    page = tab.open(f"option/{BTC[0]}")
    expect(page.get_by_text(BTC[0]).first).to_be_visible()
    context.close()
    tab.check()


def test_a_wrong_password_shows_nothing(browser: Browser, guarded: HttpServerThread) -> None:
    context = browser.new_context(http_credentials={"username": "me", "password": "wrong"})
    page = context.new_page()
    response = page.goto(guarded.base)
    assert response is not None
    assert response.status == 401
    assert TOKEN not in page.content()
    context.close()
