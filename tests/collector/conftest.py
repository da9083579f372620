from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis

from fastopts.embedded import EmbeddedValkey
from tests.collector.universe_harness import ScriptedRest, UniverseHarness
from tests.support.collector_limits import quicken


@pytest.fixture(autouse=True)
def limits(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Apply the fields of `@pytest.mark.limits(...)` before other fixtures use them."""
    for mark in request.node.iter_markers("limits"):
        quicken(monkeypatch, **mark.kwargs)


@pytest.fixture
def valkey() -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey() as server:
        yield server


@pytest.fixture
def client(valkey: EmbeddedValkey) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey.url, protocol=2, decode_responses=True) as opened:
        yield opened


@pytest.fixture
def coins() -> tuple[str, ...]:
    """The coins of `world`."""
    return ("BTC", "ETH")


@pytest.fixture
async def harness(tmp_path: Path, coins: tuple[str, ...]) -> AsyncIterator[UniverseHarness]:
    """The instrument universe of *coins* over a venue that does what a test says."""
    async with ScriptedRest() as venue:
        yield UniverseHarness(venue, tmp_path / "cache.json", *coins)
