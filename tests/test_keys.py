"""The names of everything in Redis, and how long it lives."""

import pytest

from fastopts import keys

HOUR_MS = 3600 * 1000
NOW = 1_795_000_000_000


def test_keys_are_spelled_as_the_contract_says() -> None:
    symbol = "BTC-27NOV26-90000-C-USDT"
    assert keys.option(symbol) == f"option:{symbol}"
    assert keys.record(symbol) == f"optrec:{symbol}"
    assert keys.instrument(symbol) == f"instrument:{symbol}"
    assert keys.asset("BTC") == "options:BTC"
    assert keys.series("BTC", "USDT", "261127") == "options:BTC:USDT:261127"


@pytest.mark.parametrize("text", ["A", "9", "BTC-27NOV26-0.55-P-USDT", "B" * 40])
def test_a_symbol_may_become_part_of_a_key(text: str) -> None:
    assert keys.is_symbol(text)


@pytest.mark.parametrize(
    "text", ["", "-A", ".A", "btc", "B" * 41, "A B", "A\n", "A*", "A:B", "Á", "\ud800", "A\x00"]
)
def test_what_is_no_symbol_may_not(text: str) -> None:
    assert not keys.is_symbol(text)


def test_a_coin_is_short_and_plain() -> None:
    assert keys.is_coin("USDT")
    assert not any(map(keys.is_coin, ("", "usdt", "USDT\n", "A" * 9, "A-B")))


def test_keys_end_four_hours_after_delivery_or_in_a_day() -> None:
    assert keys.until_ms(NOW + HOUR_MS, NOW) == NOW + 5 * HOUR_MS
    assert keys.until_ms(NOW + 100 * HOUR_MS, NOW) == NOW + 24 * HOUR_MS


def test_an_expiry_is_in_whole_seconds_and_never_below_a_minute() -> None:
    assert keys.ttl_s(NOW + 90_999, NOW) == 90
    assert keys.ttl_s(NOW + 59_999, NOW) == keys.ttl_s(NOW - HOUR_MS, NOW) == 60
