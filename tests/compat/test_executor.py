"""Prices and signals under the old names."""

import os
import time
from collections.abc import Callable

import pytest

from fastopts.compat import EfficientTradeExecutor, TradeSignal
from fastopts.errors import BadInput, StoreUnavailable, WrongVenue
from tests.compat.market import BTC_CALL, BTC_LATER, BTC_PUT, ETH_CALL, EVERYTHING, SILENT, fill
from tests.support.store import Store

UNKNOWN = "BTC-27NOV65-1-C"
CALL_QUOTE = {"price": 1215.0, "iv": 0.4883, "volume": 56.81}


def test_the_last_price_alone(store: Store, executor: EfficientTradeExecutor) -> None:
    fill(store)
    prices = [executor.get_option_direct(symbol) for symbol in (*EVERYTHING, SILENT, UNKNOWN)]
    assert prices == [0.0, 1215.0, 80.0, None, None, None]


def test_a_batch_has_what_has_a_last_price(store: Store, executor: EfficientTradeExecutor) -> None:
    fill(store)
    assert executor.get_options_batch([*EVERYTHING, SILENT, UNKNOWN]) == {
        BTC_PUT: {"price": 0.0, "iv": 1.42, "volume": 200_000.0},
        BTC_CALL: CALL_QUOTE,
        BTC_LATER: {"price": 80.0, "iv": 1.2, "volume": 0.0},
    }
    assert executor.get_options_batch([]) == {}


def test_a_cached_quote_has_the_open_interest_too(
    store: Store, executor: EfficientTradeExecutor
) -> None:
    fill(store)
    assert executor.get_option_cached(BTC_CALL) == CALL_QUOTE | {"oi": 212.37}
    for symbol in (ETH_CALL, SILENT, UNKNOWN):
        assert executor.get_option_cached(symbol) is None


def test_nothing_is_read_of_what_is_not_live(
    store: Store, executor: EfficientTradeExecutor, silence: Callable[[], object]
) -> None:
    fill(store)
    silence()
    assert executor.get_option_direct(BTC_CALL) is None
    assert executor.get_options_batch(EVERYTHING) == {}
    assert executor.get_option_cached(BTC_CALL) is None
    assert executor.scan_high_iv_opportunities() == []
    assert executor.monitor_price_changes(EVERYTHING) == []


def test_what_was_delivered_is_left_out(store: Store, executor: EfficientTradeExecutor) -> None:
    old = "BTC-1JAN26-90000-C-USDT"
    store.option(old, mark_iv=3.0)
    assert executor.get_option_direct(old) is None
    assert executor.scan_high_iv_opportunities() == []


class CacheClock:
    """The steady clock that the cache looks at."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr("fastopts.compat.executor.steady_s", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> CacheClock:
    return CacheClock(monkeypatch)


def test_a_cached_quote_lasts_for_the_ttl(
    store: Store, executor: EfficientTradeExecutor, clock: CacheClock
) -> None:
    fill(store)
    assert executor.cache_ttl == 1
    executor.get_option_cached(BTC_CALL)
    store.tick(BTC_CALL, last_price=1300.0)
    clock.now += 0.999
    assert executor.get_option_cached(BTC_CALL) == CALL_QUOTE | {"oi": 212.37}
    clock.now += 0.001
    assert executor.get_option_cached(BTC_CALL) == CALL_QUOTE | {"oi": 212.37, "price": 1300.0}
    store.tick(BTC_CALL, last_price=1400.0)
    executor.cache_ttl = 0
    assert executor.get_option_cached(BTC_CALL) == CALL_QUOTE | {"oi": 212.37, "price": 1400.0}


@pytest.mark.parametrize(
    "limits",
    [
        {"heartbeat_limit_ms": 300_000, "watchdog_limit_ms": 900_000},
        {"heartbeat_limit_ms": 900_000, "watchdog_limit_ms": 300_000},
    ],
    ids=["the feed's", "the connection's"],
)
def test_the_cache_never_outlives_the_feed(
    store: Store, executor: EfficientTradeExecutor, clock: CacheClock, limits: dict[str, int]
) -> None:
    executor.cache_ttl = 3600
    fill(store)
    store.feed(**limits)  # type: ignore[arg-type]
    executor.get_option_cached(BTC_CALL)
    store.feed(beat_s=1000)
    clock.now += 200
    assert executor.get_option_cached(BTC_CALL) == CALL_QUOTE | {"oi": 212.37}
    clock.now += 100
    assert executor.get_option_cached(BTC_CALL) is None
    assert executor.get_performance_stats()["cache_size"] == 0


def test_a_caller_can_not_change_what_is_cached(
    store: Store, executor: EfficientTradeExecutor, clock: CacheClock
) -> None:
    fill(store)
    for _ in range(3):
        quote = executor.get_option_cached(BTC_CALL)
        assert quote is not None
        assert quote["price"] == 1215.0
        quote["price"] = 1.0


def test_high_volatilities_are_signals_the_highest_first(
    store: Store, executor: EfficientTradeExecutor
) -> None:
    fill(store)
    before = int(time.time())
    signals = executor.scan_high_iv_opportunities()
    after = int(time.time())
    assert [vars(one) | {"timestamp": 0} for one in signals] == [
        vars(TradeSignal(BTC_PUT, "SELL", "High IV: 1.42", 0.0, 1.42, 200_000.0, 0)),
        vars(TradeSignal(BTC_LATER, "SELL", "High IV: 1.20", 80.0, 1.2, 0.0, 0)),
    ]
    assert all(before <= one.timestamp <= after for one in signals)
    every = executor.scan_high_iv_opportunities(min_iv=0)
    assert [one.symbol for one in every] == [BTC_PUT, BTC_LATER, BTC_CALL]
    assert executor.scan_high_iv_opportunities(min_iv=1.43) == []


def test_a_percentage_in_place_of_a_fraction_is_an_error(
    store: Store, executor: EfficientTradeExecutor
) -> None:
    with pytest.raises(BadInput, match=r"80 is 8000%: write 0\.8"):
        executor.scan_high_iv_opportunities(min_iv=80)


def test_changes_are_those_since_the_previous_call(
    store: Store, executor: EfficientTradeExecutor
) -> None:
    fill(store)
    watched = [BTC_CALL, BTC_LATER, BTC_PUT]
    assert executor.monitor_price_changes(watched) == []
    store.tick(BTC_CALL, last_price=1276.0)  # +5.02 %
    store.tick(BTC_LATER, last_price=77.0)  # -3.75 %
    store.tick(BTC_PUT, last_price=50.0)  # its first trade
    [signal] = executor.monitor_price_changes(watched)
    assert (signal.symbol, signal.action, signal.price) == (BTC_CALL, "SELL", 1276.0)
    assert signal.reason == "Price change: +5.02%"
    assert (signal.iv, signal.volume) == (0.4883, 56.81)
    assert executor.monitor_price_changes(watched) == []
    store.tick(BTC_LATER, last_price=71.0)  # -7.79 % of 77
    [signal] = executor.monitor_price_changes(watched)
    assert (signal.symbol, signal.action) == (BTC_LATER, "BUY")
    assert signal.reason == "Price change: -7.79%"


def test_the_threshold_is_honoured(store: Store, executor: EfficientTradeExecutor) -> None:
    fill(store)
    assert executor.monitor_price_changes([BTC_CALL, BTC_PUT], 0) == []
    for price, threshold, count in (
        (1230.0, 0.02, 0),
        (1245.0, 0.01, 1),
        (2000.0, 0.7, 0),
        (2000.0, 0, 1),
    ):
        store.tick(BTC_CALL, last_price=price)
        assert len(executor.monitor_price_changes([BTC_CALL], threshold)) == count


def test_what_it_costs(store: Store, executor: EfficientTradeExecutor) -> None:
    fill(store)
    for _ in range(2):
        executor.get_option_cached(BTC_CALL)
    stats = executor.get_performance_stats()
    assert list(stats) == [
        *("memory_mb", "memory_increase_mb", "cpu_percent"),
        *("operations", "cache_size", "pid"),
    ]
    assert stats["memory_mb"] > 5
    assert stats["cpu_percent"] > 0
    assert (stats["operations"], stats["cache_size"], stats["pid"]) == (1, 1, os.getpid())


def test_an_unreachable_redis_is_an_error_but_not_for_a_single_price() -> None:
    executor = EfficientTradeExecutor(url="redis://127.0.0.1:1")
    assert executor.get_option_direct(BTC_CALL) is None
    for read in (
        lambda: executor.get_options_batch([BTC_CALL]),
        lambda: executor.get_option_cached(BTC_CALL),
        executor.scan_high_iv_opportunities,
        lambda: executor.monitor_price_changes([BTC_CALL]),
    ):
        with pytest.raises(StoreUnavailable):
            read()


def test_another_venues_prices_are_refused(store: Store) -> None:
    fill(store)
    store.feed(venue="sim")
    with pytest.raises(WrongVenue, match="venue='sim'"):
        EfficientTradeExecutor(url=store.url).get_option_direct(BTC_CALL)
    assert EfficientTradeExecutor(url=store.url, venue="sim").get_option_direct(BTC_CALL) == 1215.0


def test_redis_is_a_client_of_the_same_server(
    store: Store, executor: EfficientTradeExecutor
) -> None:
    fill(store)
    with executor.redis as client:
        assert client.hget(f"option:{BTC_CALL}", "lp") == "1215.0"
        assert executor.redis is client
