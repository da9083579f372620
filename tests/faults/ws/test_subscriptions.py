"""Requested, acknowledged and delivered topics: three different sets."""

import json
from collections import deque
from itertools import cycle, islice
from pathlib import Path

import pytest

from fastopts import keys
from fastopts.sim import SimSettings
from fastopts.sim.faults import Ack
from fastopts.venues.bybit.session import SubscriptionHistory
from tests.faults.ws.proxied_collector import brisk
from tests.support.collector_harness import CollectorHarness, running_collector, until
from tests.venues.bybit.test_session import SYMBOLS, SessionHarness

BRISK = brisk(
    pace=0.01,
    ack_within=0.3,
    first_data_within=0.25,
    moved_again_after=0.6,
    stable_after=0.0,
)


def topic(symbol: str) -> str:
    return f"tickers.{symbol}"


async def drop(harness: CollectorHarness) -> None:
    """Cut the only connection, and wait for the next one."""
    [line] = harness.collector.connections
    before = line.reconnects
    await harness.venue.drop()
    await until(lambda: line.reconnects > before)


async def all_live_but(harness: CollectorHarness, count: int) -> None:
    await until(lambda: harness.status_covered() == len(harness.venue.symbols) - count)


@pytest.mark.usefixtures("eager")
@pytest.mark.parametrize("hang_up", [False, True])
@pytest.mark.parametrize("limit", [10, 100])
async def test_WS_15_requests_shrink_to_what_the_venue_takes(
    tmp_path: Path, limit: int, hang_up: bool
) -> None:
    async with running_collector(tmp_path, timing=BRISK) as harness:
        await harness.covered()
        harness.venue.faults.topics_a_request_max = limit
        harness.venue.faults.hang_up = hang_up
        await drop(harness)
        await harness.covered()
        assert harness.collector.connections[0].history.refusals == 0
        await harness.equal()


async def test_WS_15_a_limit_on_the_characters_of_a_request_is_met_alike(tmp_path: Path) -> None:
    sim = SimSettings(seed=5, symbols=120, rate=500, args_mode="frame", args_chars_max=900)
    async with running_collector(tmp_path, sim, timing=BRISK) as harness:
        await harness.covered()
        assert harness.collector.connections[0].history.refusals == 0
        assert harness.collector.connections[0].reconnects == 0


@pytest.mark.usefixtures("eager")
async def test_WS_16_a_topic_that_spoils_its_request_stands_alone_in_the_end(
    tmp_path: Path,
) -> None:
    async with running_collector(tmp_path, timing=BRISK) as harness:
        await harness.covered()
        bad = harness.venue.symbols[77]
        harness.venue.faults.poisonous_topics.add(topic(bad))
        await drop(harness)
        [line] = harness.collector.connections
        await until(lambda: list(line.history.refused) == [bad])
        await all_live_but(harness, 1)
        assert line.reconnects == 1
        assert harness.collector.monitor.status().refused == 1
        assert "1 refused" in str(harness.collector.monitor.status())


async def test_WS_17_acks_that_are_lost_late_or_doubled_change_nothing(tmp_path: Path) -> None:
    fates: tuple[Ack, ...] = ("sent", "late", "sent", "twice", "lost", "sent", "late", "twice")

    async with running_collector(
        tmp_path, SimSettings(seed=5, symbols=300, rate=1000), BRISK
    ) as harness:
        harness.venue.faults.topics_a_request_max = 20
        harness.venue.faults.acks = deque(islice(cycle(fates), 64))
        await harness.covered()
        assert len(harness.venue.faults.acks) < 64 - 14  # 15 requests at least
        status = harness.collector.monitor.status()
        assert (status.refused, status.reconnects) == (0, 0)
        await harness.equal()


async def test_WS_17_what_was_neither_acked_nor_served_is_asked_for_again(tmp_path: Path) -> None:
    async with running_collector(tmp_path, timing=BRISK) as harness:
        faults, lost = harness.venue.faults, harness.venue.symbols[5:9]
        faults.acks = deque(["lost"])
        faults.silent_topics |= {topic(symbol) for symbol in lost}
        await all_live_but(harness, len(lost))
        faults.silent_topics.clear()
        await harness.covered()


@pytest.mark.parametrize("delivered", [25, 100])
async def test_WS_18_topics_beyond_an_untold_limit_come_over_other_connections(
    tmp_path: Path, delivered: int
) -> None:
    async with running_collector(tmp_path, timing=BRISK) as harness:
        harness.venue.faults.topics_delivered_max = delivered
        first = harness.venue.symbols
        await until(lambda: harness.status_covered() == delivered)
        table = harness.collector.table
        kept = [symbol for symbol in first if table.origin_of(symbol)[0] == 1]
        await harness.covered()
        status = harness.collector.monitor.status()
        assert status.connections == -(-len(first) // delivered)
        assert status.moved == len(first) - delivered
        assert (status.never, status.reconnects) == (0, 0)
        assert {table.origin_of(symbol)[0] for symbol in kept} == {1}
        await harness.equal()
        harness.check_books()


async def test_WS_18_a_topic_without_data_disturbs_no_other_and_is_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def told(harness: CollectorHarness) -> dict[str, str]:
        feed: dict[str, str] = harness.client.hgetall(keys.FEED)  # type: ignore[assignment]
        stats: dict[str, str] = harness.client.hgetall(keys.STATS)  # type: ignore[assignment]
        return feed | stats

    timing = brisk(
        pace=0.01,
        first_data_within=0.25,
        moved_again_after=0.6,
        silence=0.3,
        probe_within=0.3,
    )
    async with running_collector(tmp_path, timing=timing, status_s=0.2) as harness:
        silent = harness.venue.symbols[40]
        harness.venue.faults.silent_topics.add(topic(silent))
        await until(lambda: harness.collector.monitor.status().moved == 2)
        first, second = harness.collector.connections
        await until(lambda: not second.is_open)
        assert silent in first.shard.symbols
        assert not second.shard.symbols
        assert first.reconnects == 0
        assert second.reconnects < 5
        await until(lambda: (told(harness)["never"], told(harness)["moved"]) == ("1", "2"))
        wanted = len(harness.venue.symbols)
        assert told(harness)["coverage"] == f"{wanted - 1}/{wanted}"
        assert int(told(harness)["false_acks"]) >= 2
        assert f"{silent}: not delivered by any connection" in caplog.text
        expected = f"{wanted - 1} of {wanted} symbols live, 1 never"
        await until(lambda: expected in str(harness.collector.monitor.status()))
        assert "false acks" in str(harness.collector.monitor.status())


async def test_WS_18_topics_that_a_connection_refuses_are_tried_on_another_too(
    tmp_path: Path,
) -> None:
    sim = SimSettings(seed=5, symbols=60, rate=500, topics_max=55)
    async with running_collector(tmp_path, sim, timing=BRISK) as harness:
        await until(lambda: harness.status_covered() == 55)
        await harness.covered()
        assert harness.collector.monitor.status().connections == 2


def test_WS_19_a_refused_topic_is_not_asked_for_again_at_each_reconnect() -> None:
    learned, asked = SubscriptionHistory(), []
    for number in range(100):
        venue = SessionHarness(learned=learned, now=100.0 + number)
        venue.tick()
        asked.append(SYMBOLS[2] in venue.asked())
        venue.ack(SYMBOLS[:2], failed=[SYMBOLS[2]])
        venue.session.note_closed()
    assert asked == [True, *[False] * 99]
    assert learned.refusals == 1


@pytest.mark.usefixtures("eager")
async def test_WS_19_refusals_stay_known_through_reconnects(tmp_path: Path) -> None:
    class Asked(set[str]):
        """Counts how often its topic is asked for."""

        count = 0

        def __contains__(self, name: object) -> bool:
            found = super().__contains__(name)
            self.count += found
            return found

    async with running_collector(tmp_path) as harness:
        refused = Asked({topic(harness.venue.symbols[3])})
        harness.venue.faults.fail_topics = refused
        for _ in range(10):
            await all_live_but(harness, 1)
            await drop(harness)
        await all_live_but(harness, 1)
        assert refused.count == 1
        assert harness.collector.monitor.status().refused == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"success": True, "data": {"failTopics": None, "successTopics": "x"}},
        {"success": "yes", "data": []},
        {"success": False},
        {"success": True, "ret_msg": "subscribe", "req_id": "", "op": "subscribe"},
        {
            "success": False,
            "ret_msg": "error:already subscribed,topic:tickers.X",
            "op": "subscribe",
        },
        {"success": False, "ret_msg": "error:invalid op", "request": {"op": "x", "args": None}},
        {"op": "unsubscribe", "success": True, "ret_msg": ""},
    ],
)
async def test_WS_17_an_answer_of_another_shape_leaves_all_symbols_live(
    tmp_path: Path, answer: dict[str, object]
) -> None:
    async with running_collector(
        tmp_path, SimSettings(seed=5, symbols=40, rate=400), BRISK
    ) as harness:
        harness.venue.faults.withhold_acks = True
        await until(lambda: harness.venue.connections == 1)
        payload = json.dumps(answer).encode()
        harness.venue.write(bytes((0x81, 0x7E)) + len(payload).to_bytes(2, "big") + payload)
        await harness.covered()
        assert harness.collector.connections[0].reconnects == 0
        await harness.equal()
