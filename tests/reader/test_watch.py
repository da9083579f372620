"""Watches of both kinds over a real server, written by a real collector's writer."""

import asyncio
import os
import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import redis

from fastopts.embedded import EmbeddedValkey
from fastopts.reader import (
    AsyncOptionReader,
    AsyncWatch,
    BadInput,
    Expired,
    FeedDown,
    Gap,
    Option,
    OptionReader,
    Unknown,
    Watch,
)
from tests.support.collector_limits import quicken
from tests.support.waiting import PATIENCE_S
from tests.support.writer_harness import SYMBOLS
from tests.support.writer_thread import LoopThread, WriterThread, until

ONE, TWO = SYMBOLS[3:5]
WAIT_S = PATIENCE_S


@pytest.fixture(autouse=True)
def _quick_heart(monkeypatch: pytest.MonkeyPatch) -> None:
    quicken(monkeypatch, heartbeat_s=0.05, heartbeat_limit_ms=1000)


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    with LoopThread() as running:
        yield running


@pytest.fixture
def client(shared_valkey: EmbeddedValkey) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(shared_valkey.url, protocol=2) as opened:
        opened.flushall()
        yield opened


@pytest.fixture
def collector(
    shared_valkey: EmbeddedValkey, client: "redis.Redis", loop: LoopThread
) -> Iterator[WriterThread]:
    made = WriterThread(loop, shared_valkey.port)
    made.tick()
    made.settle()
    yield made
    made.kill()


class Seen:
    """A watch of either kind, from which a test takes."""

    def __init__(self, loop: LoopThread, watch: Watch[Any] | AsyncWatch[Any]) -> None:
        self._loop = loop
        self.watch = watch

    def wait(self, timeout_s: float | None = WAIT_S) -> Any:
        if isinstance(self.watch, AsyncWatch):
            return self._loop.run(self.watch.wait(timeout_s))
        return self.watch.wait(timeout_s)

    def close(self) -> None:
        if isinstance(self.watch, AsyncWatch):
            self._loop.run(self.watch.close())
        else:
            self.watch.close()

    def until(self, enough: Callable[[list[Any]], object]) -> list[Any]:
        """Take until it is *enough*."""
        taken: list[Any] = []
        while not enough(taken):
            one = self.wait()
            assert one is not None, f"no more than {taken}"
            taken.append(one)
        return taken

    def rest(self) -> list[Any]:
        """What is there already."""
        taken = []
        while (one := self.wait(0)) is not None:
            taken.append(one)
        return taken


@pytest.fixture(params=["sync", "async"])
def see(
    request: pytest.FixtureRequest,
    loop: LoopThread,
    collector: WriterThread,
    shared_valkey: EmbeddedValkey,
) -> Iterator[Callable[..., Seen]]:
    """Open a watch by the name of the reader's method."""
    made: list[Seen] = []

    async def open_async(method: str, *args: Any, **options: Any) -> AsyncWatch[Any]:
        async with AsyncOptionReader(shared_valkey.url) as reader:
            watch: AsyncWatch[Any] = await getattr(reader, method)(*args, **options)
            return watch

    def open_one(method: str = "watch", *args: Any, **options: Any) -> Seen:
        if request.param == "async":
            watch: Any = loop.run(open_async(method, *args, **options))
        else:
            with OptionReader(shared_valkey.url) as reader:
                watch = getattr(reader, method)(*args, **options)
        made.append(Seen(loop, watch))
        return made[-1]

    yield open_one
    for one in made:
        one.close()
    assert "fastopts-mirror" not in {thread.name for thread in threading.enumerate()}


def symbols(taken: list[Any]) -> list[str]:
    return [one.symbol for one in taken if isinstance(one, Option)]


def kinds(taken: list[Any]) -> list[str]:
    return [one.kind for one in taken if isinstance(one, Gap)]


def test_it_begins_with_the_next_change(collector: WriterThread, see: Callable[..., Seen]) -> None:
    seen = see()
    assert seen.wait(0) is None
    assert seen.wait(0.15) is None
    collector.tick([ONE, TWO], markPrice="7")
    taken = seen.until(lambda taken: len(taken) == 2)
    # in the order of the writer's queue, in which they may stand already
    assert {(one.symbol, one.mark_price, one.live) for one in taken} == {
        (ONE, 7, True),
        (TWO, 7, True),
    }
    assert seen.rest() == []


def test_initial_yields_the_present_values(
    collector: WriterThread, see: Callable[..., Seen]
) -> None:
    seen = see("watch", "BTC", initial=True)
    taken = seen.until(lambda taken: len(taken) == 20)
    assert symbols(taken) == sorted(SYMBOLS)
    assert seen.rest() == []


def test_only_selected_options_within_the_bounds_are_yielded(
    collector: WriterThread, see: Callable[..., Seen]
) -> None:
    named, bounded = see("watch", [ONE]), see("watch", "BTC", min_strike=18.0, min_bid_iv=0.3)
    collector.tick(bidIv="0.5")
    assert symbols(named.until(lambda taken: len(taken) == 1)) == [ONE]
    assert set(symbols(bounded.until(lambda taken: len(taken) == 2))) == set(SYMBOLS[18:])
    collector.tick(bidIv="0.2")
    collector.tick(bidIv="0.4")
    found = bounded.until(lambda taken: [one for one in taken if one and one.bid_iv == 0.4])
    assert {one.bid_iv for one in found if one} == {0.4}
    found = named.until(lambda taken: [one for one in taken if one and one.bid_iv == 0.4])
    assert set(symbols(found)) == {ONE}


def test_a_slow_consumer_gets_the_newest_values_and_the_number_skipped(
    collector: WriterThread, see: Callable[..., Seen]
) -> None:
    seen = see()
    for count in range(40):
        collector.tick(markPrice=str(count))
        collector.settle()
    until(lambda: seen.watch._backlog._skipped == 39 * 20)
    taken = seen.until(lambda taken: len(symbols(taken)) == 20)
    assert isinstance(taken[0], Gap)
    assert taken[0].kind == "skipped"
    assert {one.mark_price for one in taken if one} == {39}
    assert not seen.rest()
    assert sum(gap.count for gap in taken if not gap) == 39 * 20


def test_nothing_final_is_lost_in_a_storm(
    collector: WriterThread, client: "redis.Redis", see: Callable[..., Seen]
) -> None:
    seen = see()
    last: dict[str, bytes] = {}

    def take(taken: list[Any]) -> None:
        last.update({one.symbol: one.record for one in taken if one})

    chance = random.Random(5)
    for count in range(150):
        collector.tick(chance.sample(SYMBOLS, 6), markPrice=str(count + 1))
        if count % 30 == 10:
            collector.drop_conn()
            collector.tick()
        elif count % 50 == 20:
            client.client_kill_filter(_type="pubsub")
        take(seen.rest())
    collector.settle()
    with OptionReader(f"redis://127.0.0.1:{client.connection_pool.connection_kwargs['port']}") as r:
        wanted = {s: r.get(s).record for s in SYMBOLS}
    while last != wanted:
        one = seen.wait()
        assert one is not None, {s for s in SYMBOLS if last.get(s) != wanted[s]}
        take([one])


def test_a_feed_that_breaks_and_resumes_is_reported_with_its_reason(
    collector: WriterThread, client: "redis.Redis", loop: LoopThread, see: Callable[..., Seen]
) -> None:
    seen = see()
    collector.end()
    taken = seen.until(kinds)
    assert taken == [Gap("broken", reason="the collector has ended")]
    port = client.connection_pool.connection_kwargs["port"]
    second = WriterThread(loop, port)
    second.tick()
    taken = seen.until(lambda taken: len(set(symbols(taken))) == 20)
    assert kinds(taken)[-1] == "resumed"
    assert kinds(taken).count("resumed") == 1
    second.kill()


def test_a_closed_connection_is_reported_and_values_of_the_next_one_follow(
    collector: WriterThread, see: Callable[..., Seen]
) -> None:
    seen = see()
    collector.drop_conn()
    taken = seen.until(kinds)
    assert taken[0].reason == "values of connection 1 are not live any more"
    collector.tick()
    taken = seen.until(lambda taken: "resumed" in kinds(taken) and len(symbols(taken)) >= 20)
    assert set(symbols(taken)) == set(SYMBOLS)


def test_stale_values_are_yielded_only_on_request(
    collector: WriterThread, see: Callable[..., Seen]
) -> None:
    collector.end()
    strict, raw = see("watch", initial=True), see("watch", initial=True, require_live=False)
    taken = raw.until(lambda taken: len(symbols(taken)) == 20)
    assert not any(one.live for one in taken if one)
    assert symbols(strict.rest()) == []


def test_closing_wakes_waiting_consumers(collector: WriterThread, see: Callable[..., Seen]) -> None:
    seen = see()
    taken: list[Any] = []

    async def iterate(watch: AsyncWatch[Any]) -> None:
        taken.extend([one async for one in watch])

    def consume() -> None:
        if isinstance(seen.watch, AsyncWatch):
            seen._loop.run(iterate(seen.watch))
        else:
            taken.extend(seen.watch)

    waiting = threading.Thread(target=consume)
    waiting.start()
    collector.tick([ONE])
    seen.close()
    waiting.join(WAIT_S)
    assert not waiting.is_alive()
    assert set(symbols(taken)) <= {ONE}
    assert seen.wait() is None


@pytest.mark.parametrize("field", ["mark_price", "theta", "delta"])
def test_moves_are_measured_from_the_previous_move(
    collector: WriterThread, see: Callable[..., Seen], field: str
) -> None:
    """Each tick waits for the move of the one before: a busy machine may conflate ticks."""
    name = {"mark_price": "markPrice", "theta": "theta", "delta": "delta"}[field]
    collector.tick([ONE], **{name: "100.0"})
    collector.settle()
    seen = see("watch_moves", [ONE], 0.05, field)
    assert seen.rest() == []
    before = 100.0
    for after in (-50.0, -3.0, 4.0, 4.21, 0.0, 0.01):
        collector.tick([ONE], **{name: str(after)})
        *gaps, move = seen.until(lambda taken: taken and taken[-1])
        assert not any(gaps)
        assert (move.symbol, move.field, move.before, move.after) == (ONE, field, before, after)
        assert getattr(move.option, field) == after
        if before:
            assert move.change == pytest.approx((after - before) / abs(before))
        else:
            assert move.change == float("inf")
        before = after


@pytest.mark.parametrize("threshold", [0, -1, float("nan"), float("inf"), True, "5%"])
def test_an_invalid_threshold_is_refused(threshold: Any) -> None:
    with pytest.raises(BadInput, match=r"write 0\.05 for 5 %"):
        OptionReader().watch_moves(None, threshold)


@pytest.mark.parametrize("field", ["symbol", "live", "price", ""])
def test_a_field_without_numbers_is_refused(field: str) -> None:
    with pytest.raises(BadInput, match=r"take one of mid, |take one of .*mark_price"):
        OptionReader().watch_moves(None, 0.05, field)


@pytest.mark.parametrize(
    "bounds", [{"expiry": "front"}, {"min_iv": 80}, {"min_price": 1}, {"type": "X"}]
)
def test_invalid_bounds_are_refused(bounds: dict[str, Any]) -> None:
    with pytest.raises(BadInput):
        OptionReader().watch("BTC", **bounds)


def test_a_forked_child_gets_an_error_and_closes_nothing_of_its_parent(
    collector: WriterThread, shared_valkey: EmbeddedValkey
) -> None:
    heard, said = os.pipe()
    with OptionReader(shared_valkey.url) as reader, reader.watch() as watch:
        with watch._backlog.guard:  # as the mirror's thread may hold it
            child = os.fork()
        if child == 0:
            try:
                watch.wait(0)
            except FeedDown as error:
                os.write(said, str(error).encode())
            watch.close()
            os._exit(0)
        os.waitpid(child, 0)
        collector.tick([ONE])
        assert watch.wait(WAIT_S)
    assert b"forked" in os.read(heard, 1000)
    os.close(heard)
    os.close(said)


async def test_a_cancelled_wait_loses_nothing(
    collector: WriterThread, shared_valkey: EmbeddedValkey
) -> None:
    tasks_before = asyncio.all_tasks()
    async with AsyncOptionReader(shared_valkey.url) as reader, await reader.watch() as watch:
        waiting = asyncio.create_task(watch.wait())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await asyncio.to_thread(collector.tick, [ONE])
        async for one in watch:
            assert isinstance(one, Option)
            assert one.symbol == ONE
            break
    assert asyncio.all_tasks() == tasks_before


NAMED = SYMBOLS[5].removesuffix("-USDT")
UNLISTED: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
    ([NAMED], {}, Unknown, f"'{NAMED}' here: did you mean {NAMED}-USDT[?]$"),
    ([NAMED.replace("BTC", "BTCUSDC")], {}, Unknown, f"did you mean {NAMED}-USDT[?]"),
    ([f"{NAMED}-USDC".lower()], {}, Unknown, f"did you mean {NAMED}-USDT[?]"),
    (["BTC-30NOV99-1-C-USDT"], {}, Unknown, "no option 'BTC-30NOV99-1-C-USDT' here: no expiry"),
    (["BTC-27NOV20-1-C-USDT"], {}, Expired, "BTC-27NOV20-1-C-USDT expired at 2020-11-27 08:00"),
    (["NOPE-1"], {}, Unknown, "no option 'NOPE-1' here"),
    (
        [ONE, "NOPE-1", TWO, NAMED],
        {},
        Unknown,
        "2 of 4 symbols are not av.*NOPE-1.*did you",
    ),
    ("DOGE", {}, Unknown, "no options of DOGE here; there are: BTC"),
]
BOUNDED: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
    ("BTC", {"settle": "EUR"}, BadInput, "no options of BTC are settled in EUR; there are: USDT"),
    (
        "BTC",
        {"expiry": "30JAN97"},
        BadInput,
        "delivered on 30JAN97: the nearest expir.* 2OCT96.*; there are: 2OCT96",
    ),
    (None, {"expiry": "30JAN20"}, BadInput, "30JAN20 was delivered; there are: 2OCT96"),
    ([ONE], {"type": "P"}, BadInput, "type P: no listed option of the selection meets that"),
    ([ONE], {"min_strike": 17.0}, BadInput, "min_strike 17: no listed option"),
    ("BTC", {"min_delta": 25}, BadInput, "min_delta: 25 is not a delta: write 0.25"),
]


@pytest.mark.parametrize(("what", "bounds", "kind", "words"), [*UNLISTED, *BOUNDED])
def test_a_selection_that_can_never_match_is_refused(
    collector: WriterThread,
    see: Callable[..., Seen],
    what: Any,
    bounds: dict[str, Any],
    kind: type[Exception],
    words: str,
) -> None:
    with pytest.raises(kind, match=words):
        see("watch", what, **bounds)


@pytest.mark.parametrize(("what", "bounds", "kind", "words"), UNLISTED)
def test_moves_of_unlisted_options_are_refused(
    collector: WriterThread,
    see: Callable[..., Seen],
    what: Any,
    bounds: dict[str, Any],
    kind: type[Exception],
    words: str,
) -> None:
    with pytest.raises(kind, match=words):
        see("watch_moves", what, 0.05)


def test_any_iterable_of_symbols_is_watched(
    collector: WriterThread, see: Callable[..., Seen]
) -> None:
    for what in ((ONE, TWO), {ONE: 1, TWO: 2}, iter([ONE, TWO]), np.array([ONE, TWO])):
        seen = see("watch", what, initial=True)
        assert symbols(seen.until(lambda taken: len(taken) == 2)) == sorted([ONE, TWO])


def test_delisting_of_watched_options_is_reported(
    collector: WriterThread, see: Callable[..., Seen]
) -> None:
    seen, other = see("watch", [ONE, TWO]), see("watch", "BTC")
    collector.remove(ONE)
    [*_, gap] = seen.until(lambda taken: "unlisted" in kinds(taken))
    assert (gap.kind, gap.count) == ("unlisted", 1)
    assert ONE in gap.reason
    assert TWO not in gap.reason
    collector.tick([TWO], markPrice="9")
    assert symbols(seen.until(symbols)) == [TWO]
    collector.remove(TWO)
    [*_, gap] = seen.until(lambda taken: "unlisted" in kinds(taken))
    assert (gap.count, TWO in gap.reason, ONE in gap.reason) == (1, True, False)
    assert "unlisted" not in kinds(other.rest())


@pytest.mark.parametrize("how", ["end", "kill"])
def test_a_watch_on_a_dead_feed_begins_with_a_gap(
    collector: WriterThread, see: Callable[..., Seen], shared_valkey: EmbeddedValkey, how: str
) -> None:
    getattr(collector, how)()
    with OptionReader(shared_valkey.url) as reader:
        until(lambda: not reader.feed().alive)
    seen = see("watch", [ONE, NAMED])
    gap = seen.wait()
    assert isinstance(gap, Gap)
    assert gap.kind == "broken"
    assert "ended" in gap.reason or "last heartbeat" in gap.reason
    assert seen.wait(0) is None


def test_a_selection_is_checked_as_soon_as_there_is_a_feed(
    client: "redis.Redis",
    loop: LoopThread,
    collector: WriterThread,
    see: Callable[..., Seen],
    shared_valkey: EmbeddedValkey,
) -> None:
    collector.end()
    client.flushall()
    seen, foreign = see("watch", [ONE, NAMED]), see("watch", "DOGE")
    assert [seen.wait().kind, foreign.wait().kind] == ["broken", "broken"]
    second = WriterThread(loop, shared_valkey.port)
    second.tick()
    taken = seen.until(
        lambda taken: {"resumed", "unlisted"} <= set(kinds(taken)) and symbols(taken)
    )
    [gap] = [one for one in taken if isinstance(one, Gap) and one.kind == "unlisted"]
    assert (gap.count, f"did you mean {NAMED}-USDT?" in gap.reason) == (1, False)
    assert NAMED in gap.reason
    assert set(symbols(taken)) == {ONE}
    taken = foreign.until(lambda taken: "unlisted" in kinds(taken))
    assert "no options of DOGE here; there are: BTC" in taken[-1].reason
    second.kill()


def test_a_malformed_symbol_is_refused_even_while_the_feed_is_dead(
    collector: WriterThread, see: Callable[..., Seen]
) -> None:
    collector.end()
    with pytest.raises(BadInput, match="is not a symbol: write 'BTC-"):
        see("watch", ["BTC 1"])
