import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastopts.model import Instrument
from fastopts.session.shards import (
    CHARACTERS_MAX,
    OVERHEAD,
    SHARDS_MAX,
    TOPICS_MAX,
    Change,
    Shards,
)

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


def test_each_connection_receives_every_coin_and_every_part_of_the_smile() -> None:
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


def silent_behind(shards: Shards, topics_max: int) -> list[str]:
    """What a venue that delivers only the first topics of a connection leaves out."""
    return [s for shard in shards.shards for s in [*shard.symbols][topics_max:]]


def symbols_by_shard(shards: Shards) -> list[list[str]]:
    return [list(shard.symbols) for shard in shards.shards]


@pytest.mark.parametrize(("assets", "topics_max"), [("A", 100), ("ABCD", 100), ("AB", 549)])
def test_an_undocumented_limit_is_found_by_one_move(assets: str, topics_max: int) -> None:
    shards = Shards()
    shards.update(universe(assets, 10, 55), ())
    before = symbols_by_shard(shards)
    moved = silent_behind(shards, topics_max)
    changes = shards.move(moved)
    assert sorted(s for change in changes for s in change.added) == sorted(moved)
    assert sorted(s for change in changes for s in change.removed) == sorted(moved)
    after = symbols_by_shard(shards)
    assert [symbols[:topics_max] for symbols in before] == after[: len(before)]
    assert silent_behind(shards, topics_max) == []
    check(shards)


def test_a_single_silent_symbol_finds_room_on_a_connection_that_is_there() -> None:
    shards = Shards()
    shards.update(universe("ABCD", 10, 50), ())
    shards.update((), [*shards.shards[2].symbols][:1])
    silent = [*shards.shards[0].symbols][7]
    assert shards.move([silent]) == [
        Change(shards.shards[0], (), (silent,)),
        Change(shards.shards[2], (silent,), ()),
    ]
    assert len(shards.shards) == 4


def test_what_is_alone_and_silent_goes_where_most_are() -> None:
    shards = Shards()
    shards.update(universe("A", 1, 60), ())
    silent = [*shards.shards[0].symbols][7]
    shards.move([silent])
    assert shards.move([silent]) == [
        Change(shards.shards[0], (silent,), ()),
        Change(shards.shards[1], (), (silent,)),
    ]
    assert [*shards.shards[0].symbols][-1] == silent


def test_home_is_where_most_are_and_last_in_line() -> None:
    shards = Shards()
    shards.update(universe("A", 1, 60), ())
    first = next(iter(shards.shards[0].symbols))
    assert shards.move_back([first]) == []
    assert [*shards.shards[0].symbols][-1] == first
    shards.move([first])
    [back, away] = shards.move_back([first])
    assert (back.shard.number, back.added) == (0, (first,))
    assert (away.shard.number, away.removed) == (1, (first,))


def test_where_nothing_comes_nothing_is_learned() -> None:
    shards = Shards()
    shards.update(universe("A", 1, 60), ())
    assert shards.move([*shards.shards[0].symbols]) == []
    assert len(shards.shards) == 1
    assert shards.shards[0].topics_max == TOPICS_MAX


def test_moves_open_no_more_connections_than_are_reasonable() -> None:
    shards = Shards()
    shards.update(universe("ABC", 10, 50), ())
    shards.move(silent_behind(shards, 1))
    assert len(shards.shards) == SHARDS_MAX
    assert sum(len(shard.symbols) for shard in shards.shards) == 1500
    check(shards)


STEPS = st.lists(st.tuples(st.integers(0, 900), st.sampled_from("+-mh")), max_size=60)


@given(STEPS, st.integers(1, 700))
def test_limits_hold_through_listings_delistings_and_moves(
    steps: list[tuple[int, str]], size: int
) -> None:
    shards = Shards()
    held: dict[str, Instrument] = {}
    for index, step in steps:
        batch = [option("A", 1 + index % 7, strike) for strike in range(index, index + size)]
        known = [instrument.symbol for instrument in batch if instrument.symbol in held]
        if step == "+":
            shards.update(batch, ())
            held |= {instrument.symbol: instrument for instrument in batch}
        elif step == "m":
            shards.move(known)
        elif step == "h":
            shards.move_back(known)
        else:
            shards.update((), known)
            for symbol in known:
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


def test_a_symbol_that_fits_no_connection_gets_its_own() -> None:
    long = [option("BTC", 1, strike, pad="X" * 23) for strike in range(1000, 1392)]
    short = [option("BTC", 1, strike, pad="X" * 12) for strike in range(1000, 1500)]
    shards = Shards()
    shards.update(long, ())
    shards.update(short, ())
    assert [shard.characters for shard in shards.shards] == [392 * 51, 500 * 40]
    # dealt in turns they leave a gap on the first that the second has no room for
    turns = [one.symbol for pair in zip(long, short[:392], strict=True) for one in pair]
    shards.move([*turns, *(one.symbol for one in short[392:])])
    assert sum(len(shard.symbols) for shard in shards.shards) == 892
    assert len(shards.shards) == 3
    check(shards)
