import dataclasses
from typing import Any

import pytest

from fastopts.model import Instrument
from fastopts.session.universe_diff import diff

NOW = 1_795_000_000_000
HOUR = 3_600_000


def options(asset: str, count: int, expiry_ms: int = NOW + HOUR) -> dict[str, Instrument]:
    return {
        f"{asset}-{expiry_ms}-{i}": Instrument(
            *(f"{asset}-{expiry_ms}-{i}", asset, "USDT", "USDT", expiry_ms, str(i), "C"),
            *("5", "0.01", "Trading", 0),
        )
        for i in range(count)
    }


def test_a_first_answer_lists_what_trades() -> None:
    answer = options("BTC", 3) | options("BTC", 2, NOW - 1)
    prelaunch = dataclasses.replace(answer[f"BTC-{NOW + HOUR}-0"], status="PreLaunch")
    answer[prelaunch.symbol] = prelaunch
    found = diff({}, answer, NOW)
    assert [i.symbol for i in found.listed] == [f"BTC-{NOW + HOUR}-1", f"BTC-{NOW + HOUR}-2"]
    assert not found.delisted


def test_new_ones_are_listed_and_missing_ones_go() -> None:
    known = options("BTC", 10)
    answer = options("BTC", 12)
    del answer[f"BTC-{NOW + HOUR}-3"]
    found = diff(known, answer, NOW)
    assert [i.symbol for i in found.listed] == [f"BTC-{NOW + HOUR}-{i}" for i in (10, 11)]
    assert found.delisted == (f"BTC-{NOW + HOUR}-3",)
    assert not found.objections
    assert not found.retained


@pytest.mark.parametrize("status", ["Closed", "Settling", "PreLaunch", "Delivering", ""])
def test_many_that_stop_trading_at_once_are_doubted(status: str) -> None:
    known = options("BTC", 10)
    answer = {s: dataclasses.replace(i, status=status) for s, i in known.items()}
    found = diff(known, answer, NOW)
    assert not found.delisted
    assert set(found.retained) == known.keys()


def test_nothing_new_is_no_change() -> None:
    assert not diff(options("BTC", 10), options("BTC", 10), NOW)


def test_an_empty_or_much_smaller_answer_removes_nothing() -> None:
    known = options("BTC", 10) | options("ETH", 10)
    found = diff(known, options("BTC", 4), NOW)
    assert not found.delisted
    assert found.objections == (
        "BTC: 6 of 10 options are no longer listed as trading",
        "ETH: 10 of 10 options are no longer listed as trading",
    )
    assert set(found.retained) == known.keys() - options("BTC", 4).keys()
    assert diff(known, {}, NOW).delisted == ()
    assert set(diff(known, {}, NOW).retained) == known.keys()


def test_one_coins_doubtful_answer_does_not_hold_up_another() -> None:
    known = options("BTC", 10) | options("ETH", 10)
    answer = options("ETH", 9)
    found = diff(known, answer, NOW)
    assert found.delisted == (f"ETH-{NOW + HOUR}-9",)


def test_what_is_past_its_delivery_goes_even_when_the_answer_is_doubtful() -> None:
    known = options("BTC", 10) | options("BTC", 2, NOW)
    found = diff(known, options("BTC", 2, NOW), NOW)
    assert set(found.delisted) == {f"BTC-{NOW}-0", f"BTC-{NOW}-1"}
    assert not found.listed


def test_the_daily_roll_does_not_look_like_a_doubtful_answer() -> None:
    known = options("BTC", 90, NOW - 1) | options("BTC", 10)
    found = diff(known, options("BTC", 10) | options("BTC", 90, NOW + 24 * HOUR), NOW)
    assert len(found.delisted) == 90
    assert len(found.listed) == 90
    assert not found.objections


def test_what_is_being_delivered_goes() -> None:
    known = options("BTC", 5)
    symbol = f"BTC-{NOW + HOUR}-2"
    answer = known | {symbol: dataclasses.replace(known[symbol], status="Delivering")}
    assert diff(known, answer, NOW).delisted == (symbol,)


@pytest.mark.parametrize(
    "changes",
    [{"expiry_ms": NOW + 2 * HOUR}, {"tick_size": "10"}, {"settle": "USDC"}, {"launch_ms": 5}],
)
def test_what_comes_under_other_terms_is_listed_and_stays(changes: dict[str, Any]) -> None:
    known = options("BTC", 5)
    symbol = f"BTC-{NOW + HOUR}-2"
    changed = dataclasses.replace(known[symbol], **changes)
    found = diff(known, known | {symbol: changed}, NOW)
    assert found.listed == (changed,)
    assert found.delisted == ()
    assert found.objections == ()
    assert not diff(known | {symbol: changed}, known | {symbol: changed}, NOW)
