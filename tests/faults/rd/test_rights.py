"""The documented rights are enough for everything that is sent, healing included, and no more."""

import asyncio
import contextlib
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from fastopts import keys
from fastopts.cli.__main__ import main as command_line
from fastopts.collector.store.lease import Lease
from fastopts.compat import OptionsDataReader
from fastopts.net.redis import pipeline as channel
from fastopts.net.redis.address import Address
from fastopts.reader import AsyncOptionReader, OptionReader
from tests.faults.rd.logs import told
from tests.serve.http_server import HttpServerThread
from tests.support.broken_valkey import BrokenValkey
from tests.support.collector_limits import quicken
from tests.support.writer_harness import SYMBOLS, RunningWriter, WriterHarness
from tests.support.writer_harness import until as at_last
from tests.support.writer_thread import LoopThread, WriterThread
from tests.support.writer_thread import until as wait_until

DOCS = Path(__file__).parents[3] / "docs"
# What the tests themselves send. None of it is a writer's or a reader's, but for INFO.
OURS = {
    *("acl|setuser", "acl|log", "client|setinfo", "client|setname", "config|resetstat", "flushdb"),
    *("hello", "auth", "hgetall", "hlen", "rpush", "select", "subscribe", "type", "unlink"),
    *("info", "ping", "unsubscribe", "client|id"),
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quicken(monkeypatch, heartbeat_s=0.05, listing_count_every_s=0.1, condition_every_s=0.0)


def documented(user: str) -> str:
    """The rights of *user* as docs/security.md has them to copy."""
    pattern = re.compile(rf"^ACL SETUSER {user} reset on >PASSWORD (.*)$", re.MULTILINE)
    [rights] = pattern.findall((DOCS / "security.md").read_text())
    return str(rights)


def commands(rights: str) -> set[str]:
    return {word[1:] for word in rights.split() if word.startswith("+")}


def sent(client: redis.Redis) -> set[str]:
    """The commands that the server was sent since its statistics were reset."""
    statistics: dict[str, Any] = client.info("commandstats")
    return {name.removeprefix("cmdstat_") for name in statistics}


@pytest.fixture
def admin(server: BrokenValkey) -> redis.Redis:
    return redis.Redis(port=server.port, db=1, protocol=2, decode_responses=True)


def grant(admin: redis.Redis, user: str, *rights: str) -> None:
    admin.execute_command("ACL", "SETUSER", user, *rights)  # type: ignore[no-untyped-call]


def denied(admin: redis.Redis) -> set[str]:
    return {str(entry["object"]) for entry in admin.acl_log()}


@pytest.fixture
def address(server: BrokenValkey, admin: redis.Redis) -> Address:
    """Database 1, for a user with the documented rights of a writer."""
    grant(admin, "writer", "reset", "on", ">pw", *documented("fastopts-writer").split())
    return Address("127.0.0.1", server.port, username="writer", password="pw", db=1)


async def has(admin: redis.Redis, *names: str) -> None:
    """Wait until all of these keys are there."""
    await at_last(lambda: all(admin.type(name) != "none" for name in names))


@contextlib.contextmanager
def subscribed(admin: redis.Redis) -> Iterator[None]:
    """As a mirror does."""
    store = str(admin.hgetall(keys.FEED)["store"])
    heard = admin.pubsub()  # type: ignore[no-untyped-call]
    heard.subscribe(keys.updates(store))
    try:
        yield
    finally:
        heard.close()


def test_the_documented_rights_are_those_of_the_package() -> None:
    assert documented("fastopts-writer") == keys.WRITER_RIGHTS
    assert documented("fastopts-reader") == keys.READER_RIGHTS


async def test_RD_33_a_collector_needs_the_documented_rights_and_no_more(
    admin: redis.Redis, address: Address
) -> None:
    """Through a whole life: a take-over, ticks, every kind of healing, a delisting, the end."""

    admin.config_resetstat()
    former = await channel.connect(address, None, 5.0)
    [about] = await former.ask(("INFO", "server"))
    run_id = re.findall(r"run_id:(\w+)", about)[0]
    assert await Lease(1).take(former, run_id)
    admin.unlink(keys.LEASE)  # its writer sleeps
    async with RunningWriter(WriterHarness(0, address)) as harness:
        assert former.closed.is_set()
        harness.tick()
        await has(admin, *map(keys.record, SYMBOLS), "options:BTC")
        with subscribed(admin):
            await at_last(lambda: harness.writer.flusher.batch.publishing)
            harness.tick(bidIv="")  # a field that is gone: MULTI, HDEL
            await at_last(lambda: harness.table.pending == 0)
        admin.unlink(*map(keys.option, SYMBOLS), *map(keys.record, SYMBOLS))
        await has(admin, *map(keys.option, SYMBOLS), *map(keys.record, SYMBOLS))
        admin.unlink("options:BTC", keys.instrument(SYMBOLS[0]))
        await has(admin, "options:BTC", keys.instrument(SYMBOLS[0]))
        admin.flushdb()
        await has(admin, *map(keys.option, SYMBOLS), "options:BTC", keys.FEED, keys.LEASE)
        admin.unlink(keys.option(SYMBOLS[0]))
        admin.rpush(keys.option(SYMBOLS[0]), "another program's")
        harness.tick(markPrice="5")
        await at_last(lambda: admin.type(keys.record(SYMBOLS[0])) == "none")  # DEL
        gone = harness.listed.pop()
        harness.writer.universe_changed([], [gone])  # SREM
    await at_last(lambda: "heartbeat_ms" in admin.hgetall(keys.FEED))
    assert admin.hgetall(keys.FEED)["heartbeat_ms"] == "0"
    assert admin.type(keys.LEASE) == "none"
    assert denied(admin) == set()
    rights = commands(keys.WRITER_RIGHTS)
    assert rights & OURS == {"info", "ping", "select", "client|id"}
    assert sent(admin) - OURS == rights - OURS


@pytest.mark.parametrize(
    ("right", "duty"),
    [
        ("scard", "finding keys that Redis has lost fails"),
        ("exists", "finding keys that Redis has lost fails"),
        ("smembers", "removing symbols that are no longer listed fails"),
        ("expire", "setting the expiry of keys fails"),
        ("del", "deleting outdated records fails"),
    ],
)
async def test_RD_33_a_refused_command_of_upkeep_is_a_warning_with_the_right(
    admin: redis.Redis, address: Address, caplog: pytest.LogCaptureFixture, right: str, duty: str
) -> None:
    grant(admin, "writer", f"-{right}")

    async with RunningWriter(WriterHarness(0, address)) as harness:
        harness.tick()
        admin.unlink(keys.option(SYMBOLS[0]))
        admin.rpush(keys.option(SYMBOLS[0]), "another program's")
        harness.tick(markPrice="5")
        await at_last(lambda: told(caplog, duty) > 0)
        assert told(caplog, f"needs +{right})") > 0
        grant(admin, "writer", f"+{right}")
        if right in ("scard", "exists"):
            await at_last(lambda: told(caplog, "works again") > 0)
            admin.unlink("options:BTC")
            await has(admin, "options:BTC")


def reads(url: str) -> list[Callable[[], object]]:
    """Every way to read, as a program does."""

    async def await_all() -> None:
        async with AsyncOptionReader(url) as reader:
            await reader.get(SYMBOLS[3])
            async with await reader.mirror("BTC") as mirror:
                mirror.get(SYMBOLS[3])

    def block() -> None:
        with OptionReader(url) as reader:
            reader.get(SYMBOLS[3])
            reader.get_many([SYMBOLS[3], "BTC-27NOV26-4-C"])  # whose USDT twin is suggested
            reader.text(SYMBOLS[3])
            reader.chains("BTC", require_live=False)
            reader.scan("BTC", gate=False)
            reader.instruments()
            reader.counters()
            reader.feed()
            with reader.mirror("BTC") as mirror:
                mirror.get(SYMBOLS[3])
            with reader.watch("BTC", initial=True) as watch:
                assert watch.wait(5.0) is not None

    def old_names() -> None:
        data = OptionsDataReader(url=url, venue="bybit")
        assert data.is_connected()
        data.get_stats()
        data.get_option(SYMBOLS[3])
        data.get_all_options()
        data.get_summary()

    def serve() -> None:
        with HttpServerThread(url) as served:
            wait_until(lambda: served.get(f"/v1/options/{SYMBOLS[3]}").status == 200)

    def commands_of_the_shell() -> None:
        for words in (["status"], ["get", SYMBOLS[3], "--text"]):
            with contextlib.suppress(SystemExit):
                command_line([*words, "--redis-url", url])

    return [block, lambda: asyncio.run(await_all()), old_names, serve, commands_of_the_shell]


def test_RD_33_readers_do_with_the_documented_rights(
    server: BrokenValkey, admin: redis.Redis
) -> None:
    rights = commands(keys.READER_RIGHTS)
    grant(admin, "reader", "reset", "on", ">pw", *documented("fastopts-reader").split())
    with LoopThread() as loop:
        collector = WriterThread(loop, server.port, address=Address("127.0.0.1", server.port, db=1))
        try:
            collector.tick()
            collector.settle()
            for read in reads(f"redis://reader:pw@127.0.0.1:{server.port}/1"):
                read()
        finally:
            collector.kill()
    # redis-py behind the old names introduces itself, and tolerates a refusal of that
    assert denied(admin) <= {"client|setinfo"}
    assert rights <= sent(admin)
