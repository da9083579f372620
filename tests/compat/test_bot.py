"""The strategy that trades nothing."""

from collections.abc import Callable

import pytest

from fastopts.compat import MinimalTradeBot
from tests.compat.market import BTC_CALL, BTC_PUT, EVERYTHING, SILENT, fill
from tests.support.store import NAN, Store

BUSY = 50_001.0


@pytest.mark.parametrize(
    ("numbers", "signal"),
    [
        ({"mark_iv": 1.51, "volume_24h": BUSY}, "SELL"),
        ({"mark_iv": 1.5, "volume_24h": BUSY}, None),
        ({"mark_iv": 0.29, "volume_24h": BUSY}, "BUY"),
        ({"mark_iv": 0.3, "volume_24h": BUSY}, None),
        ({"mark_iv": 1.51, "volume_24h": 50_000.0}, None),
        ({"mark_iv": 1.51, "volume_24h": NAN}, None),
        ({"mark_iv": NAN, "volume_24h": BUSY}, None),
        ({"mark_iv": 0.0, "volume_24h": BUSY}, None),
        ({"mark_iv": 0.29, "volume_24h": BUSY, "last_price": 0.0}, "BUY"),
        ({"mark_iv": 0.29, "volume_24h": BUSY, "last_price": NAN}, None),
    ],
)
def test_a_signal_is_a_volatility_and_a_volume(
    store: Store, bot: MinimalTradeBot, numbers: dict[str, float], signal: str | None
) -> None:
    store.option(BTC_CALL, **numbers)
    assert bot.check_signal(BTC_CALL) == signal


def test_there_is_no_signal_of_what_is_not_live(
    store: Store, bot: MinimalTradeBot, silence: Callable[[], object]
) -> None:
    store.option(BTC_CALL, mark_iv=1.6, volume_24h=BUSY)
    assert bot.check_signal(BTC_CALL) == "SELL"
    silence()
    assert bot.check_signal(BTC_CALL) is None


def test_a_strategy_takes_each_position_once(
    store: Store, bot: MinimalTradeBot, capsys: pytest.CaptureFixture[str]
) -> None:
    fill(store)
    store.tick(BTC_PUT, mark_iv=1.6, volume_24h=BUSY)
    store.tick(BTC_CALL, mark_iv=0.2, volume_24h=BUSY)
    for _ in range(2):
        bot.run_strategy([*EVERYTHING, SILENT])
    assert capsys.readouterr().out == f"TRADE: SELL {BTC_PUT}\nTRADE: BUY {BTC_CALL}\n"
    assert {symbol: one["action"] for symbol, one in bot.positions.items()} == {
        BTC_PUT: "SELL",
        BTC_CALL: "BUY",
    }
    assert bot.positions[BTC_PUT]["time"] <= bot.positions[BTC_CALL]["time"]


def test_a_trade_is_printed_and_noted(
    bot: MinimalTradeBot, capsys: pytest.CaptureFixture[str]
) -> None:
    assert bot.execute_trade("X", "BUY") is True
    assert capsys.readouterr().out == "TRADE: BUY X\n"
    assert bot.positions["X"]["action"] == "BUY"
