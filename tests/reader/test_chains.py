"""Every series of an asset at one moment, and what a desk reads off a chain."""

import pytest

from fastopts.errors import BadInput, FeedDown, NotYetLive, Unknown
from fastopts.reader import AsyncOptionReader, Chain, OptionReader
from tests.support.store import NAN, Store

NEAR, FAR = "BTC-27NOV60-90000-C-USDT", "BTC-25DEC60-90000-C-USDT"
USDC = "BTC-27NOV60-90000-C"


@pytest.fixture
def listed(store: Store) -> Store:
    store.option(NEAR, underlying_price=90000.0, index_price=88000.0)
    store.option("BTC-27NOV60-90000-P-USDT", conn=9)
    store.option(USDC, open_interest=2.5, turnover_24h=1e6)
    store.option(FAR)
    store.option("ETH-27NOV60-3000-C-USDT")
    return store


def shape(chains: list[Chain]) -> list[tuple[str, str, list[str], list[str]]]:
    return [
        (
            chain.series.label,
            chain.settle,
            [option.symbol for option in chain.options],
            [type(one.reason).__name__ for one in chain.absent.values()],
        )
        for chain in chains
    ]


def test_all_series_are_read_at_one_moment(listed: Store, reader: OptionReader) -> None:
    chains = reader.chains("BTC")
    assert shape(chains) == [
        ("27NOV60", "USDC", [USDC], []),
        ("27NOV60", "USDT", [NEAR], ["NotYetLive"]),
        ("25DEC60", "USDT", [FAR], []),
    ]
    assert len({id(chain.moment) for chain in chains}) == 1
    assert [chain.settles for chain in chains] == [("USDC", "USDT")] * 2 + [("USDT",)]


def test_each_is_the_chain_that_is_read_alone(listed: Store, reader: OptionReader) -> None:
    for chain in reader.chains("btc"):
        alone = reader.chain("BTC", chain.expiry, chain.settle)
        assert (alone.series, shape([alone])) == (chain.series, shape([chain]))
        assert alone.forward == chain.forward


def test_a_coin_may_be_chosen(listed: Store, reader: OptionReader) -> None:
    assert [chain.settle for chain in reader.chains("BTC", "usdc")] == ["USDC"]
    with pytest.raises(Unknown, match="no options of ETH settled in USDC; there are: USDT"):
        reader.chains("ETH", "USDC")
    with pytest.raises(Unknown, match="no options of DOGE here; there are: BTC, ETH"):
        reader.chains("DOGE")
    with pytest.raises(BadInput, match="'U-S' is not a settle coin"):
        reader.chains("BTC", "U-S")


def test_it_is_strict_by_default(listed: Store, reader: OptionReader) -> None:
    listed.feed(heartbeat_ms=0)
    with pytest.raises(FeedDown):
        reader.chains("BTC")
    chains = reader.chains("BTC", require_live=False)
    assert [len(chain.options) for chain in chains] == [1, 2, 1]
    assert not any(option.live for chain in chains for option in chain.options)


def test_a_new_listing_is_seen(listed: Store, reader: OptionReader) -> None:
    assert len(reader.chains("BTC")) == 3
    listed.option("BTC-26DEC60-90000-C-USDT")
    listed.feed(universe=2)
    assert [chain.series.label for chain in reader.chains("BTC")][-1] == "26DEC60"


async def test_asyncio_reads_the_same(listed: Store, reader: OptionReader) -> None:
    async with AsyncOptionReader(listed.url) as async_reader:
        chains = await async_reader.chains("BTC", "USDT")
    assert shape(chains) == shape(reader.chains("BTC", "USDT"))


def test_the_basis_is_of_one_tick_and_a_year(listed: Store, reader: OptionReader) -> None:
    usdc, near, _ = reader.chains("BTC")
    assert near.basis == pytest.approx((90000 / 88000 - 1) * 365 / near.dte)
    assert (near.index_price, usdc.open_interest, usdc.turnover_24h) == (88000.0, 2.5, 1e6)


def test_what_is_not_known_is_none(store: Store, reader: OptionReader) -> None:
    gone = dict.fromkeys(("index_price", "open_interest", "turnover_24h"), NAN)
    store.option(NEAR, **gone)
    [chain] = reader.chains("BTC")
    assert chain.forward == 88251.0
    assert chain.basis is chain.index_price is chain.open_interest is chain.turnover_24h is None


def test_a_series_of_which_nothing_is_live_is_there(store: Store, reader: OptionReader) -> None:
    store.option(NEAR, conn=9)
    [chain] = reader.chains("BTC")
    assert (chain.options, chain.forward, chain.basis) == ((), None, None)
    assert isinstance(chain.absent[NEAR].reason, NotYetLive)
