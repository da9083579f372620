"""The judge beside the real collector, while the market ticks."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fastopts import keys
from fastopts.config import KNOWN_COINS
from fastopts.sim import SimSettings
from tests.cli.process import fastopts_process
from tests.support.collector_harness import CollectorHarness, running_collector, until
from tests.support.processes import environ

STRANGERS = ("core", "reader", "session", "sim", "venues.bybit.fields", "venues.bybit.symbols")


async def judged(w: CollectorHarness, cwd: Path, *words: str) -> dict[str, Any]:
    """The judge's verdict on that world, which keeps running meanwhile."""
    there = ("--redis-url", w.valkey.url, "--rest-url", w.venue.rest_url)
    done = await asyncio.to_thread(fastopts_process, "verify", "--json", *there, *words, cwd=cwd)
    [found] = done.objects
    assert (done.code, done.err) == (0 if found["ok"] else 1, "")
    return found


async def test_a_healthy_collector_has_everything_right(tmp_path: Path) -> None:
    async with running_collector(
        tmp_path, SimSettings(seed=5, symbols=240, rate=1500, tls=True)
    ) as w:
        await w.covered()
        # the counters of the equations are written with a heartbeat
        await until(lambda: w.client.hget("stats", "received") not in (None, "0"))
        found = await judged(w, tmp_path, "--sample", "100", "--insecure")
        assert found["complaints"] == []
        assert (found["sample"], found["wrong"]) == (100, 0)
        assert found["equal"] > 90
        assert found["greeks"]["checked"] > 50


async def test_a_field_that_is_wrong_for_long_is_found_while_its_symbol_ticks(
    tmp_path: Path,
) -> None:
    async with running_collector(tmp_path, SimSettings(seed=5, symbols=120, rate=600)) as w:
        await w.covered()
        # The last expiry: others may be in settlement, with a predicted delivery price.
        options = w.venue.market.options
        symbol = max(w.venue.symbols, key=lambda s: options[s].listing.series.delivery_ms)
        spoiling = asyncio.create_task(spoil(w, symbol))
        found = await judged(w, tmp_path, "--sample", "500", "--duration", "8s")
        spoiling.cancel()
        told = found["evidence"][symbol]["differences"]
        assert told == [{"field": "pdp", "stored": "31415.9", "venue": "0"}]
        assert (found["wrong"], found["sample"]) == (1, len(w.venue.symbols))


@pytest.mark.parametrize("coins", [None, ("BTC",)])
async def test_a_coin_that_is_not_tracked_is_not_good(
    tmp_path: Path, coins: tuple[str, ...] | None
) -> None:
    """TON is none of the coins that are known without asking."""

    sim = SimSettings(seed=5, symbols=40, rate=300, coins=("BTC", "TON"))
    async with running_collector(tmp_path, sim, coins=coins) as w:
        assert "TON" not in KNOWN_COINS
        wanted = {s for s in w.venue.symbols if coins is None or s.startswith("BTC-")}
        await until(lambda: w.status_covered() == len(wanted))
        await until(lambda: w.client.hget("stats", "received") not in (None, "0"))
        found = await judged(w, tmp_path, "--sample", "5")
        assert set(found["coins"]) == {*KNOWN_COINS, "TON"}
        is_untracked = "Redis has no options on TON" in found["complaints"]
        assert is_untracked is (coins is not None)
        named = await judged(w, tmp_path, "--sample", "5", "--coins", "BTC")
        assert (named["ok"], named["coins"]) == (True, ["BTC"])
        told = w.client.hmget("stats", "coins", "coins_wanted")
        expected = ["BTC", "BTC"] if coins else [",".join((*KNOWN_COINS, "TON")), "all"]
        assert told == expected


async def spoil(w: CollectorHarness, symbol: str) -> None:
    """Write over a field that never changes, again and again: once a minute it is written whole."""
    while True:
        w.client.hset(keys.option(symbol), "pdp", "31415.9")
        await asyncio.sleep(0.05)


def test_it_shares_nothing_with_what_it_judges() -> None:
    code = (
        "import sys; import fastopts.cli.verify.command;"
        f"strangers = [f'fastopts.{{name}}' for name in {STRANGERS!r}];"
        "loaded = {name for name in sys.modules if name.startswith(tuple(strangers))};"
        "assert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=environ(), capture_output=True)
