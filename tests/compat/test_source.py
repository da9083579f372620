"""Where the old names read."""

import subprocess
import sys

import pytest

from fastopts.compat import EfficientTradeExecutor, OptionsDataReader
from fastopts.embedded import EmbeddedValkey
from fastopts.errors import BadInput, ConfigError
from tests.compat.market import BTC_CALL, fill
from tests.support.processes import environ
from tests.support.store import Store

READS = """
import sys
from fastopts.compat import EfficientTradeExecutor, MinimalTradeBot, OptionsDataReader
executor, data = EfficientTradeExecutor(), OptionsDataReader()
print(executor.get_option_cached({symbol!r}), data.get_option({symbol!r})["delta"])
print(MinimalTradeBot().check_signal({symbol!r}), "numpy" in sys.modules, "redis" in sys.modules)
print(len(data.get_all_options()), len(executor.scan_high_iv_opportunities()))
print("redis" in sys.modules, executor.redis.exists("option:" + {symbol!r}))
"""


def test_the_environment_says_where_and_redis_py_is_not_loaded_before_it_is_asked_for(
    store: Store,
) -> None:
    fill(store)
    ran = subprocess.run(
        [sys.executable, "-c", READS.format(symbol=BTC_CALL)],
        env=environ(FASTOPTS_REDIS_URL=store.url),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.stderr == ""
    assert ran.stdout.splitlines() == [
        "{'price': 1215.0, 'iv': 0.4883, 'volume': 56.81, 'oi': 212.37} 0.39",
        "None False False",
        "4 2",
        "False 1",
    ]


def test_a_url_wins_over_the_environment(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(store)
    monkeypatch.setenv("FASTOPTS_REDIS_URL", "redis://127.0.0.1:1")
    assert EfficientTradeExecutor(url=store.url).get_option_direct(BTC_CALL) == 1215.0
    port = int(store.url.rsplit(":", 1)[1])
    assert OptionsDataReader("127.0.0.1", port).get_option(BTC_CALL) is not None
    assert OptionsDataReader(redis_port=port, redis_db=1).get_option(BTC_CALL) is None
    assert OptionsDataReader().is_connected() is False


def test_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_PASSWORD", "s3cret")
    with EmbeddedValkey(password="s3cret") as server:
        assert OptionsDataReader(redis_port=server.port).is_connected()
        monkeypatch.setenv("REDIS_PASSWORD", "another")
        assert not OptionsDataReader(redis_port=server.port).is_connected()
        given = OptionsDataReader("127.0.0.1", server.port, 0, "s3cret")
        assert given.is_connected()
        with given.redis_client as client:
            assert client.ping()
        in_url = OptionsDataReader(url=server.url.replace("//", "//:s3cret@"))
        assert in_url.is_connected()
        with in_url.redis_client as client:
            assert client.ping()


def test_a_host_by_its_ipv6_address() -> None:
    assert OptionsDataReader("::1", 1).is_connected() is False


def test_two_places_are_reported() -> None:
    with pytest.raises(BadInput, match="not both"):
        OptionsDataReader("localhost", url="redis://localhost:6379")


def test_a_url_that_is_none_is_reported() -> None:
    with pytest.raises(ConfigError, match="redis-url"):
        EfficientTradeExecutor(url="localhost:6379")
