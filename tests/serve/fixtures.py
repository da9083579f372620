"""What the tests of the server share."""

from collections.abc import Iterator
from typing import Final

import pytest

from fastopts.serve.http.tokens import Tokens
from fastopts.serve.settings import Limits, ServeSettings
from tests.serve.living import Living
from tests.serve.serving import Serving
from tests.store import Store

__all__ = ("OTHER", "TOKEN", "bearer", "guarded", "living", "serving", "with_tokens")

TOKEN: Final = "t0k3n-of-the-desk-" + "d" * 32
OTHER: Final = "t0k3n-of-the-page-" + "p" * 32


def with_tokens(limits: Limits | None = None) -> ServeSettings:
    """Settings of a server that two may ask."""
    tokens = Tokens({"desk": TOKEN, "page": OTHER})
    return ServeSettings(tokens=tokens, beat_s=0.05, limits=limits or Limits())


def bearer(token: str = TOKEN) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.fixture
def living(store: Store) -> Iterator[Living]:
    """A market that lives."""
    with Living(store) as made:
        yield made


@pytest.fixture
def serving(living: Living) -> Iterator[Serving]:
    """A server without tokens that has the market."""
    with Serving(living.store.url) as made:
        yield made.ready()


@pytest.fixture
def guarded(living: Living) -> Iterator[Serving]:
    """A server with tokens that has the market."""
    with Serving(living.store.url, with_tokens()) as made:
        yield made.ready(bearer())
