"""Two options that look like one: of one strike, or delivered on one day."""

from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest

from fastopts.errors import Unknown
from fastopts.reader import OptionReader
from fastopts.reader.objects import expiry as expiries
from tests.support.store import Store, expiry_of

MORNING, EVENING = "BTC-27NOV60-90000-C-USDT", "BTC-27NOV60-95000-C-USDT"
MORNING_MS = expiry_of(MORNING)
EVENING_MS = MORNING_MS + 8 * 3_600_000
TEST_LISTING = "BTCTEST-27NOV60-90000-C-USDT"
OTHER_SPELLING = "BTC-27NOV60-90000.0-C-USDT"


@pytest.fixture
def reader(store: Store) -> Iterator[OptionReader]:
    with OptionReader(store.url) as made:
        yield made


@pytest.fixture
def evening(store: Store) -> Store:
    """Two deliveries on one day."""
    store.option(MORNING)
    store.option(EVENING, expiry=EVENING_MS)
    store.client.hset(f"instrument:{EVENING}", "expiry_ms", EVENING_MS)
    return store


def test_DC_28_a_test_listing_takes_no_place_of_a_chain(store: Store, reader: OptionReader) -> None:
    store.option(MORNING, mark_price=14329.9)
    store.option(TEST_LISTING, mark_price=1.0)
    store.client.hset(f"instrument:{TEST_LISTING}", "base", "BTC")
    store.client.sadd("options:BTC", TEST_LISTING)
    store.option(OTHER_SPELLING, mark_price=2.0)
    chain = reader.chain("BTC", "27NOV60")
    assert [option.symbol for option in chain.options] == [MORNING]
    assert chain[90000].call is not None
    assert chain[90000].call.mark_price == 14329.9
    found = reader.scan("BTC", gate=False)
    assert [option.symbol for option in found] == [MORNING]
    assert found.excluded["same_place"] == 2


@pytest.mark.usefixtures("evening")
def test_DC_28_two_deliveries_of_one_day_are_both_reachable(reader: OptionReader) -> None:
    labels = [chain.series.label for chain in reader.chains("BTC")]
    assert labels == ["27NOV60", "27NOV60T1600"]
    for label, symbol in zip(labels, (MORNING, EVENING), strict=True):
        assert [one.symbol for one in reader.chain("BTC", label).options] == [symbol]
    both = [MORNING, EVENING]
    assert sorted(o.symbol for o in reader.scan("BTC", expiry="27NOV60", gate=False)) == both
    [one] = reader.scan("BTC", expiry="27NOV60T1600", gate=False)
    assert one.symbol == EVENING
    for named in (date(2060, 11, 27), "601127", "2060-11-27"):  # the usual time of delivery
        assert [one.symbol for one in reader.chain("BTC", named).options] == [MORNING]
    for at, symbol in ((8, MORNING), (16, EVENING)):
        moment = datetime(2060, 11, 27, at, tzinfo=UTC)
        assert [one.symbol for one in reader.chain("BTC", moment).options] == [symbol]
        iso = moment.isoformat()
        assert [one.symbol for one in reader.chain("BTC", iso).options] == [symbol]
        assert [one.symbol for one in reader.scan("BTC", expiry=iso, gate=False)] == [symbol]
    with pytest.raises(Unknown, match="27NOV60T1600"):
        reader.chain("BTC", "27NOV60T1200")


def test_DC_28_a_label_says_when_it_is_and_is_read_again() -> None:
    for seconds, text in ((0, "27NOV60"), (1, "27NOV60T080001"), (8 * 3600, "27NOV60T1600")):
        at_ms = MORNING_MS + seconds * 1000
        assert expiries.label(at_ms) == text
        assert expiries.day_of(text) == date(2060, 11, 27)
        assert expiries.is_delivered_at(at_ms, text)
    assert not expiries.is_delivered_at(MORNING_MS, "27NOV60T1600")
    assert expiries.is_delivered_at(EVENING_MS, "27NOV60")
    for text in ("27NOV60T2400", "27NOV60T1660", "27NOV60T16", "31NOV60T1600"):
        with pytest.raises(ValueError, match="is not an expiry"):
            expiries.day_of(text)
    assert expiries.exact_ms("27NOV60T1600") == EVENING_MS
    assert expiries.exact_ms("27NOV60") is None
