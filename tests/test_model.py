"""The terms of an option, and prices on its grid."""

import struct
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from fastopts import model
from fastopts.errors import BadInput
from fastopts.model import Instrument
from tests.support.store import LAYOUT, NUMBERS

TERMS = {
    "base": "BTC",
    "quote": "USDT",
    "settle": "USDT",
    "expiry_ms": "1795766400000",
    "strike": "0.550",
    "type": "P",
    "tick_size": "5",
    "lot_size": "0.01",
    "status": "Trading",
    "launch_ms": "1790000000000",
}
SYMBOL = "BTC-27NOV26-0.550-P-USDT"


def instrument(**terms: str) -> Instrument:
    return Instrument.of_terms(SYMBOL, tuple((TERMS | terms).values()))


def test_the_former_name_of_the_type_works_with_a_warning() -> None:
    with pytest.warns(DeprecationWarning, match=r"use Instrument\.type"):
        assert instrument().kind == instrument().type == "P"


def test_terms_come_back_as_they_were_stored() -> None:
    made = instrument()
    assert made.terms() == TERMS
    assert (made.symbol, made.asset, made.type, made.expiry_ms) == (
        SYMBOL,
        "BTC",
        "P",
        1795766400000,
    )
    assert (made.strike, made.strike_text, made.launch_ms) == (0.55, "0.550", 1790000000000)


def test_terms_that_are_none_are_an_error() -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        instrument(expiry_ms="soon")
    with pytest.raises(ValueError, match="not enough values"):
        Instrument.of_terms(SYMBOL, ())


@pytest.mark.parametrize(
    ("price", "tick", "up", "down"),
    [
        (1203, "5", "1205", "1200"),
        (1205.0, "5", "1205", "1205"),
        ("0.1", "0.05", "0.10", "0.10"),
        (Decimal("0.1000000000000000000001"), "0.05", "0.15", "0.10"),
        (0, "5", "0", "0"),
    ],
)
def test_a_price_is_rounded_to_the_grid(price: Any, tick: str, up: str, down: str) -> None:
    made = instrument(tick_size=tick)
    assert made.round_price(price, "up") == up
    assert made.round_price(price, "down") == down


def test_a_quantity_is_rounded_down() -> None:
    assert instrument().round_qty(0.129) == "0.12"


@pytest.mark.parametrize("price", ["x", "nan", "inf", "1e21"])
def test_a_value_that_is_no_price_is_an_error(price: Any) -> None:
    with pytest.raises(BadInput, match="is not a price"):
        instrument().round_price(price, "up")


def test_a_direction_or_a_step_that_is_not_known_is_an_error() -> None:
    with pytest.raises(BadInput, match="not 'sideways'"):
        instrument().round_price(1, "sideways")  # type: ignore[arg-type]
    for step in ("", "0", "None", "-1", "NaN", "1e99", " 5"):
        with pytest.raises(BadInput, match="the step of its quantity is not known"):
            replace(instrument(), lot_size=step).round_qty(1)


def test_the_record_is_laid_out_as_the_contract_says() -> None:
    assert model.RECORD.size == struct.calcsize(LAYOUT) == 256
    assert [name for _, name in model.NUMBERS] == list(NUMBERS)


@pytest.mark.parametrize("price", [-5, -5.0])
def test_a_negative_price_is_named(price: float) -> None:
    with pytest.raises(BadInput, match=r"-5(\.0)? is below 0, and no price is: write a number"):
        instrument().round_price(price, "nearest")
