"""The names of everything in Redis, what may become part of one, and how long they live."""

import pytest

from fastopts import keys
from tests.support.hostile import NAMES

HOUR_MS = 3600 * 1000
NOW = 1_795_000_000_000


def test_keys_are_spelled_as_the_contract_says() -> None:
    symbol = "BTC-27NOV26-90000-C-USDT"
    assert keys.option(symbol) == f"option:{symbol}"
    assert keys.record(symbol) == f"optrec:{symbol}"
    assert keys.instrument(symbol) == f"instrument:{symbol}"
    assert keys.asset("BTC") == "options:BTC"
    assert keys.series("BTC", "USDT", "261127") == "options:BTC:USDT:261127"


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_name_becomes_no_key(name: str) -> None:
    assert not keys.is_symbol(name)
    assert not keys.is_coin(name)
    assert keys.symbols_of([name.encode("utf-8", "surrogatepass")]) == set()


@pytest.mark.parametrize("name", ["BTC-27MAR26-70000-P-USDT", "XRP-1JAN27-0.5-C", "1INCH-1-2-C"])
def test_a_symbol_may(name: str) -> None:
    assert keys.is_symbol(name)
    assert keys.symbols_of([name.encode(), b"\xff", b""]) == {name}


def test_of_any_single_character_only_capitals_and_digits_may() -> None:
    allowed = [chr(code) for code in range(0x11_0000) if keys.is_symbol(chr(code))]
    assert "".join(allowed) == "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    inside = [chr(code) for code in range(0x11_0000) if keys.is_symbol(f"A{chr(code)}A")]
    assert set(inside) - set(allowed) == {"-", "."}


def test_keys_end_four_hours_after_delivery_or_in_a_day() -> None:
    assert keys.until_ms(NOW + HOUR_MS, NOW) == NOW + 5 * HOUR_MS
    assert keys.until_ms(NOW + 100 * HOUR_MS, NOW) == NOW + 24 * HOUR_MS


def test_an_expiry_is_in_whole_seconds_and_never_below_a_minute() -> None:
    assert keys.ttl_s(NOW + 90_999, NOW) == 90
    assert keys.ttl_s(NOW + 59_999, NOW) == keys.ttl_s(NOW - HOUR_MS, NOW) == 60
