"""An option that is not there, or only in part: each reason is an error of its own."""

from pathlib import Path

import pytest

from fastopts import keys
from fastopts.errors import Expired, NotYetLive, StoreError, Unknown
from fastopts.reader import Absent, AsyncOptionReader, OptionReader
from fastopts.reader.objects.option import Option
from fastopts.sim import SimSettings
from tests.support.collector_harness import running_collector, until
from tests.support.collector_limits import quicken
from tests.support.oracle import expected_hash
from tests.support.store import CALL, EXPIRY_MS, PUT, SHORT, Store

PAST_MS = 1_600_000_000_000


def test_RR_02_unknown_expired_and_just_listed_are_three_errors(
    store: Store, reader: OptionReader
) -> None:
    store.option(CALL)
    store.list(PUT)  # listed, and has not ticked
    store.tick("BTC-11SEP20-9000-C-USDT", expiry=PAST_MS)
    with pytest.raises(Unknown, match="there is no option 'BTC-27NOV99-1-C-USDT' here"):
        reader.get("BTC-27NOV99-1-C-USDT")
    with pytest.raises(Expired, match=r"expired at .* h ago"):
        reader.get("BTC-11SEP20-9000-C-USDT")
    with pytest.raises(NotYetLive, match="is listed, and has not ticked yet"):
        reader.get(PUT)
    with pytest.raises(Unknown, match=f"did you mean {CALL}"):
        reader.get(CALL.removesuffix("-USDT"))
    found = reader.get_many([PUT, "NO-SUCH"])
    kinds = [type(one.reason) for one in found if isinstance(one, Absent)]
    assert kinds == [NotYetLive, Unknown]


FIELDS = [*SHORT.values(), "tm", "rt", "sq"]
NAMES = {short: name for name, short in SHORT.items()} | {"tm": "ts_ms", "rt": "rt_ms", "sq": "seq"}


@pytest.mark.parametrize("field", FIELDS)
def test_RR_03_a_hash_that_lacks_a_field_is_refused_with_its_name(
    store: Store, reader: OptionReader, field: str
) -> None:
    store.tick()
    assert reader.text(CALL)[NAMES[field]]
    store.client.hdel(keys.option(CALL), field)
    with pytest.raises(StoreError, match=f"{CALL}: its hash is incomplete, .*{NAMES[field]}"):
        reader.text(CALL)
    assert reader.get(CALL).mark_price == 1218.5  # the record is one value, and whole


def test_RR_03_what_the_tick_itself_did_not_have_is_no_gap(
    store: Store, reader: OptionReader
) -> None:
    store.tick(bid_iv=float("nan"), flags=2, sequence=-1)
    store.client.hdel(keys.option(CALL), "sq")
    text = reader.text(CALL, require_live=False)
    assert "bid_iv" not in text
    assert "seq" not in text


async def test_RR_03_asyncio_refuses_it_too(store: Store) -> None:
    store.tick()
    store.client.hdel(keys.option(CALL), "v", "d")
    async with AsyncOptionReader(store.url) as reader:
        [found] = await reader.text_many([CALL])
        assert not found
        assert "without delta, vega" in str(found)


@pytest.mark.parametrize("size", [0, 1, 255, 257])
def test_RR_03_a_record_of_another_size_is_refused(
    store: Store, reader: OptionReader, size: int
) -> None:
    store.tick()
    record = store.client.get(keys.record(CALL))
    assert isinstance(record, bytes)
    store.client.set(keys.record(CALL), (record + b"x")[:size])
    with pytest.raises(StoreError, match="this version of fastopts can't read"):
        reader.get(CALL)


async def test_RR_03_the_collector_mends_what_was_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quicken(monkeypatch, rewrite_every_s=1)

    async with running_collector(tmp_path, SimSettings(seed=5, symbols=20, rate=200)) as harness:
        await harness.covered()
        harness.venue.pause()
        await until(lambda: not harness.differences())
        symbol = harness.venue.symbols[3]
        harness.client.hdel(keys.option(symbol), *expected_hash(harness.venue.last_frame(symbol)))
        harness.client.delete(keys.record(harness.venue.symbols[4]))
        await until(lambda: not harness.differences())
        await until(lambda: bool(harness.client.exists(keys.record(harness.venue.symbols[4]))))


@pytest.fixture(params=["2", "", "a"])
def foreign(store: Store, request: pytest.FixtureRequest) -> Store:
    store.tick()
    store.feed(schema=request.param)
    return store


def test_RR_03_a_feed_of_another_schema_is_refused(foreign: Store, reader: OptionReader) -> None:
    for read in (lambda: reader.get(CALL), lambda: reader.get_many([CALL]), reader.feed):
        with pytest.raises(StoreError, match=r"schema .* reads '1'"):
            read()
    with pytest.raises(StoreError, match="schema"):
        reader.get(CALL, require_live=False)
    with pytest.raises(StoreError, match="schema"):
        reader.mirror()


def test_RR_03_a_schema_that_appears_under_a_reader_is_seen(
    store: Store, reader: OptionReader
) -> None:
    store.tick()
    assert isinstance(reader.get(CALL), Option)
    assert reader.get(CALL).expiry_ms == EXPIRY_MS
    store.feed(schema="2")
    with pytest.raises(StoreError, match="schema '2'"):
        reader.get(CALL)
