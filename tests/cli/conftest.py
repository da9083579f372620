from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from fastopts.sim import SimSettings
from tests.cli.market import fill
from tests.cli.process import Done, fastopts
from tests.sim.conftest import ThreadedVenue
from tests.support.store import Store

Read = Callable[..., Done]


@pytest.fixture
def venue() -> Iterator[ThreadedVenue]:
    """A simulated venue to which a test may do anything."""
    with ThreadedVenue(SimSettings(symbols=40, rate=400)) as running:
        yield running


@pytest.fixture
def there(venue: ThreadedVenue) -> list[str]:
    """The options that lead to it."""
    return ["--venue", "sim", "--rest-url", venue.venue.rest_url, "--ws-url", venue.venue.ws_url]


@pytest.fixture
def market(store: Store) -> Store:
    """A server that holds the market of tests.cli.market."""
    fill(store)
    return store


@pytest.fixture
def read(market: Store, tmp_path: Path) -> Read:
    """Runs a command that reads that market."""
    return partial(fastopts, cwd=tmp_path, FASTOPTS_REDIS_URL=market.url)
