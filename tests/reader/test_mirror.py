"""Mirrors of both kinds over a real server, written by a real collector's writer."""

import asyncio
import inspect
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator

import pytest
import redis

from fastopts.embedded import EmbeddedValkey
from fastopts.errors import StoreError
from fastopts.reader import (
    AsyncMirror,
    AsyncOptionReader,
    BadInput,
    Chain,
    ConnectionMuted,
    Expired,
    FeedDown,
    Mirror,
    NotYetLive,
    Option,
    OptionReader,
    StoreUnavailable,
    TooOld,
    Unknown,
    WrongVenue,
)
from fastopts.reader.mirrors.listener import NullListener
from tests.support.collector_limits import quicken
from tests.support.writer_harness import SYMBOLS
from tests.support.writer_thread import LoopThread, Opened, WriterThread, raised, until

ONE = SYMBOLS[3]
Open = Callable[..., Mirror | AsyncMirror]


@pytest.fixture(autouse=True)
def _quick_heart(monkeypatch: pytest.MonkeyPatch) -> None:
    quicken(monkeypatch, heartbeat_s=0.05, heartbeat_limit_ms=400)


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    with LoopThread() as running:
        yield running


@pytest.fixture
def valkey() -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey() as server:
        yield server


@pytest.fixture
def client(valkey: EmbeddedValkey) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(valkey.url, protocol=2) as opened:
        yield opened


@pytest.fixture
def collector(valkey: EmbeddedValkey, loop: LoopThread) -> Iterator[WriterThread]:
    """One that has written all its symbols; it may be ended by the test."""
    made = WriterThread(loop, valkey.port)
    made.tick()
    made.settle()
    yield made
    made.kill()


@pytest.fixture
def reader(valkey: EmbeddedValkey) -> Iterator[OptionReader]:
    with OptionReader(valkey.url) as opened:
        yield opened


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def open_mirror(valkey: EmbeddedValkey, loop: LoopThread, kind: str) -> Iterator[Open]:
    made: list[Opened] = []

    def open_one(what: str | Iterable[str] | None = None, url: str = "") -> Mirror | AsyncMirror:
        made.append(Opened(kind, loop, url or valkey.url, what, 2.0))
        return made[-1].mirror

    yield open_one
    for one in made:
        one.close()
    assert "fastopts-mirror" not in {thread.name for thread in threading.enumerate()}


def equal(mirror: Mirror | AsyncMirror, reader: OptionReader) -> bool:
    """Whether both return the same, all of it live."""
    if mirror.problem is not None:
        return False
    found, read = mirror.get_many(SYMBOLS), reader.get_many(SYMBOLS)
    return all(
        isinstance(one, Option)
        and isinstance(other, Option)
        and (one.symbol, one.record) == (other.symbol, other.record)
        for one, other in zip(found, read, strict=True)
    )


def test_it_returns_what_a_reader_returns(
    collector: WriterThread, reader: OptionReader, open_mirror: Open
) -> None:
    mirror = open_mirror()
    day = reader.expiries("BTC")[0].expiry
    until(lambda: equal(mirror, reader))

    def chain_of(found: Chain) -> object:
        return found.series, found.settles, [(one.symbol, one.record) for one in found.options]

    assert chain_of(mirror.chain("btc", day)) == chain_of(reader.chain("btc", day))
    assert mirror.chain("BTC", day).options
    held, read = mirror.chains("BTC"), reader.chains("BTC")
    assert [chain_of(one) for one in held] == [chain_of(one) for one in read]
    assert mirror.expiries("BTC") == reader.expiries("BTC")
    assert mirror.instruments() == reader.instruments()
    wanted = {"gate": False, "sort": "-strike", "type": "C"}
    scans = [one.scan("BTC", **wanted) for one in (mirror, reader)]  # type: ignore[arg-type]
    assert [one.symbol for one in scans[0]] == [one.symbol for one in scans[1]] != []
    assert [len(one.table().rows) for one in (mirror, reader)] == [len(SYMBOLS)] * 2


@pytest.mark.parametrize(
    "name", ["get", "chain", "chains", "expiries", "instruments", "scan", "table"]
)
def test_its_methods_have_the_arguments_of_a_reader(name: str) -> None:
    of_mirror, of_reader = getattr(Mirror, name), getattr(OptionReader, name)
    assert inspect.signature(of_mirror) == inspect.signature(of_reader)


def test_lists_of_symbols_are_checked_as_by_a_reader(
    collector: WriterThread, open_mirror: Open
) -> None:
    mirror = open_mirror()
    with pytest.raises(Unknown, match="no options of DOGE here; there are: BTC"):
        mirror.chains("DOGE")
    with pytest.raises(Unknown, match="no series BTC 1JAN20"):
        mirror.chain("BTC", "1JAN20")
    with pytest.raises(BadInput):
        mirror.expiries("*")
    collector.kill()
    until(lambda: mirror.problem is not None)
    for ask in (mirror.chains, mirror.scan, mirror.table):
        with pytest.raises(FeedDown):
            ask("BTC")
    [front, *_] = mirror.chains("BTC", require_live=False)
    assert front.options
    assert not any(one.live for one in front.options)


def test_its_sequence_moves_with_every_announcement(
    collector: WriterThread, open_mirror: Open
) -> None:
    mirror = open_mirror()
    epoch, number = mirror.sequence
    collector.tick()
    until(lambda: mirror.sequence > (epoch, number))


class Heard(NullListener):
    """Remembers what changed."""

    def __init__(self) -> None:
        self.symbols: set[str] = set()

    def changed(self, symbols: Iterable[str]) -> None:
        self.symbols.update(symbols)


def test_follow_returns_before_the_mirror_is_current(
    valkey: EmbeddedValkey, loop: LoopThread, reader: OptionReader
) -> None:
    heard = Heard()
    with reader.follow(heard) as mirror:
        assert isinstance(mirror.problem, FeedDown)
        collector = WriterThread(loop, valkey.port)
        try:
            collector.tick()
            collector.settle()
            until(lambda: mirror.problem is None and heard.symbols == set(SYMBOLS))
            until(lambda: mirror.get(ONE, require_live=False).live)
        finally:
            collector.kill()


def test_it_equals_the_records_in_redis(
    collector: WriterThread, reader: OptionReader, open_mirror: Open
) -> None:
    mirror = open_mirror("btc")
    assert mirror.symbols == sorted(SYMBOLS)
    assert equal(mirror, reader)
    for count in range(50):
        collector.tick(SYMBOLS[count % 9 :], markPrice=str(1000 + count))
    collector.settle()
    until(lambda: mirror.get(SYMBOLS[-1]).mark_price == 1049)
    assert equal(mirror, reader)
    option, read = mirror.get(ONE), reader.get(ONE)
    assert (option.live, option.venue, option.instrument) == (True, "bybit", read.instrument)
    assert option.strike_text == "3"
    assert mirror.feed().epoch == reader.feed().epoch
    assert (ONE in mirror, "X" in mirror, len(mirror)) == (True, False, 20)


def test_a_list_of_symbols_is_mirrored_alone(collector: WriterThread, open_mirror: Open) -> None:
    mirror = open_mirror([ONE])
    assert mirror.symbols == [ONE]
    with pytest.raises(Unknown, match="not in this mirror"):
        mirror.get("BTC-1JAN99-1-C-USDT")


def test_a_symbol_without_its_settle_coin_is_suggested_with_it(
    collector: WriterThread, open_mirror: Open
) -> None:
    with pytest.raises(Unknown, match=f"did you mean {ONE}"):
        open_mirror().get(ONE.removesuffix("-USDT"))


def test_a_mirror_of_unlisted_options_is_refused(
    collector: WriterThread, open_mirror: Open
) -> None:
    with pytest.raises(Unknown, match=f"^there is no option .* did you mean {ONE}[?]$"):
        open_mirror([ONE.removesuffix("-USDT")])
    with pytest.raises(Unknown, match=r"^1 of 2 symbols are not available: .* no option 'BTC-1J"):
        open_mirror([ONE, "BTC-1JAN99-1-C-USDT"])
    with pytest.raises(Expired):
        open_mirror(["BTC-1JAN20-1-C-USDT"])
    mirror = open_mirror(symbol for symbol in [ONE, SYMBOLS[7]])
    assert mirror.symbols == sorted([ONE, SYMBOLS[7]])


def test_many_are_aligned_and_a_dead_feed_raises(
    collector: WriterThread, open_mirror: Open
) -> None:
    mirror = open_mirror()
    there, absent = mirror.get_many([ONE, "BTC-1JAN99-1-C-USDT"])
    assert there.symbol == ONE
    assert not absent
    with pytest.raises(Unknown):
        mirror.get_many([ONE, "BTC-1JAN99-1-C-USDT"], strict=True)
    with pytest.raises(TooOld):
        mirror.get_many([ONE], strict=True, max_age_s=0)
    for limit_s in (-1.0, float("nan")):
        with pytest.raises(BadInput, match="not an age"):
            mirror.get_many([ONE], max_age_s=limit_s)
    collector.end()
    until(lambda: mirror.problem is not None)
    with pytest.raises(FeedDown, match="has ended"):
        mirror.get_many([ONE])
    [option] = mirror.get_many([ONE], require_live=False)
    assert isinstance(option, Option)
    assert not option.live


@pytest.mark.parametrize("how", ["end", "kill"])
def test_an_ended_collector_is_a_dead_feed_until_the_next_one(
    collector: WriterThread,
    client: "redis.Redis",
    loop: LoopThread,
    valkey: EmbeddedValkey,
    reader: OptionReader,
    open_mirror: Open,
    how: str,
) -> None:
    mirror = open_mirror()
    getattr(collector, how)()
    until(lambda: raised(lambda: reader.get(ONE)) is FeedDown)
    until(lambda: raised(lambda: mirror.get(ONE)) is FeedDown)
    assert mirror.get(ONE, require_live=False).symbol == ONE
    client.delete("fastopts:lease")
    second = WriterThread(loop, valkey.port)
    until(lambda: raised(lambda: mirror.get(ONE)) is NotYetLive)
    second.tick(markPrice="77")
    second.settle()
    until(lambda: equal(mirror, reader))
    assert mirror.get(ONE).mark_price == 77
    second.kill()


def test_values_of_a_closed_connection_are_stale(
    collector: WriterThread, reader: OptionReader, open_mirror: Open
) -> None:
    mirror = open_mirror()
    collector.drop_conn()
    until(lambda: raised(lambda: reader.get(ONE)) is NotYetLive)
    until(lambda: raised(lambda: mirror.get(ONE)) is NotYetLive)
    collector.tick(SYMBOLS[:5])
    until(lambda: raised(lambda: mirror.get(ONE)) is None)
    assert raised(lambda: mirror.get(SYMBOLS[9])) is NotYetLive
    collector.tick(SYMBOLS[5:])
    until(lambda: equal(mirror, reader))


def test_values_of_a_silent_connection_are_stale(
    valkey: EmbeddedValkey, loop: LoopThread, reader: OptionReader, open_mirror: Open
) -> None:
    collector = WriterThread(loop, valkey.port, watchdog_ms=600)
    collector.tick()
    mirror = open_mirror()
    collector.tick()
    until(lambda: raised(lambda: mirror.get(ONE)) is None)
    until(lambda: raised(lambda: reader.get(ONE)) is ConnectionMuted)
    until(lambda: raised(lambda: mirror.get(ONE)) is ConnectionMuted)
    collector.tick(SYMBOLS[:1])
    until(lambda: raised(lambda: mirror.get(ONE)) is None)
    collector.kill()


def test_a_server_that_restarts_is_mirrored_again(
    collector: WriterThread, valkey: EmbeddedValkey, reader: OptionReader, open_mirror: Open
) -> None:
    mirror = open_mirror()
    valkey.stop()
    until(lambda: raised(lambda: mirror.get(ONE)) is FeedDown)
    again = EmbeddedValkey(valkey.port)
    with again:
        until(lambda: equal(mirror, reader))
        collector.tick(markPrice="88")
        until(lambda: mirror.get(ONE).mark_price == 88)


def test_an_emptied_server_is_mirrored_again(
    collector: WriterThread, client: "redis.Redis", reader: OptionReader, open_mirror: Open
) -> None:
    mirror = open_mirror()
    client.flushall()
    until(lambda: equal(mirror, reader))


def test_a_killed_connection_comes_back(
    collector: WriterThread, client: "redis.Redis", reader: OptionReader, open_mirror: Open
) -> None:
    mirror = open_mirror()
    for count in range(3):
        assert client.client_kill_filter(_type="pubsub") == 1
        collector.tick(markPrice=str(count))
        collector.settle()
        until(lambda: equal(mirror, reader))
        assert mirror.get(ONE).mark_price == count


def test_where_publishing_is_refused_nothing_is_live_and_the_right_is_named(
    collector: WriterThread, client: "redis.Redis", valkey: EmbeddedValkey, open_mirror: Open
) -> None:
    client.execute_command(  # type: ignore[no-untyped-call]
        *("ACL", "SETUSER", "trader", "on", ">secret", "allkeys", "allchannels", "+@all")
    )
    mirror = open_mirror(None, f"redis://trader:secret@127.0.0.1:{valkey.port}")
    client.execute_command("ACL", "SETUSER", "default", "-publish")  # type: ignore[no-untyped-call]
    until(lambda: mirror.problem is not None)
    assert "+publish" in str(mirror.problem)
    with pytest.raises(
        FeedDown, match=r"old: the server refuses the collector's announcements \(NOPERM\)"
    ):
        mirror.get(ONE)


def test_a_listing_is_followed(
    collector: WriterThread, reader: OptionReader, open_mirror: Open
) -> None:
    collector.add("BTC-27NOV26-500-C-USDT")
    mirror, named = open_mirror("BTC"), open_mirror([ONE, "BTC-27NOV26-500-C-USDT"])
    collector.remove("BTC-27NOV26-500-C-USDT")
    until(lambda: "BTC-27NOV26-500-C-USDT" not in mirror)
    collector.add("BTC-27NOV26-500-C-USDT")
    collector.tick(["BTC-27NOV26-500-C-USDT"], markPrice="5")
    until(lambda: "BTC-27NOV26-500-C-USDT" in mirror and "BTC-27NOV26-500-C-USDT" in named)
    until(lambda: raised(lambda: mirror.get("BTC-27NOV26-500-C-USDT")) is None)
    option = mirror.get("BTC-27NOV26-500-C-USDT")
    assert (option.mark_price, option.strike_text) == (5, "500")
    collector.remove("BTC-27NOV26-500-C-USDT")
    until(lambda: "BTC-27NOV26-500-C-USDT" not in mirror)
    assert equal(mirror, reader)


def test_a_forked_child_gets_an_error_and_closes_nothing_of_its_parent(
    collector: WriterThread, open_mirror: Open, kind: str
) -> None:
    mirror = open_mirror()
    heard, said = os.pipe()
    child = os.fork()
    if child == 0:
        words = "nothing was raised"
        try:
            mirror.get(ONE)
        except FeedDown as error:
            words = str(error)
        if isinstance(mirror, Mirror):
            mirror.close()
        os.write(said, words.encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert b"forked" in os.read(heard, 1000)
    os.close(heard)
    os.close(said)
    assert mirror.problem is None
    collector.tick(markPrice="6")
    until(lambda: mirror.get(ONE).mark_price == 6)


def test_threads_share_a_mirror_and_may_read_while_it_is_closed(
    collector: WriterThread, valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    collector.harness.feed.heartbeat_limit_ms = 10_000  # they all share this process
    wrong: list[BaseException] = []
    seen: list[float] = []

    def read(mirror: Mirror) -> None:
        last = 0.0
        try:
            while "closed" not in str(mirror.problem):
                price = mirror.get(ONE, require_live=False).mark_price
                assert price is not None
                assert price >= last
                last = price
                time.sleep(0.001)
        except BaseException as error:  # noqa: BLE001 - it is the test's
            wrong.append(error)
        seen.append(last)

    with OptionReader(valkey.url) as reader, reader.mirror() as mirror:
        collector.tick(markPrice="0")
        until(lambda: mirror.get(ONE).mark_price == 0)
        threads = [threading.Thread(target=read, args=(mirror,)) for _ in range(32)]
        for thread in threads:
            thread.start()
        for count in range(30):
            collector.tick(markPrice=str(count))
        until(lambda: mirror.get(ONE, require_live=False).mark_price == 29)
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(seen) == 32
    assert max(seen) == 29
    with pytest.raises(FeedDown, match="closed"):
        mirror.get(ONE)


def test_an_unreachable_server_is_an_error(valkey: EmbeddedValkey, open_mirror: Open) -> None:
    valkey.stop()
    with pytest.raises(StoreUnavailable, match=f"127.0.0.1:{valkey.port}"):
        open_mirror()


def test_a_wrong_password_is_an_error(valkey: EmbeddedValkey, open_mirror: Open) -> None:
    with pytest.raises(StoreError, match="WRONGPASS"):
        open_mirror(None, f"redis://nobody:wrong@127.0.0.1:{valkey.port}")


async def test_another_venues_data_are_refused(
    collector: WriterThread, valkey: EmbeddedValkey
) -> None:
    tasks_before = asyncio.all_tasks()
    with OptionReader(valkey.url, "sim") as reader, pytest.raises(WrongVenue):
        reader.mirror()
    async with AsyncOptionReader(valkey.url, "sim") as reader:
        with pytest.raises(WrongVenue, match="venue='bybit'"):
            await reader.mirror()
    assert asyncio.all_tasks() == tasks_before


def test_where_no_collector_ever_ran_it_begins_with_the_first(
    valkey: EmbeddedValkey, loop: LoopThread, reader: OptionReader, open_mirror: Open
) -> None:
    mirror = open_mirror()
    with pytest.raises(FeedDown, match="no collector has ever"):
        mirror.get_many([ONE])
    collector = WriterThread(loop, valkey.port)
    collector.tick()
    until(lambda: equal(mirror, reader))
    collector.kill()


@pytest.mark.parametrize("what", ["BTC-27NOV26-1-C", "", "B?", [], ["btc usdt"], [7]])
def test_an_invalid_selection_is_refused(reader: OptionReader, what: list[str]) -> None:
    with pytest.raises(BadInput):
        reader.mirror(what)


def test_an_asset_without_options_is_unknown(
    collector: WriterThread, open_mirror: Open, client: "redis.Redis"
) -> None:
    until(lambda: client.hget("fastopts:feed", "assets") == b"BTC")
    with pytest.raises(Unknown, match="no options of BTX here; there are: BTC"):
        open_mirror("BTX")


async def test_a_cancelled_start_leaves_no_task(valkey: EmbeddedValkey) -> None:
    tasks_before = asyncio.all_tasks()
    valkey_is_silent = "fastopts:feed"

    with redis.Redis.from_url(valkey.url) as client:
        client.hset(valkey_is_silent, mapping={"venue": "bybit", "epoch": 1})
        seconds, _ = client.time()
        client.hset(
            valkey_is_silent,
            mapping={"heartbeat_ms": seconds * 1000, "heartbeat_limit_ms": 60_000},
        )
    async with AsyncOptionReader(valkey.url) as reader:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await reader.mirror()
    assert asyncio.all_tasks() == tasks_before


async def test_closing_does_not_swallow_a_cancellation(
    collector: WriterThread, valkey: EmbeddedValkey
) -> None:
    tasks_before = asyncio.all_tasks()
    async with AsyncOptionReader(valkey.url) as reader:
        mirror = await reader.mirror()
        closing = asyncio.create_task(mirror.close())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        await mirror.close()
        assert "closed" in str(mirror.problem)
    assert asyncio.all_tasks() == tasks_before
