"""Symbols that die alone, on a connection that lives: a whole collector against a real Valkey."""

import asyncio
from pathlib import Path

import pytest

from fastopts.embedded import EmbeddedValkey
from fastopts.reader import NotYetLive, Option, OptionReader
from fastopts.sim import SimSettings
from tests.collector.worlds import World, until, world
from tests.faults import liar
from tests.faults.liar import CALL, PUT

FAST_S = 0.15


async def rounds(w: World, count: int) -> None:
    """Let *count* comparisons with all coins happen."""
    asked = 0
    answer = w.venue._rest.answer

    def counted(target: str, now_ms: int) -> tuple[int, bytes]:
        nonlocal asked
        asked += "tickers" in target and "XRP" in target
        return answer(target, now_ms)

    w.venue._rest.answer = counted  # type: ignore[method-assign]
    await until(lambda: asked > count)


def refused(reader: OptionReader, symbols: list[str]) -> set[str]:
    held = reader.get_many(symbols, require_live=False)
    return {option.symbol for option in held if isinstance(option, Option) and not option.live}


def test_exactly_the_stuck_are_refused_and_come_back_when_they_tick(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        sim = SimSettings(seed=5, symbols=60, rate=600)
        async with world(tmp_path, sim, reconcile_s=FAST_S) as w:
            await w.covered()
            stuck = set(w.venue.symbols[::9])
            table = w.collector.table
            with OptionReader(w.valkey.url, venue="sim") as reader:
                w.venue.faults.stuck |= stuck
                await until(lambda: table.suspects_now == len(stuck))
                await until(lambda: not table.dirty and refused(reader, w.venue.symbols) == stuck)
                with pytest.raises(NotYetLive, match="REST answers differ from it"):
                    reader.get(min(stuck))
                await until(lambda: w.client.hget("stats", "suspects_now") == str(len(stuck)))
                w.venue.faults.stuck.clear()
                await until(lambda: table.suspects_now == 0)
                await until(lambda: not refused(reader, w.venue.symbols))
            assert table.suspects == len(stuck)
            w.check_books()

    asyncio.run(main())
    assert "does not tick though REST moves on" in caplog.text


@pytest.mark.parametrize("rate", [20, 3000])
def test_nobody_in_a_healthy_market_is_suspect(tmp_path: Path, rate: float) -> None:
    async def main() -> None:
        sim = SimSettings(seed=5, symbols=80, rate=rate)
        async with world(tmp_path, sim, reconcile_s=FAST_S) as w:
            await w.covered()
            await rounds(w, 6)
            assert w.collector.table.suspects == 0

    asyncio.run(main())


def test_a_failure_between_two_rows_neither_accuses_nor_acquits(
    tmp_path: Path, shared_valkey: EmbeddedValkey
) -> None:
    async def main() -> None:
        async with liar.world(tmp_path, shared_valkey, reconcile_s=0) as w:
            look, table = w.collector._reconciliation.look, w.collector.table
            w.liar.greets = False
            w.liar.rows = {CALL: {"bidPrice": "1204"}, PUT: {"bidPrice": "1205"}}
            await look()
            w.liar.rest_status = 400
            await look()
            assert table.suspects == 0
            w.liar.rest_status = 200
            await look()
            assert (table.suspects, table.suspects_now) == (1, 1)

    asyncio.run(main())


def test_a_suspect_is_subscribed_anew_until_its_snapshot_comes(
    tmp_path: Path, shared_valkey: EmbeddedValkey
) -> None:
    async def main() -> None:
        async with liar.world(tmp_path, shared_valkey, reconcile_s=0) as w:
            look, table = w.collector._reconciliation.look, w.collector.table
            w.liar.greets = False
            w.liar.rows = {CALL: {"bidPrice": "1204"}, PUT: {"bidPrice": "1205.0"}}
            for again in (1, 2):
                await look()
                await look()
                asked = [("unsubscribe", [CALL]), ("subscribe", [CALL])] * again
                await until(lambda asked=asked: w.liar.requests[1:] == asked)  # type: ignore[misc]
                assert (table.suspects, table.suspects_now) == (1, 1)
            w.liar.greets = True
            await look()
            await until(lambda: table.suspects_now == 0)
            await look()
            assert table.suspects == 1

    asyncio.run(main())


def test_what_rest_lacks_is_not_suspect(tmp_path: Path, shared_valkey: EmbeddedValkey) -> None:
    async def main() -> None:
        async with liar.world(tmp_path, shared_valkey, reconcile_s=0) as w:
            look = w.collector._reconciliation.look
            w.liar.rows = {CALL: {"bidPrice": "1204"}, "BTC-27NOV99-1-C": {"bidPrice": "1"}}
            await look()
            del w.liar.rows[CALL]
            await look()
            assert w.collector.table.suspects == 0

    asyncio.run(main())
