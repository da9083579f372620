"""The rights that docs/security.md gives: enough for everything, and not one of them too many."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import redis

from fastopts import keys
from fastopts.cli.__main__ import main
from fastopts.cli.doctor.rights import PREPARING, READING
from fastopts.cli.top.screen import read_screen
from fastopts.cli.top.view import View
from fastopts.collector.run import Collector
from fastopts.compat import EfficientTradeExecutor, OptionsDataReader
from fastopts.config import Settings
from fastopts.net.redis import address
from fastopts.reader import AsyncOptionReader, OptionReader
from fastopts.sim import SimSettings, SimVenue
from fastopts.venues.bybit.hosts import Endpoints
from tests.docs.pages import DOCS, examples
from tests.reader.test_wires import LocalValkey
from tests.sim.conftest import until_async
from tests.support import collector_limits
from tests.support.monitor import CommandMonitor
from tests.support.payloads import dump

PASSWORD = "s3cret"
COINS = ("BTC", "ETH")
DB = 1
FORMER = 999_999
HIDDEN = ["CLIENT", "KILL", "ID", "1"]  # which MONITOR does not show


def rights() -> dict[str, list[str]]:
    """What the page gives each user."""
    [example] = examples(DOCS / "security.md", "redis")
    lines = [line.split() for line in example.code.splitlines()]
    assert all(line[:2] == ["ACL", "SETUSER"] for line in lines)
    return {user: words for _, _, user, *words in lines}


def single(words: list[str]) -> list[str]:
    """Those of a user's words that give a right."""
    return [word for word in words if word[0] in "~&+"]


def set_user(client: redis.Redis, user: str, words: list[str]) -> None:
    told = [word.replace("PASSWORD", PASSWORD) for word in words]
    client.execute_command("ACL", "SETUSER", user, *told)  # type: ignore[no-untyped-call]


@contextmanager
def server(tmp_path: Path) -> Iterator[tuple[LocalValkey, redis.Redis]]:
    """One with both users; the writer comes through the Unix socket."""
    with (
        LocalValkey(tmp_path / "v.sock") as valkey,
        redis.Redis(port=valkey.port, db=DB, protocol=2, decode_responses=True) as client,
    ):
        for user, words in rights().items():
            set_user(client, user, words)
        run_id = client.info("server")["run_id"]
        # what a collector that was killed left: its connection is to be ended
        client.hset(keys.FEED, mapping={"writer": f"{run_id}:{FORMER}", "conn:7": "1"})
        client.sadd("options:BTC", "BTC-1JAN21-1-C")
        yield valkey, client


async def exercise(tmp_path: Path, valkey: LocalValkey, admin: redis.Redis) -> None:
    """Everything that both do, with the real collector between them."""
    url = f"redis://fastopts-reader:{PASSWORD}@127.0.0.1:{valkey.port}/{DB}"
    async with SimVenue(SimSettings(seed=5, symbols=120, rate=400)) as venue:
        settings = Settings(venue="sim", coins=COINS, cache_file=str(tmp_path / "cache.json"))
        collector = Collector(
            settings,
            Endpoints("sim", venue.rest_url, venue.ws_url),
            address.parse(f"unix://fastopts-writer:{PASSWORD}@{valkey.path}?db={DB}"),
            "fastopts-tests",
            limits=collector_limits.current(),
        )
        running = asyncio.create_task(collector.run(may_use_cache=False))
        wanted = [symbol for symbol in venue.symbols if symbol.startswith(COINS)]
        await until_async(
            lambda: sum(line.live for line in collector.connections) == len(wanted) > 0
        )
        options = venue.market.options  # the last expiry, which is not delivered meanwhile
        symbol = max(wanted, key=lambda name: options[name].listing.series.delivery_ms)
        await drop_a_field(collector, venue, symbol)
        await asyncio.to_thread(read, url, symbol)
        await read_async(url, symbol)
        await asyncio.to_thread(use_commands, url, admin)
        collector.stop.set()
        await running


async def drop_a_field(collector: Collector, venue: SimVenue, symbol: str) -> None:
    """Have *symbol* tick once without its delta, which then goes from its hash."""
    venue.pause()
    await until_async(lambda: collector.table.received == venue.sent and not collector.table.dirty)
    frame = deepcopy(venue.last_frame(symbol))
    frame["ts"] += 1
    del frame["data"]["delta"]
    collector.table.inlet(1).message(dump(frame), frame["ts"])
    collector.writer.flusher.wake()
    await until_async(lambda: not collector.table.dirty and not collector.table.pending)
    venue.resume()


def read(url: str, symbol: str) -> None:
    with (
        OptionReader(url, "sim", timeout_s=30) as reader,
        reader.mirror("BTC") as mirror,
        reader.watch("BTC", initial=True) as watch,
    ):
        assert mirror.symbols
        assert watch.wait(10) is not None
        assert len(reader.scan(gate=False)) > 0
        assert reader.get(symbol).symbol == symbol
        assert reader.get_many([symbol])
        assert reader.chain("BTC").options
        assert reader.text(symbol)["mark_price"]
        assert reader.get_many(["BTC-1JAN21-1-C"])
        assert read_screen(reader, View(None), 20)
        assert reader.feed().alive
    data = OptionsDataReader(url=url, venue="sim")
    assert data.get_stats()["connected"]
    assert data.get_all_options()
    assert EfficientTradeExecutor(url=url, venue="sim").get_option_cached(symbol) is not None


async def read_async(url: str, symbol: str) -> None:
    async with AsyncOptionReader(url, "sim", timeout_s=30) as reader:
        assert (await reader.get(symbol)).symbol == symbol
        async with await reader.mirror([symbol]) as mirror:
            assert mirror.get(symbol).symbol == symbol


def use_commands(url: str, admin: redis.Redis) -> None:
    assert main(["status", "--venue", "sim", "--redis-url", url]) == 0
    assert denied(admin) == []
    assert main(["doctor", "--offline", "--venue", "sim", "--redis-url", url]) == 0
    # which also tries what only a collector needs
    refused = {(entry["username"], entry["object"]) for entry in denied(admin)}
    trials = {trial.command for trial in PREPARING} - {trial.command for trial in READING}
    assert refused == {("fastopts-reader", command) for command in trials}
    admin.acl_log_reset()


def denied(client: redis.Redis) -> list[Any]:
    """What was refused to anybody, but what redis-py asks for and does without."""
    log: Any = client.acl_log()
    return [one for one in log if one["object"] != "client|setinfo"]


def is_refused(client: redis.Redis, user: str, command: list[str]) -> bool:
    answer = client.execute_command("ACL", "DRYRUN", user, *command)  # type: ignore[no-untyped-call]
    return bool(answer != "OK")


async def test_the_rights_of_the_page_are_enough_and_each_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collector_limits.quicken(
        monkeypatch, listing_count_every_s=0.2
    )  # a minute is too long for a test
    with server(tmp_path) as (valkey, client):
        with CommandMonitor(valkey.port) as monitor:
            await exercise(tmp_path, valkey, client)
        assert denied(client) == []
        for user, words in rights().items():
            commands = monitor.kinds(over_unix=user == "fastopts-writer")
            if user == "fastopts-writer":
                assert "cmdstat_client|kill" in client.info("commandstats")
                commands.append(HIDDEN)
            for right in single(words):
                set_user(client, user, [word for word in words if word != right])
                assert any(is_refused(client, user, each) for each in commands), (user, right)


@pytest.mark.parametrize("user", ["fastopts-writer", "fastopts-reader"])
def test_neither_user_may_do_what_is_not_its_own(tmp_path: Path, user: str) -> None:
    with server(tmp_path) as (_, client):
        for command in (
            *("GET other", "SET other 1", "FLUSHALL", "KEYS *", "CONFIG GET *", "EVAL 1 0"),
            *("SUBSCRIBE other", "PUBLISH other 1", "ACL LIST", "MONITOR", "SHUTDOWN"),
        ):
            assert is_refused(client, user, command.split()), command
        if user == "fastopts-reader":
            for command in ("SET optrec:A 1", "HSET option:A a 1", "DEL stats", "CLIENT KILL ID 1"):
                assert is_refused(client, user, command.split()), command
