from fastopts.cli.verify import coverage
from fastopts.cli.verify.coverage import SeriesCoverage

MARCH_MS, JUNE_MS = 1_774_598_400_000, 1_782_460_800_000
ONE, TWO, USDC = "BTC-27MAR26-1-C-USDT", "BTC-27MAR26-2-C-USDT", "BTC-27MAR26-2-C"
JUNE = "BTC-26JUN26-1-C-USDT"


def test_each_kind_is_counted_by_series() -> None:
    found = coverage.count([ONE, TWO, JUNE, "BTCUSDT"], [ONE, USDC, JUNE], [ONE], MARCH_MS - 1)
    assert found.series == (
        SeriesCoverage("BTC", MARCH_MS, "USDC", venue=0, stored=1, live=0),
        SeriesCoverage("BTC", MARCH_MS, "USDT", venue=2, stored=1, live=1),
        SeriesCoverage("BTC", JUNE_MS, "USDT", venue=1, stored=1, live=0),
    )
    assert (found.listed, found.live, found.missing) == (3, 1, (TWO,))
    assert not found.is_good


def test_delivered_options_are_not_counted() -> None:
    found = coverage.count([ONE, TWO, JUNE], [ONE, JUNE], [JUNE], MARCH_MS)
    assert found.series == (SeriesCoverage("BTC", JUNE_MS, "USDT", venue=1, stored=1, live=1),)
    assert (found.missing, found.is_good) == ((), True)


def test_one_in_a_hundred_may_be_on_its_way() -> None:
    symbols = [f"BTC-27MAR26-{strike}-C" for strike in range(200)]
    assert coverage.count(symbols, symbols, symbols[:198], 0).is_good
    assert not coverage.count(symbols, symbols, symbols[:197], 0).is_good
    assert not coverage.count([], [], [], 0).is_good
