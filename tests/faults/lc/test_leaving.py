"""Options that leave the market before their delivery, without a message on the stream."""

from pathlib import Path

import pytest

from fastopts.embedded import EmbeddedValkey
from fastopts.reader import NotYetLive, OptionReader
from tests.support import scripted_venue
from tests.support.collector_harness import until
from tests.support.scripted_venue import CALL

ETH = [f"ETH-27NOV99-{strike}-C-USDT" for strike in (3000, 3100, 3200, 3300)]


def is_live(reader: OptionReader, symbol: str) -> bool:
    return reader.get(symbol, require_live=False).live


@pytest.mark.parametrize("left", [0, 3], ids=["the whole coin", "a part of it"])
async def test_LC_10_what_left_the_market_is_not_live_while_another_coin_ticks_on(
    tmp_path: Path, shared_valkey: EmbeddedValkey, left: int
) -> None:
    gone = ETH[left:]

    async with scripted_venue.scripted_collector(
        tmp_path,
        shared_valkey,
        *(CALL, *ETH),
        coins=("BTC", "ETH"),
        refresh_s=1.0,
        reconcile_s=0.2,
    ) as harness:
        for symbol in (CALL, *ETH[:left]):
            harness.venue.rows[symbol] = dict(harness.venue.ticker(symbol)["data"])
            del harness.venue.rows[symbol]["symbol"]
        harness.venue.greets = False
        harness.venue.symbols = [CALL, *ETH[:left]]
        with harness.reader() as reader:
            await until(lambda: not any(option.symbol in gone for option in reader.scan("ETH")))
            for symbol in gone:
                with pytest.raises(NotYetLive):
                    reader.get(symbol)
            assert reader.get(CALL).live
            assert all(reader.get(symbol).live for symbol in ETH[:left])
            harness.venue.symbols += gone
            await until(lambda: set(gone) <= harness.collector.universe.instruments.keys())
            harness.venue.broken = {"BTC", "ETH"}  # no more answers to compare with
            for symbol in gone:
                await harness.venue.push(harness.venue.ticker(symbol))
                await until(lambda symbol=symbol: is_live(reader, symbol))  # type: ignore[misc]
