from collections.abc import Iterator

import pytest

from fastopts.sim import SimSettings
from tests.sim.conftest import Running


@pytest.fixture
def venue() -> Iterator[Running]:
    """A simulated venue to which a test may do anything."""
    with Running(SimSettings(symbols=40, rate=400)) as running:
        yield running


@pytest.fixture
def there(venue: Running) -> list[str]:
    """The options that lead to it."""
    return ["--venue", "sim", "--rest-url", venue.venue.rest_url, "--ws-url", venue.venue.ws_url]
