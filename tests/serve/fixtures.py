"""Fixtures and tokens of the server's tests."""

from collections.abc import Iterator
from typing import Final

import pytest

from fastopts.serve.http.tokens import Tokens
from fastopts.serve.settings import Limits, ServeSettings
from tests.serve.http_server import HttpServerThread
from tests.serve.live_market import LiveMarket
from tests.support.store import Store

__all__ = ("OTHER", "TOKEN", "bearer", "guarded", "http_server", "live_market", "with_tokens")

TOKEN: Final = "t0k3n-of-the-desk-" + "d" * 32
OTHER: Final = "t0k3n-of-the-page-" + "p" * 32


def with_tokens(limits: Limits | None = None) -> ServeSettings:
    """Settings of a server with two tokens."""
    tokens = Tokens({"desk": TOKEN, "page": OTHER})
    return ServeSettings(tokens=tokens, beat_s=0.05, limits=limits or Limits())


def bearer(token: str = TOKEN) -> dict[str, str]:
    """The header of a request with *token*."""
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def live_market(store: Store) -> Iterator[LiveMarket]:
    """A live market."""
    with LiveMarket(store) as running:
        yield running


@pytest.fixture
def http_server(live_market: LiveMarket) -> Iterator[HttpServerThread]:
    """A server of the live market, without tokens."""
    with HttpServerThread(live_market.store.url) as running:
        yield running.ready()


@pytest.fixture
def guarded(live_market: LiveMarket) -> Iterator[HttpServerThread]:
    """A server of the live market, with tokens."""
    with HttpServerThread(live_market.store.url, with_tokens()) as running:
        yield running.ready(bearer())
