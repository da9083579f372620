"""Commands for the listing."""

from fastopts import keys
from fastopts.collector.store.redis_commands import census, delist, enlist, hset
from tests.support.writer_harness import EXPIRY, INSTRUMENTS, SYMBOLS

NOW_MS = EXPIRY - 3_600_000
ASSET, SERIES = "options:BTC", "options:BTC:USDT:961002"


def test_listed_instruments_are_added_to_their_sets_and_get_their_terms() -> None:
    asset, series, *terms = enlist(INSTRUMENTS[:2], NOW_MS)
    assert asset.command == ("SADD", ASSET, *SYMBOLS[:2])
    assert series.command == ("SADD", SERIES, *SYMBOLS[:2])
    assert asset.ttl_s == series.ttl_s == 24 * 3600
    assert [each.key for each in terms] == [keys.instrument(symbol) for symbol in SYMBOLS[:2]]
    assert terms[0].command == hset(keys.instrument(SYMBOLS[0]), INSTRUMENTS[0].terms())
    assert [each.ttl_s for each in terms] == [5 * 3600] * 2  # delivery and four hours


def test_delisted_instruments_are_removed_and_keep_their_expiry() -> None:
    commands = delist(INSTRUMENTS[:1])
    assert [each.command for each in commands] == [
        ("SREM", ASSET, SYMBOLS[0]),
        ("SREM", SERIES, SYMBOLS[0]),
    ]
    assert {each.ttl_s for each in commands} == {None}


def test_a_census_expects_what_was_listed() -> None:
    assert census(INSTRUMENTS[:2]) == [
        (("SCARD", ASSET), 2),
        (("SCARD", SERIES), 2),
        (("EXISTS", *map(keys.instrument, SYMBOLS[:2])), 2),
    ]
    assert census(()) == []
