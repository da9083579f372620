"""Options that are listed and delivered while the collector runs, and dates at the edges."""

import json
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from fastopts import keys
from fastopts.errors import BadInput, Expired
from fastopts.reader import OptionReader
from fastopts.reader.objects.expiry import day_of
from fastopts.sim import SimSettings, SimVenue
from fastopts.venues.bybit import symbols
from fastopts.venues.bybit.session import TOPICS_PER_FRAME, StreamSession, Timing
from tests.support.collector_harness import CollectorHarness, running_collector, until

QUICK = Timing(ping_every=0.2)
INSTRUMENTS = "/v5/market/instruments-info"


def left_s(harness: CollectorHarness) -> float:
    """Seconds to the venue's next delivery."""
    now = datetime.fromtimestamp(harness.venue.clock.now_ms() / 1000, UTC)
    today = now.replace(hour=8, minute=0, second=0, microsecond=0)
    return ((today if now < today else today + timedelta(days=1)) - now).total_seconds()


def due_next(harness: CollectorHarness) -> set[str]:
    """What the venue delivers at its next eight o'clock."""
    end_ms = harness.venue.clock.now_ms() + left_s(harness) * 1000
    listed = {name: symbols.parse(name) for name in harness.venue.symbols}
    return {name for name, one in listed.items() if one and one.expiry_ms <= end_ms + 1000}


def members(harness: CollectorHarness) -> set[str]:
    found: set[str] = set()
    for key in harness.client.keys("options:*"):
        found |= harness.client.smembers(key)  # type: ignore[arg-type]
    return found


def asked_for(harness: CollectorHarness) -> set[str]:
    return {name for line in harness.collector.connections for name in line.shard.symbols}


async def roll(harness: CollectorHarness) -> set[str]:
    """Let the venue's clock come over eight o'clock; return what was delivered."""
    doomed = due_next(harness)
    assert doomed
    harness.venue.clock.advance(left_s(harness) + 1)
    await until(lambda: doomed.isdisjoint(harness.venue.symbols))
    await until(
        lambda: not members(harness) & doomed and asked_for(harness) == set(harness.venue.symbols)
    )
    await harness.covered()
    return doomed


async def test_LC_01_what_was_delivered_leaves_the_sets_and_is_expired_for_readers(
    tmp_path: Path,
) -> None:
    async with running_collector(tmp_path, timing=QUICK, refresh_s=1.0) as harness:
        await harness.covered()
        doomed = await roll(harness)
        one = min(doomed)
        with OptionReader(harness.valkey.url, venue="sim") as reader:
            await until(lambda: reader.feed().skew_is_large)
            with pytest.raises(Expired, match=one):
                reader.get(one)
            old = reader.get(one, allow_expired=True, require_live=False)
            assert old.phase == "expired"
            live = reader.scan(gate=False)
            assert doomed.isdisjoint(option.symbol for option in live)
        for name in doomed:
            for key in (keys.option(name), keys.record(name), keys.instrument(name)):
                assert 0 < int(harness.client.ttl(key)) <= 24 * 3600 + 60


async def test_LC_02_what_was_delivered_is_not_subscribed_again_after_a_reconnect(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_collector(tmp_path, timing=QUICK, refresh_s=1.0) as harness:
        await harness.covered()
        doomed = await roll(harness)
        topics = record_topics(harness.venue)
        await harness.venue.drop()
        await until(lambda: sum(line.reconnects for line in harness.collector.connections) > 0)
        await harness.covered()
        asked = {name for op, names in topics if op == "subscribe" for name in names}
        assert asked == set(harness.venue.symbols)
        assert not asked & doomed
        assert "refused" not in caplog.text


async def test_LC_02_options_that_expire_while_the_connection_is_down_delay_no_other(
    tmp_path: Path,
) -> None:
    async with running_collector(tmp_path, timing=QUICK, refresh_s=2.0) as harness:
        await harness.covered()
        doomed = due_next(harness)
        harness.venue.faults.rest[INSTRUMENTS] = (500, "")  # the list knows nothing of it yet
        harness.venue.clock.advance(left_s(harness) + 1)
        await until(lambda: harness.collector.universe.has_expired(min(doomed)))
        topics = record_topics(harness.venue)
        await harness.venue.drop()
        await until(lambda: any(op == "subscribe" for op, _ in topics))
        assert asked_for(harness) >= doomed
        harness.venue.faults.rest.clear()
        await until(lambda: asked_for(harness) == set(harness.venue.symbols))
        await harness.covered()
        assert doomed.isdisjoint(name for _, names in topics for name in names)
        await until(lambda: members(harness).isdisjoint(doomed))
        await harness.equal()


def record_topics(venue: SimVenue) -> list[tuple[str, list[str]]]:
    """What the venue is asked from now on: operation and symbols of each request."""
    heard: list[tuple[str, list[str]]] = []
    receive = venue._receive

    def recording(link: Any, message: str | bytes) -> bool:
        request = json.loads(message)
        if request["op"] != "ping":
            heard.append((request["op"], [t.removeprefix("tickers.") for t in request["args"]]))
        return receive(link, message)

    venue._receive = recording  # type: ignore[method-assign]
    return heard


def series_of(names: set[str]) -> set[tuple[str, str, bool]]:
    """Coin, date and whether it is settled in USDT, of each series that these symbols are of."""
    parts = (name.split("-") for name in names)
    return {(coin, day, settle == ["USDT"]) for coin, day, _, _, *settle in parts}


def open_series(venue: SimVenue) -> set[tuple[str, str, bool]]:
    """The series that trade now, as `series_of` names them."""
    listed = venue.market._universe.series.values()
    return {(series.coin.name, series.date, series.settle == "USDT") for series in listed}


def list_more(venue: SimVenue, strikes: int) -> None:
    """Have every series list *strikes* more at the venue's next look at its calendar."""
    universe = venue.market._universe
    for series in universe.series.values():
        series.strikes += strikes
    universe.next_roll_ms = 1


async def test_LC_03_what_is_listed_at_noon_is_delivered_within_a_refresh(tmp_path: Path) -> None:
    async with running_collector(tmp_path, refresh_s=1.0) as harness:
        await harness.covered()
        before = set(harness.venue.symbols)
        list_more(harness.venue, 8)
        await until(
            lambda: series_of(set(harness.venue.symbols) - before) == open_series(harness.venue)
        )
        await until(lambda: asked_for(harness) == set(harness.venue.symbols))
        await harness.covered()
        await until(lambda: members(harness) == set(harness.venue.symbols))
        await harness.equal()
        with OptionReader(harness.valkey.url, venue="sim") as reader:
            fresh = max(set(harness.venue.symbols) - before)
            await until(lambda: reader.get(fresh, require_live=False).live)


def envelope(rows: list[dict[str, Any]], cursor: str = "") -> str:
    result = {"category": "option", "nextPageCursor": cursor, "list": rows}
    return json.dumps({"retCode": 0, "retMsg": "", "result": result, "time": 1})


ROW = {"symbol": "BTC-27NOV99-1-C-USDT", "status": "Trading", "baseCoin": "BTC"}


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (200, envelope([]), "no longer listed as trading: retained"),
        (200, envelope([ROW, ROW], ""), "no longer listed as trading: retained"),
        (200, envelope([ROW], "round and round"), "its universe stays as it was"),
        (200, '{"retCode": 10001, "retMsg": "no", "result": {}}', "its universe stays as it was"),
        (403, "", "its universe stays as it was"),
    ],
    ids=["empty", "one row twice", "a loop of pages", "refused", "shut out"],
)
async def test_LC_04_an_implausible_list_removes_nothing_and_is_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, status: int, body: str, words: str
) -> None:
    sim = SimSettings(seed=5, symbols=60, rate=600)
    async with running_collector(tmp_path, sim, refresh_s=1.0) as harness:
        await harness.covered()
        await until(lambda: members(harness) == set(harness.venue.symbols))
        harness.venue.faults.rest[INSTRUMENTS] = (status, body)
        await until(lambda: words in caplog.text)
        assert asked_for(harness) >= set(harness.venue.symbols)
        assert members(harness) >= set(harness.venue.symbols)
        assert harness.status_covered() >= len(harness.venue.symbols)
        harness.venue.faults.rest.clear()
        await harness.equal()


async def test_LC_05_a_day_rolls_in_paced_requests_and_the_rest_ticks_on(tmp_path: Path) -> None:
    sim = SimSettings(seed=5, symbols=500, rate=3000)
    async with running_collector(tmp_path, sim, QUICK, refresh_s=1.0) as harness:
        await harness.covered()
        topics = record_topics(harness.venue)
        before = set(harness.venue.symbols)
        list_more(harness.venue, 12)
        survivors = before - await roll(harness)
        assert len(harness.venue.symbols) > len(before) + 300
        assert sum(line.reconnects for line in harness.collector.connections) == 0
        asked = [names for op, names in topics if op == "subscribe"]
        assert max(map(len, asked)) <= TOPICS_PER_FRAME
        assert survivors.isdisjoint(name for names in asked for name in names)
        await harness.equal()
        harness.check_books()


def test_LC_05_two_thousand_go_and_come_in_frames_of_200_a_pace_apart() -> None:
    """By a clock of our own: five connections, 550 of 2,000 on the fullest."""
    old = [f"BTC-27NOV26-{strike}-C-USDT" for strike in range(550)]
    new = [name.replace("27NOV26", "28NOV26") for name in old]
    session = StreamSession(0.0)
    session.subscribe(old)
    said = talk(session, 0.0, 5.0)
    assert {name for _, _, names in said for name in names} == set(old)
    session.unsubscribe(old)
    session.subscribe(new)
    said = talk(session, 5.0, 15.0)
    assert [op for _, op, _ in said] == ["unsubscribe"] * 3 + ["subscribe"] * 3
    assert max(len(names) for _, _, names in said) == TOPICS_PER_FRAME
    times = [at for at, _, _ in said]
    assert min(b - a for a, b in pairwise(times)) >= Timing().pace - 1e-9
    assert {name for _, op, names in said for name in names if op == "subscribe"} == set(new)


def talk(session: StreamSession, start: float, end: float) -> list[tuple[float, str, list[str]]]:
    """Let a session speak to a venue that acks everything; return what it asked, and when."""
    said, now, count = [], start, 0
    while now < end:
        session.tick(now)
        for message in map(json.loads, session.data_to_send()):
            if message["op"] == "ping":
                session.receive(b'{"op":"pong","args":["1"]}', now)
                continue
            said.append((now, message["op"], [t[len("tickers.") :] for t in message["args"]]))
            done = {"failTopics": [], "successTopics": message["args"]}
            session.receive(json.dumps({"success": True, "data": done}).encode(), now)
            count += len(message["args"])
            session.note_delivered(said[-1][2])
        session.note_data(count := count + 1, now)
        now += 0.05
    return said


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        ("29FEB28", date(2028, 2, 29)),
        ("31DEC26", date(2026, 12, 31)),
        ("1JAN27", date(2027, 1, 1)),
        ("28FEB27", date(2027, 2, 28)),
        ("5MAR99", date(2099, 3, 5)),
    ],
)
def test_LC_06_a_date_at_an_edge_is_read_alike_by_collector_and_readers(
    day: str, expected: date
) -> None:
    found = symbols.parse(f"BTC-{day}-90000-C-USDT")
    assert found is not None
    delivery = datetime.fromtimestamp(found.expiry_ms / 1000, UTC)
    assert delivery == datetime(*expected.timetuple()[:3], 8, tzinfo=UTC)
    for written in (day, day.lower(), f"{expected:%y%m%d}", expected.isoformat(), delivery):
        assert day_of(written) == expected


@pytest.mark.parametrize("day", ["29FEB27", "31NOV26", "0JAN27", "32JAN27", "1XXX27", "١JAN27"])
def test_LC_06_a_day_that_is_none_is_refused(day: str) -> None:
    assert symbols.parse(f"BTC-{day}-90000-C-USDT") is None
    with pytest.raises(BadInput, match="is not an expiry"):
        day_of(day)


def test_LC_06_days_are_of_utc_wherever_the_reader_is() -> None:
    west = datetime.fromisoformat("2026-12-31T23:30:00-05:00")
    assert day_of(west) == date(2027, 1, 1)
    found = defaultdict(set)
    for day in ("31DEC26", "1JAN27"):
        one = symbols.parse(f"ETH-{day}-3000-P")
        assert one is not None
        found[datetime.fromtimestamp(one.expiry_ms / 1000, UTC).hour].add(day)
    assert found == {8: {"31DEC26", "1JAN27"}}
