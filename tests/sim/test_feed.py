import json
from typing import Any

import pytest

from fastopts.sim.faults import Faults
from fastopts.sim.feed import Feed, Outlet, text_frame
from fastopts.sim.prices.market import Market
from fastopts.sim.settings import SimSettings
from tests.sim.conftest import HOUR_MS, T0_MS, market


class Desk:
    """A feed and its clock."""

    def __init__(self, rate: float = 1_000, **settings: Any) -> None:
        self.market: Market = market()
        self.feed = Feed(self.market, SimSettings(rate=rate, **settings))
        self.symbols = list(self.market.options)
        self.now_ms = T0_MS

    def run(self, seconds: float, slice_ms: int = 2) -> None:
        for _ in range(round(seconds * 1000 / slice_ms)):
            self.now_ms += slice_ms
            self.feed.advance(self.now_ms)
            self.feed.push(self.now_ms / 1000)


def take(outlet: Outlet) -> list[dict[str, Any]]:
    frames, outlet.frames = outlet.frames, []
    assert all(frame[:2] == b"\x81\x7e" for frame in frames)
    assert all(int.from_bytes(frame[2:4], "big") == len(frame) - 4 for frame in frames)
    return [json.loads(frame[4:]) for frame in frames]


def test_what_is_stuck_is_not_pushed_though_its_state_moves_on() -> None:
    desk = Desk()
    stuck, other = desk.symbols[:2]
    faults = Faults()
    desk.feed = Feed(desk.market, SimSettings(rate=1_000), faults)
    outlet = Outlet()
    for symbol in (stuck, other):
        desk.feed.subscribe(outlet, symbol)
    assert [frame["data"]["symbol"] for frame in take(outlet)] == [stuck, other]
    before = desk.feed.last_frame(stuck)
    faults.stuck.add(stuck)
    desk.run(2)
    desk.feed.unsubscribe(outlet, stuck)
    desk.feed.subscribe(outlet, stuck)
    assert {frame["data"]["symbol"] for frame in take(outlet)} == {other}
    assert desk.feed.last_frame(stuck)["data"] != before["data"]
    faults.stuck.clear()
    desk.run(2)
    assert stuck in {frame["data"]["symbol"] for frame in take(outlet)}


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
    desk, outlet = Desk(), Outlet()
    symbol = desk.symbols[0]
    desk.feed.subscribe(outlet, symbol)
    [frame] = take(outlet)
    assert frame["topic"] == f"tickers.{symbol}"
    assert frame == desk.feed.last_frame(symbol)
    assert frame["data"]["markPrice"] == desk.market.options[symbol].ticker.mark_price


def test_what_ticks_are_changes_100_ms_apart() -> None:
    desk, outlet = Desk(rate=100_000), Outlet()
    for symbol in desk.symbols[:50]:
        desk.feed.subscribe(outlet, symbol)
    desk.run(3)
    frames = take(outlet)
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
    desk, first, second = Desk(rate=200), Outlet(), Outlet()
    for n, symbol in enumerate(desk.symbols):
        desk.feed.subscribe((first, second)[n % 2], symbol)
    desk.run(3)
    take(first), take(second)
    desk.run(10)
    assert len(first.frames) + len(second.frames) == pytest.approx(2_000, rel=0.05)


def test_two_subscribers_get_the_same() -> None:
    desk, first, second = Desk(), Outlet(), Outlet()
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
    desk, first, second = Desk(), Outlet(), Outlet()
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


def test_a_mute_outlet_gets_nothing_while_the_market_goes_on() -> None:
    desk, mute = Desk(), Outlet(is_mute=True)
    symbol = desk.symbols[0]
    desk.feed.subscribe(mute, symbol)
    before = desk.market.options[symbol].texts
    desk.run(1)
    assert mute.frames == []
    assert desk.market.options[symbol].texts != before


def test_paused() -> None:
    desk, outlet = Desk(), Outlet()
    symbol, other = desk.symbols[:2]
    desk.feed.subscribe(outlet, symbol)
    desk.run(1)
    desk.feed.is_paused = True
    take(outlet)
    before = desk.market.options[other].texts
    desk.run(2)
    desk.feed.refresh(desk.market.options[other])
    assert outlet.frames == []
    assert desk.market.options[other].texts is before

    desk.feed.subscribe(outlet, other)
    assert take(outlet)[0]["ts"] == T0_MS
    desk.feed.is_paused = False
    desk.run(1)
    assert {frame["data"]["symbol"] for frame in take(outlet)} == {symbol, other}


def test_refresh_leaves_alone_what_ticks_by_itself() -> None:
    desk, outlet = Desk(), Outlet()
    subscribed, other = (desk.market.options[symbol] for symbol in desk.symbols[:2])
    desk.feed.subscribe(outlet, subscribed.symbol)
    before = (subscribed.texts, other.texts)
    desk.now_ms += 5_000
    desk.feed.advance(desk.now_ms)
    desk.feed.refresh(subscribed)
    desk.feed.refresh(other)
    assert subscribed.texts is before[0]
    assert other.texts != before[1]
    assert other.ts_ms == desk.now_ms


def test_a_delivered_option_falls_silent() -> None:
    desk, outlet = Desk(), Outlet()
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
        desk.feed.subscribe(outlet, symbol)
    desk.now_ms = delivery_ms - 1_000
    desk.run(0.9)
    assert {frame["data"]["symbol"] for frame in take(outlet)} == {daily, later}
    assert desk.feed.is_trading(daily)
    desk.run(0.1)
    take(outlet)
    desk.run(2)
    assert {frame["data"]["symbol"] for frame in take(outlet)} == {later}
    assert not desk.feed.is_trading(daily)
    assert not desk.feed.is_trading("nobody's")
