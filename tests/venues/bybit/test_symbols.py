import pytest

from fastopts.venues.bybit import symbols


@pytest.mark.parametrize(
    ("symbol", "asset", "settle", "quote", "expiry_ms", "strike", "kind"),
    [
        ("BTC-27MAR26-70000-P-USDT", "BTC", "USDT", "USDT", 1_774_598_400_000, "70000", "P"),
        ("BTC-29NOV24-100000-C", "BTC", "USDC", "USD", 1_732_867_200_000, "100000", "C"),
        ("ETH-3JAN23-1250-P", "ETH", "USDC", "USD", 1_672_732_800_000, "1250", "P"),
        ("XRP-30OCT26-0.4-P-USDT", "XRP", "USDT", "USDT", 1_793_347_200_000, "0.4", "P"),
        ("BTC-29FEB28-1-C", "BTC", "USDC", "USD", 1_835_424_000_000, "1", "C"),
        ("1INCH-31DEC26-0.25-C-USDT", "1INCH", "USDT", "USDT", 1_798_704_000_000, "0.25", "C"),
    ],
)
def test_a_symbol_is_read(
    symbol: str, asset: str, settle: str, quote: str, expiry_ms: int, strike: str, kind: str
) -> None:
    found = symbols.parse(symbol)
    assert found is not None
    assert (found.asset, found.settle, found.quote) == (asset, settle, quote)
    assert (found.expiry_ms, found.strike_text, found.type) == (expiry_ms, strike, kind)
    assert found.strike == float(strike)


@pytest.mark.parametrize(
    "symbol",
    [
        *("", "BTCUSDT", "BTC", "btc-27MAR26-70000-P", "BTC-27mar26-70000-P", "BTC-27XXX26-1-C"),
        *(
            "BTC-29FEB26-1-C",
            "BTC-32MAR26-1-C",
            "BTC-0MAR26-1-C",
            "BTC-27MAR26-1-X",
            "BTC-27MAR26--C",
        ),
        *(
            "BTC-27MAR26-1.-C",
            "BTC-27MAR26-.5-C",
            "BTC-27MAR26-1-C-EUR",
            "BTC-27MAR26-1-C-",
            " BTC-27MAR26-1-C",
        ),
        *("BTC-27MAR26-1-C\n", "BTC-٢٧MAR26-1-C", "BTC-27MAR26-1-C-USDC"),
    ],
)
def test_a_symbol_that_is_no_option_is_none(symbol: str) -> None:
    assert symbols.parse(symbol) is None
