"""Another program's value at one option's key costs that option, in readers and mirrors."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from fastopts.errors import StoreError
from fastopts.reader import Absent, AsyncOptionReader, Chain, Option, OptionReader
from tests.support.store import CALL, PUT, Store

OTHER = "BTC-27NOV99-95000-C-USDT"
SYMBOLS = [CALL, PUT, OTHER]
BIG = b"x" * 1_000_000
RECORD, TERMS, TEXTS = f"optrec:{PUT}", f"instrument:{PUT}", f"option:{PUT}"

Put = Callable[[Any], Any]


def replaced(key: str, write: Put) -> Put:
    def put(client: Any) -> None:
        client.delete(key)
        write(client)

    return put


BAD_RECORDS = {
    "big": lambda client: client.set(RECORD, BIG),
    "64 KiB": lambda client: client.set(RECORD, BIG[:65_536]),
    "empty": lambda client: client.set(RECORD, b""),
}
NO_RECORDS = {
    "list": replaced(RECORD, lambda client: client.rpush(RECORD, BIG)),
    "hash": replaced(RECORD, lambda client: client.hset(RECORD, "a", BIG)),
}
BAD_TERMS = {
    "string": replaced(TERMS, lambda client: client.set(TERMS, BIG)),
    "list": replaced(TERMS, lambda client: client.rpush(TERMS, "a")),
    "big field": lambda client: client.hset(TERMS, "strike", BIG),
}
BAD_TEXTS = {
    "string": replaced(TEXTS, lambda client: client.set(TEXTS, BIG)),
    "big field": lambda client: client.hset(TEXTS, "other", BIG),
    "many fields": lambda client: client.hset(TEXTS, mapping=dict.fromkeys(range(9000), "abcd")),
}


@pytest.fixture(autouse=True)
def _options(store: Store) -> None:
    for symbol in SYMBOLS:
        store.option(symbol)
    # of a feed that is down a mirror is complete without announcements
    store.feed(beat_s=3600)


async def options_of(url: str) -> list[list[Option | Absent]]:
    """The options as a blocking reader, an asyncio one and their mirrors return them."""
    with OptionReader(url) as reader, reader.mirror(SYMBOLS) as mirror:
        options = [way.get_many(SYMBOLS, require_live=False) for way in (reader, mirror)]
    async with (
        AsyncOptionReader(url) as async_reader,
        await async_reader.mirror(SYMBOLS) as async_mirror,
    ):
        options.append(await async_reader.get_many(SYMBOLS, require_live=False))
        options.append(async_mirror.get_many(SYMBOLS, require_live=False))
    return options


async def raw_fields(url: str) -> list[list[dict[str, str] | Absent]]:
    with OptionReader(url) as reader:
        fields = [reader.text_many(SYMBOLS, require_live=False)]
    async with AsyncOptionReader(url) as async_reader:
        return [*fields, await async_reader.text_many(SYMBOLS, require_live=False)]


def symbols_of(chain: Chain) -> set[str]:
    sides = [side for strike in chain for side in (strike.call, strike.put)]
    return {side.symbol for side in sides if side is not None}


@pytest.mark.parametrize("put", (BAD_RECORDS | NO_RECORDS).values(), ids=BAD_RECORDS | NO_RECORDS)
async def test_RD_39_a_foreign_record_costs_its_option(store: Store, put: Put) -> None:
    put(store.client)
    ways: list[Sequence[Any]] = [*await options_of(store.url), *await raw_fields(store.url)]
    for good, bad, other in ways:
        assert not isinstance(good, Absent)
        assert not isinstance(other, Absent)
        assert isinstance(bad, Absent)
        assert bad.symbol == PUT
    with OptionReader(store.url) as reader:
        chain = reader.chain("BTC", require_live=False)
        assert symbols_of(chain) == {CALL, OTHER}
        assert set(chain.absent) == {PUT}
        assert len(reader.snapshot("BTC", require_live=False)) == 2


@pytest.mark.parametrize("put", BAD_RECORDS.values(), ids=BAD_RECORDS)
async def test_RD_39_a_foreign_record_is_named_as_one(store: Store, put: Put) -> None:
    put(store.client)
    for _, bad, _ in await options_of(store.url):
        assert isinstance(bad, Absent)
        assert type(bad.reason) is StoreError
        assert "can't read" in str(bad.reason)


@pytest.mark.parametrize("put", BAD_TERMS.values(), ids=BAD_TERMS)
async def test_RD_39_foreign_terms_cost_the_terms_of_their_option(store: Store, put: Put) -> None:
    put(store.client)
    for read in await options_of(store.url):
        good, bad, other = read
        assert isinstance(good, Option)
        assert good.instrument is not None
        assert isinstance(other, Option)
        assert other.instrument is not None
        if isinstance(bad, Option):
            assert bad.instrument is None
    with OptionReader(store.url) as reader:
        chain = reader.chain("BTC", require_live=False)
        assert symbols_of(chain) == {CALL, OTHER}


@pytest.mark.parametrize("put", BAD_TEXTS.values(), ids=BAD_TEXTS)
async def test_RD_39_foreign_texts_cost_the_texts_of_their_option(store: Store, put: Put) -> None:
    put(store.client)
    for read in await raw_fields(store.url):
        good, bad, other = read
        assert not isinstance(good, Absent)
        assert not isinstance(other, Absent)
        assert isinstance(bad, Absent)
        assert isinstance(bad.reason, StoreError)
        assert PUT in str(bad.reason)
    for options in await options_of(store.url):
        assert all(isinstance(one, Option) for one in options)
