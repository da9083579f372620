from datetime import UTC, datetime

import pytest

from fastopts.cli.verify.symbols import Contract, parse


def ms(*when: int) -> int:
    return round(datetime(*when, tzinfo=UTC).timestamp() * 1000)  # type: ignore[misc, arg-type]


@pytest.mark.parametrize(
    ("symbol", "contract"),
    [
        (
            "BTC-27MAR26-70000-P-USDT",
            Contract("BTC", ms(2026, 3, 27, 8), 70_000.0, False, "USDT"),
        ),
        ("BTC-6JAN23-17500-C", Contract("BTC", ms(2023, 1, 6, 8), 17_500.0, True, "USDC")),
        ("XRP-30OCT26-0.4-P-USDT", Contract("XRP", ms(2026, 10, 30, 8), 0.4, False, "USDT")),
    ],
)
def test_a_symbol_contains_its_terms(symbol: str, contract: Contract) -> None:
    assert parse(symbol) == contract


@pytest.mark.parametrize(
    "text", ["", "BTCUSDT", "BTC-31FEB26-1-C", "BTC-1XYZ26-1-C", "BTC-1JAN26-1-X"]
)
def test_a_symbol_that_is_no_option_is_none(text: str) -> None:
    assert parse(text) is None
