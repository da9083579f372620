from hypothesis import given
from hypothesis import strategies as st

from fastopts.model import Instrument
from fastopts.session.shards import CHARACTERS_MAX, OVERHEAD, TOPICS_MAX, Shards

DAY_MS = 86_400_000


def option(asset: str, day: int, strike: int, settle: str = "USDT", pad: str = "") -> Instrument:
    symbol = f"{asset}{pad}-{day}-{strike}-C-{settle}"
    return Instrument(
        symbol, asset, settle, settle, day * DAY_MS, str(strike), "C", "5", "0.01", "Trading", 0
    )


def universe(assets: str, days: int, strikes: int) -> list[Instrument]:
    return [
        option(asset, day, strike)
        for asset in assets
        for day in range(1, days + 1)
        for strike in range(100, 100 + strikes)
    ]


def check(shards: Shards) -> None:
    for shard in shards.shards:
        assert len(shard.symbols) <= TOPICS_MAX
        characters = sum(len(f'"tickers.{symbol}",') for symbol in shard.symbols)
        assert characters == shard.characters <= CHARACTERS_MAX


def test_as_many_connections_as_the_universe_needs_filled_evenly() -> None:
    shards = Shards()
    changes = shards.update(universe("ABCD", 10, 50), ())
    assert [change.shard.number for change in changes] == [0, 1, 2, 3]
    assert [len(change.added) for change in changes] == [500] * 4
    check(shards)


def test_a_few_symbols_take_one_connection() -> None:
    shards = Shards()
    [change] = shards.update(universe("A", 1, 3), ())
    assert change.added == ("A-1-100-C-USDT", "A-1-101-C-USDT", "A-1-102-C-USDT")


def test_each_connection_hears_every_coin_and_every_part_of_the_smile() -> None:
    shards = Shards()
    shards.update(universe("ABCD", 10, 50), ())
    for shard in shards.shards:
        keys = [symbol.split("-") for symbol in shard.symbols]
        assert {asset for asset, *_ in keys} == set("ABCD")
        for day in range(1, 11):
            strikes = {int(key[2]) for key in keys if key[1] == str(day)}
            assert min(strikes) < 110
            assert max(strikes) > 140


def test_the_characters_bound_long_symbols() -> None:
    shards = Shards()
    shards.update([option("A", 1, i, pad="X" * 60) for i in range(600)], ())
    assert len(shards.shards) > 2
    check(shards)


def test_a_symbol_keeps_its_connection() -> None:
    shards = Shards()
    first = universe("AB", 10, 50)
    shards.update(first, ())
    before = {symbol: shard.number for shard in shards.shards for symbol in shard.symbols}
    [change] = shards.update([*first, option("C", 1, 1)], ())
    assert change.added == ("C-1-1-C-USDT",)
    after = {symbol: shard.number for shard in shards.shards for symbol in shard.symbols}
    assert before.items() <= after.items()


def test_what_goes_makes_room_for_what_comes() -> None:
    shards = Shards()
    first = universe("A", 11, 50)
    shards.update(first, ())
    assert len(shards.shards) == 1
    [change] = shards.update([option("B", 1, 1)], [first[7].symbol])
    assert (change.added, change.removed) == (("B-1-1-C-USDT",), (first[7].symbol,))
    assert len(shards.shards) == 1
    check(shards)


@given(st.lists(st.tuples(st.integers(0, 900), st.booleans()), max_size=60), st.integers(1, 700))
def test_limits_hold_whatever_comes_and_goes(steps: list[tuple[int, bool]], size: int) -> None:
    shards = Shards()
    held: dict[str, Instrument] = {}
    for index, is_coming in steps:
        batch = [option("A", 1 + index % 7, strike) for strike in range(index, index + size)]
        if is_coming:
            shards.update(batch, ())
            held |= {instrument.symbol: instrument for instrument in batch}
        else:
            gone = [instrument.symbol for instrument in batch if instrument.symbol in held]
            shards.update((), gone)
            for symbol in gone:
                del held[symbol]
        check(shards)
        dealt = [symbol for shard in shards.shards for symbol in shard.symbols]
        assert sorted(dealt) == sorted(held)
    assert OVERHEAD == 11


def test_what_fits_in_sum_and_in_no_connection_gets_one_more() -> None:
    # 392 of 51 characters leave 8 of 20,000: seven such rests together would take one more
    strikes = range(1000, 1000 + 7 * 392 + 1)
    options = [option("BTC", 1, strike, pad="X" * 23) for strike in strikes]
    assert {len(listed.symbol) + OVERHEAD for listed in options} == {51}
    shards = Shards()
    shards.update(options, ())
    assert [len(shard.symbols) for shard in shards.shards] == [392] * 7 + [1]
    check(shards)
