"""What the tests of the server share."""

from collections.abc import Iterator

import pytest

from tests.serve.living import Living
from tests.serve.serving import Serving
from tests.store import Store

__all__ = ("living", "serving")


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
