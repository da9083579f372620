from collections import Counter

from fastopts.cli.verify import sample

SYMBOLS = [
    f"{asset}-{expiry}-{strike}-{kind}{settle}"
    for asset, strikes in (("BTC", 40), ("ETH", 4))
    for expiry in ("27MAR26", "26JUN26")
    for strike in range(1, strikes + 1)
    for kind in "CP"
    for settle in ("", "-USDT")
]


def series(symbol: str) -> tuple[str, ...]:
    asset, expiry, _, _, *settle = symbol.split("-")
    return asset, expiry, *settle


def test_every_series_has_its_share() -> None:
    chosen = sample.choose(SYMBOLS, 40, seed=1)
    assert set(Counter(map(series, chosen)).values()) == {5}
    assert len(set(chosen)) == 40


def test_what_a_small_series_lacks_the_others_give() -> None:
    chosen = sample.choose(SYMBOLS, 100, seed=1)
    counts = Counter(map(series, chosen))
    assert {counts[name] for name in counts if name[0] == "ETH"} == {8}
    assert sum(counts.values()) == 100


def test_a_seed_repeats_it_and_another_does_not() -> None:
    first = sample.choose(SYMBOLS, 50, seed=1)
    assert sample.choose(reversed(SYMBOLS), 50, seed=1) == first
    assert sample.choose(SYMBOLS, 50, seed=2) != first


def test_a_symbol_less_changes_one_choice() -> None:
    first = sample.choose(SYMBOLS, 50, seed=1)
    without = sample.choose([s for s in SYMBOLS if s != first[0]], 50, seed=1)
    assert len(set(first) & set(without)) == 49


def test_there_may_be_fewer_than_asked_for() -> None:
    assert sorted(sample.choose([*SYMBOLS, "BTCUSDT"], 10_000, seed=1)) == sorted(SYMBOLS)
