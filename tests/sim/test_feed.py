import json
from typing import Any

import pytest

from fastopts.sim.faults import Faults
from fastopts.sim.feed import SendQueue, SimFeed, text_frame
from fastopts.sim.prices.market import SimMarket
from fastopts.sim.settings import SimSettings
from tests.sim.conftest import HOUR_MS, T0_MS, market


class Desk:
    """A feed and its clock."""

    def __init__(self, rate: float = 1_000, **settings: Any) -> None:
        self.market: SimMarket = market()
        self.feed = SimFeed(self.market, SimSettings(rate=rate, **settings))
        self.symbols = list(self.market.options)
        self.now_ms = T0_MS

    def run(self, seconds: float, slice_ms: int = 2) -> None:
        for _ in range(round(seconds * 1000 / slice_ms)):
            self.now_ms += slice_ms
            self.feed.advance(self.now_ms)
            self.feed.push(self.now_ms / 1000)


def take(queue: SendQueue) -> list[dict[str, Any]]:
    frames, queue.frames = queue.frames, []
    assert all(frame[:2] == b"\x81\x7e" for frame in frames)
    assert all(int.from_bytes(frame[2:4], "big") == len(frame) - 4 for frame in frames)
    return [json.loads(frame[4:]) for frame in frames]


def test_what_is_stuck_is_not_pushed_though_its_state_moves_on() -> None:
    desk = Desk()
    stuck, other = desk.symbols[:2]
    faults = Faults()
    desk.feed = SimFeed(desk.market, SimSettings(rate=1_000), faults)
    queue = SendQueue()
    for symbol in (stuck, other):
        desk.feed.subscribe(queue, symbol)
    assert [frame["data"]["symbol"] for frame in take(queue)] == [stuck, other]
    before = desk.feed.last_frame(stuck)
    faults.stuck.add(stuck)
    desk.run(2)
    desk.feed.unsubscribe(queue, stuck)
    desk.feed.subscribe(queue, stuck)
    assert {frame["data"]["symbol"] for frame in take(queue)} == {other}
    assert desk.feed.last_frame(stuck)["data"] != before["data"]
    faults.stuck.clear()
    desk.run(2)
    assert stuck in {frame["data"]["symbol"] for frame in take(queue)}


@pytest.mark.parametrize(
    ("size", "head"),
    [
        (0, b"\x81\x00"),
        (125, b"\x81\x7d"),
        (126, b"\x81\x7e\x00\x7e"),
        (65_535, b"\x81\x7e\xff\xff"),
        (65_536, b"\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00"),
    ],
)
def test_text_frame(size: int, head: bytes) -> None:
    assert text_frame(b"x" * size) == head + b"x" * size


def test_a_snapshot_comes_with_the_subscription() -> None:
    desk, queue = Desk(), SendQueue()
    symbol = desk.symbols[0]
    desk.feed.subscribe(queue, symbol)
    [frame] = take(queue)
    assert frame["topic"] == f"tickers.{symbol}"
    assert frame == desk.feed.last_frame(symbol)
    assert frame["data"]["markPrice"] == desk.market.options[symbol].ticker.mark_price


def test_what_ticks_are_changes_100_ms_apart() -> None:
    desk, queue = Desk(rate=100_000), SendQueue()
    for symbol in desk.symbols[:50]:
        desk.feed.subscribe(queue, symbol)
    desk.run(3)
    frames = take(queue)
    assert len(frames) > 50 * 25
    last: dict[str, dict[str, Any]] = {}
    sequences = [int(frame["id"].split("-")[-2]) for frame in frames]
    assert sequences == sorted(set(sequences))
    for frame in frames:
        before = last.get(frame["topic"])
        if before:
            assert frame["ts"] - before["ts"] >= 100
            assert frame["data"] != before["data"]
        last[frame["topic"]] = frame
        assert frame["id"].endswith(f"-{frame['ts']}")
    for topic, frame in last.items():
        assert desk.feed.last_frame(topic.removeprefix("tickers.")) == frame


def test_the_rate_is_that_of_all_subscribed_symbols() -> None:
    desk, first, second = Desk(rate=200), SendQueue(), SendQueue()
    for n, symbol in enumerate(desk.symbols):
        desk.feed.subscribe((first, second)[n % 2], symbol)
    desk.run(3)
    take(first), take(second)
    desk.run(10)
    assert len(first.frames) + len(second.frames) == pytest.approx(2_000, rel=0.05)


def test_two_subscribers_get_the_same() -> None:
    desk, first, second = Desk(), SendQueue(), SendQueue()
    symbol = desk.symbols[0]
    desk.feed.subscribe(first, symbol)
    desk.run(1)
    desk.feed.subscribe(second, symbol)
    frames = take(first)
    # The latecomer's snapshot is what was pushed last.
    assert take(second) == [frames[-1]]
    desk.run(1)
    assert take(first) == take(second) != []


def test_nothing_after_unsubscribing_or_leaving() -> None:
    desk, first, second = Desk(), SendQueue(), SendQueue()
    one, two = desk.symbols[:2]
    for symbol in (one, two):
        desk.feed.subscribe(first, symbol)
        desk.feed.subscribe(second, symbol)
    desk.feed.unsubscribe(first, one)
    desk.feed.unsubscribe(first, "nobody's")
    take(first), take(second)
    desk.run(1)
    assert {frame["data"]["symbol"] for frame in take(first)} == {two}
    assert {frame["data"]["symbol"] for frame in take(second)} == {one, two}
    desk.feed.leave(first)
    desk.feed.leave(second)
    desk.run(1)
    assert first.frames == second.frames == []
    assert desk.feed.next_due() is None or desk.feed.push(desk.now_ms / 1000) == set()


def test_a_muted_queue_gets_nothing_while_the_market_continues() -> None:
    desk, mute = Desk(), SendQueue(is_mute=True)
    symbol = desk.symbols[0]
    desk.feed.subscribe(mute, symbol)
    before = desk.market.options[symbol].texts
    desk.run(1)
    assert mute.frames == []
    assert desk.market.options[symbol].texts != before


def test_paused() -> None:
    desk, queue = Desk(), SendQueue()
    symbol, other = desk.symbols[:2]
    desk.feed.subscribe(queue, symbol)
    desk.run(1)
    desk.feed.is_paused = True
    take(queue)
    before = desk.market.options[other].texts
    desk.run(2)
    desk.feed.refresh(desk.market.options[other])
    assert queue.frames == []
    assert desk.market.options[other].texts is before

    desk.feed.subscribe(queue, other)
    assert take(queue)[0]["ts"] == T0_MS
    desk.feed.is_paused = False
    desk.run(1)
    assert {frame["data"]["symbol"] for frame in take(queue)} == {symbol, other}


def test_refresh_leaves_alone_what_ticks_by_itself() -> None:
    desk, queue = Desk(), SendQueue()
    subscribed, other = (desk.market.options[symbol] for symbol in desk.symbols[:2])
    desk.feed.subscribe(queue, subscribed.symbol)
    before = (subscribed.texts, other.texts)
    desk.now_ms += 5_000
    desk.feed.advance(desk.now_ms)
    desk.feed.refresh(subscribed)
    desk.feed.refresh(other)
    assert subscribed.texts is before[0]
    assert other.texts != before[1]
    assert other.ts_ms == desk.now_ms


def test_a_delivered_option_falls_silent() -> None:
    desk, queue = Desk(), SendQueue()
    delivery_ms = T0_MS + 22 * HOUR_MS
    daily, later = (
        next(
            o.symbol
            for o in desk.market.options.values()
            if (o.listing.series.delivery_ms == delivery_ms) == is_due
        )
        for is_due in (True, False)
    )
    for symbol in (daily, later):
        desk.feed.subscribe(queue, symbol)
    desk.now_ms = delivery_ms - 1_000
    desk.run(0.9)
    assert {frame["data"]["symbol"] for frame in take(queue)} == {daily, later}
    assert desk.feed.is_trading(daily)
    desk.run(0.1)
    take(queue)
    desk.run(2)
    assert {frame["data"]["symbol"] for frame in take(queue)} == {later}
    assert not desk.feed.is_trading(daily)
    assert not desk.feed.is_trading("nobody's")
