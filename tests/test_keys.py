"""What may become part of a key."""

import pytest

from fastopts import keys
from tests.hostile import NAMES


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
