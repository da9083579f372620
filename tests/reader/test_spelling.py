"""Which listed name a user may have meant by another one, and the delivery time in a name."""

from datetime import UTC, datetime

import pytest

from fastopts.reader.selection.spelling import canonical, delivery_ms, spellings

USDT, USDC = "BTC-6JAN27-100000-C-USDT", "BTC-6JAN27-100000-C"


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("BTCUSDT-6JAN27-100000-C", [USDT, USDC]),
        ("BTCUSDC-6JAN27-100000-C", [USDC, USDT]),
        (USDC, [USDT]),
        (f"{USDC}-USDC", [USDC, USDT]),
        (USDT, [USDC]),
        (USDT.lower(), [USDT, USDC]),
        ("btcusdt-6jan27-100000-c", [USDT, USDC]),
        ("BTC-06JAN27-100000-C-USDT", [USDT, USDC]),
        ("BTCUSDT-06JAN27-100000-C", [USDT, USDC]),
        ("BTC-6JAN2027-100000-C-USDT", [USDT, USDC]),
        ("BTC-270106-100000-C", [USDT, USDC]),
        ("BTC-2027-01-06-100000-C", []),
        ("BTC-6JAN27-100,000-CALL-USDT", [USDT, USDC]),
        ("BTC-6JAN27-0100000.0-C-USDT", [USDT, USDC]),
        ("BTC 6JAN27 100000 C", [USDT, USDC]),
        ("BTC_6JAN27_100000_P", ["BTC-6JAN27-100000-P-USDT", "BTC-6JAN27-100000-P"]),
        (f" {USDT} ", [USDT, USDC]),
        ("XRPUSDT-6JAN27-2.20-P", ["XRP-6JAN27-2.2-P-USDT", "XRP-6JAN27-2.2-P"]),
        ("MNT-6JAN27-0.8-P", ["MNT-6JAN27-0.8-P-USDT"]),
        ("USDT-6JAN27-1-P", ["USDT-6JAN27-1-P-USDT"]),
        ("nope-1", ["NOPE-1"]),
        ("NOPE-1", []),
        ("BTC-31FEB27-100000-C", []),
        ("BTC-6JAN27-100000-X", []),
        ("BTC-6JAN27-1e5-C", ["BTC-6JAN27-1E5-C"]),
        ("BTC-6JAN27--100000-C-EUR", []),
        ("BTC*-6JAN27-100000-C", []),
        ("", []),
        ("-" * 5000, []),
        ("\ud800-6JAN27-100000-C", []),
        ("BTC-6JAN27-\uff11-C", []),
    ],
)
def test_a_name_is_read_as_a_user_may_have_meant_it(written: str, meant: list[str]) -> None:
    assert spellings(written) == meant


def test_a_name_says_when_its_option_is_delivered() -> None:
    at = round(datetime(2027, 1, 6, 8, tzinfo=UTC).timestamp() * 1000)
    assert delivery_ms(USDT) == delivery_ms(USDC) == delivery_ms("btcusdt-06jan27-1-p") == at
    assert delivery_ms("BTC-PERP") is None
    assert delivery_ms("BTC-31FEB27-1-P") is None


@pytest.mark.parametrize(
    ("written", "symbol"),
    [
        (USDT.lower(), USDT),
        (USDC.lower(), USDC),
        (f" {USDT}\n", USDT),
        ("BTCUSDT-6JAN27-100000-C", USDT),
        ("BTCUSDT-6JAN27-100000-C-USDT", USDT),
        ("btcusdc-6jan27-100000-c", USDC),
        (f"{USDC}-usdc", USDC),
        ("XRPUSDT-6JAN27-2.20-P", "XRP-6JAN27-2.20-P-USDT"),  # the strike as written
        ("usdt-6jan27-1-p", "USDT-6JAN27-1-P"),
        ("nope-1", "NOPE-1"),
        # the venue's own symbols, and forms that are no more than a suggestion
        (USDT, None),
        (USDC, None),
        ("BTC-06JAN27-100000-C-USDT", None),
        ("BTC-6JAN2027-100000-C-USDT", None),
        ("BTC 6JAN27 100000 C", None),
        ("BTCUSDT-6JAN27-100000-C-USDC", None),  # two coins
        ("BTC*-6jan27-100000-c", None),
        ("b\u0131tc-6jan27-1-c", None),  # no ASCII, though its upper case is
        ("", None),
        ("b" * 5000, None),
    ],
)
def test_case_and_the_forms_of_the_web_page_are_accepted(written: str, symbol: str | None) -> None:
    assert canonical(written) == symbol
    assert symbol is None or canonical(symbol) is None
