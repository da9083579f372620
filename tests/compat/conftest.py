from collections.abc import Callable

import pytest

from fastopts.compat import EfficientTradeExecutor, MinimalTradeBot, OptionsDataReader
from tests.support.store import Store


@pytest.fixture
def executor(store: Store) -> EfficientTradeExecutor:
    return EfficientTradeExecutor(url=store.url)


@pytest.fixture
def bot(store: Store) -> MinimalTradeBot:
    return MinimalTradeBot(url=store.url)


@pytest.fixture
def data(store: Store) -> OptionsDataReader:
    return OptionsDataReader(url=store.url)


@pytest.fixture(params=("dead", "ended", "muted", "gone", "missing"))
def silence(request: pytest.FixtureRequest, store: Store) -> Callable[[], object]:
    """Makes nothing of what conn 1 delivered live."""
    situations: dict[str, Callable[[], object]] = {
        "dead": lambda: store.feed(beat_s=6),
        "ended": lambda: store.feed(heartbeat_ms=0),
        "muted": lambda: store.feed({1: 13.0, 2: 0.0}),
        "gone": lambda: store.feed({2: 0.0}),
        "missing": lambda: store.client.delete("fastopts:feed"),
    }
    return situations[request.param]
