"""The records and terms in a replica."""

import pytest

from fastopts import keys
from fastopts.reader.mirrors.contents import UNREADABLE, ReplicaContents
from tests.reader.options import make, terms
from tests.support.store import CALL, EPOCH, EXPIRY_MS, PUT


def record(symbol: str = CALL, sequence: int = 1, expiry_ms: int = EXPIRY_MS) -> bytes:
    return make(symbol, sequence=sequence, expiry=expiry_ms).record


@pytest.fixture
def contents() -> ReplicaContents:
    contents = ReplicaContents()
    contents.wanted = frozenset({CALL, PUT})
    return contents


def test_announced_records_of_wanted_symbols_are_taken_over(contents: ReplicaContents) -> None:
    first, second = record(), record(sequence=2)
    assert contents.apply({CALL: first, "ETH-1-1-C": first}) == {CALL: first}
    assert contents.apply({CALL: first}) == {}, "announced again, unchanged"
    assert contents.apply({CALL: second}) == {CALL: second}
    assert contents.records == {CALL: second}


def test_a_snapshot_replaces_records_and_names_those_that_changed(
    contents: ReplicaContents,
) -> None:
    contents.apply({CALL: record(), PUT: record(PUT)})
    assert contents.replace([CALL, PUT], [record(), None]) == []
    assert contents.records == {CALL: record()}
    assert contents.replace([CALL, PUT], [record(sequence=2), record(PUT)]) == [CALL, PUT]


def test_a_value_of_another_size_is_kept_as_unreadable(contents: ReplicaContents) -> None:
    assert contents.replace([CALL], [b"x" * 1_000_000]) == [CALL]
    assert contents.records == {CALL: UNREADABLE}
    assert list(contents.conns(EPOCH, 0)) == []


def test_delisted_symbols_are_dropped_and_expired_ones_kept_as_long_as_their_keys(
    contents: ReplicaContents,
) -> None:
    contents.apply({CALL: record(), PUT: record(PUT)})
    contents.terms |= {CALL: terms(CALL), PUT: terms(PUT)}
    contents.wanted = frozenset()
    contents.drop_delisted(EXPIRY_MS)
    assert contents.records == {}
    assert contents.expired.keys() == contents.terms.keys() == {CALL, PUT}
    contents.drop_delisted(EXPIRY_MS + keys.TTL_AFTER_DELIVERY_MS)
    assert contents.expired.keys() == {CALL, PUT}
    contents.drop_delisted(EXPIRY_MS + keys.TTL_AFTER_DELIVERY_MS + 1)
    assert not contents.expired
    assert not contents.terms


def test_a_symbol_that_is_delisted_before_its_expiry_is_dropped(contents: ReplicaContents) -> None:
    contents.apply({CALL: record()})
    contents.wanted = frozenset()
    contents.drop_delisted(EXPIRY_MS - 1)
    assert contents.records == contents.expired == {}


def test_an_expired_option_may_be_remembered(contents: ReplicaContents) -> None:
    option = make(CALL, terms(CALL))
    contents.remember(option)
    assert contents.expired == {CALL: option.record}
    assert contents.terms == {CALL: terms(CALL)}
    contents.apply({PUT: record(PUT)})
    contents.remember(make(PUT))
    assert contents.expired.keys() == {CALL}, "what is here is newer"


def test_the_connections_are_those_of_unexpired_records_of_the_epoch(
    contents: ReplicaContents,
) -> None:
    contents.apply({CALL: record()})
    assert set(contents.conns(EPOCH, EXPIRY_MS - 1)) == {1}
    assert set(contents.conns(EPOCH, EXPIRY_MS)) == set()
    assert set(contents.conns(EPOCH + 1, 0)) == set()


def test_phases_change_with_the_time_alone(contents: ReplicaContents) -> None:
    contents.apply({CALL: record(), PUT: record(PUT, expiry_ms=EXPIRY_MS + 3_600_000)})
    contents.drop_delisted(0)
    assert contents.changed_phases(EXPIRY_MS - 3_600_000) == []
    assert contents.changed_phases(EXPIRY_MS - 60_000) == [CALL]
    assert contents.changed_phases(EXPIRY_MS) == [CALL]
    assert contents.changed_phases(EXPIRY_MS) == []
