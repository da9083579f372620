"""A market at rest, and a Redis that holds it without a fault."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests

from fastopts.cli.verify.fields import NAMES
from fastopts.sim import SimSettings
from tests.cli.market import COUNTERS
from tests.cli.process import Done, fastopts
from tests.sim.conftest import ThreadedVenue
from tests.support.store import EPOCH, Store

COINS = ("BTC", "ETH")
Verify = Callable[..., Done]
Rows = Mapping[str, Mapping[str, str]]


@pytest.fixture
def market() -> Iterator[ThreadedVenue]:
    """A simulated venue where nothing moves."""
    with ThreadedVenue(SimSettings(symbols=60, coins=COINS)) as running:
        running.call(running.venue.pause)
        yield running


@pytest.fixture
def rows(market: ThreadedVenue) -> Rows:
    """The venue's rows."""
    found: Rows = {}
    for coin in COINS:
        asked = {"category": "option", "baseCoin": coin}
        url = f"{market.venue.rest_url}/v5/market/tickers"
        told = requests.get(url, asked, timeout=10).json()
        found = {**found, **{row["symbol"]: row for row in told["result"]["list"]}}
    return found


@pytest.fixture
def held(store: Store, rows: Rows) -> Store:
    """A Redis where everything is as the venue says."""
    store.list(*rows)
    tm = store.now_ms() - 500
    for symbol, row in rows.items():
        texts: dict[Any, Any] = {short: row[name] for short, name in NAMES.items()}
        head = {"tm": tm, "ts": tm // 1000, "rt": tm + 40, "sq": 77, "cn": f"{EPOCH}:1"}
        store.client.hset(f"option:{symbol}", mapping=texts | head)
    store.client.hset("stats", mapping=COUNTERS)
    feed(store)
    return store


@pytest.fixture
def verify(held: Store, market: ThreadedVenue, tmp_path: Path) -> Verify:
    """Runs the command on that Redis and that venue."""
    words = ("verify", "--redis-url", held.url, "--rest-url", market.venue.rest_url)
    return partial(fastopts, *words, cwd=tmp_path)


def feed(store: Store, **fields: Any) -> None:
    """Write the feed, with limits that no slow machine breaks."""
    limits = {"heartbeat_limit_ms": 60_000, "watchdog_limit_ms": 60_000}
    store.feed(**{"venue": "sim"} | limits | fields)
