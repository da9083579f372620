"""What a replica holds, and when it is current: without sockets or clocks."""

import contextlib
import random
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pytest

from fastopts.core import Tick, decode
from fastopts.errors import FeedDown, StoreError, WrongVenue
from fastopts.reader.mirrors.backlog import Backlog, Gap
from fastopts.reader.mirrors.listener import NullListener
from fastopts.reader.mirrors.replica import Replica
from fastopts.reader.selection.scope import Scope
from tests.support.freshness_oracle import FLOATING, STABLE, FreshnessOracle, record

BTC = Scope("BTC")


class RecordingListener:
    """A listener that records its calls."""

    def __init__(self) -> None:
        self.symbols: list[str] = []
        self.reports: list[str] = []

    def changed(self, symbols: Iterable[str]) -> None:
        self.symbols += symbols

    def revived(self) -> None:
        pass

    def relisted(self) -> None:
        pass

    def broke(self, words: str) -> None:
        self.reports.append(words)

    def resumed(self) -> None:
        self.reports.append("resumed")


class Session:
    """A replica connected to a scripted server, with a clock that the test sets."""

    def __init__(
        self,
        server: FreshnessOracle,
        listener: Backlog | RecordingListener | NullListener,
        scope: Scope = BTC,
    ):
        self.server = server
        self.now = 100.0
        self.replica = Replica("sim", scope, listener)
        self.connect()

    @property
    def problem(self) -> Any:
        return self.replica.problem(self.now)

    @property
    def live(self) -> dict[str, bytes]:
        """What of it is live."""
        moment = self.replica.moment(self.now)
        conns = moment.live_conns if self.problem is None else ()
        return {
            symbol: found
            for symbol, found in self.replica.records.items()
            if decode(Tick, symbol, found, None, moment.feed.epoch, conns).live
        }

    def connect(self) -> None:
        self.server.connect()
        self.replica.start([])
        self.say()

    def lose(self) -> None:
        self.replica.lost(ConnectionResetError("closed"))

    def pass_time(self, seconds: float) -> None:
        self.now += seconds
        self.server.now_ms += round(seconds * 1000)
        self.say()

    def say(self) -> None:
        self.replica.tick(self.now)
        self.server.say(self.replica.data_to_send())

    def hear(self, size: int = 1_000_000_000) -> None:
        if data := self.server.take(size):
            try:
                self.replica.receive(data, self.now)
            except FeedDown as error:  # given up: the next conversation begins
                self.replica.lost(error)
                self.connect()
        self.say()

    def exchange(self) -> None:
        """Send and receive until there is nothing more."""
        self.hear()
        while self.server.commands:
            self.server.serve()
            self.hear()

    def live_on(self, seconds: float = 1.5) -> None:
        """Let time pass as it does while all is well."""
        for tenth in range(round(seconds * 10)):
            self.pass_time(0.1)
            if tenth % 10 == 5:
                self.server.beat()
            self.exchange()


@pytest.fixture
def server() -> FreshnessOracle:
    return FreshnessOracle()


@pytest.fixture
def listener() -> RecordingListener:
    return RecordingListener()


@pytest.fixture
def session(server: FreshnessOracle, listener: RecordingListener) -> Session:
    """One whose replica is current."""
    made = Session(server, listener)
    made.live_on()
    assert made.problem is None
    listener.symbols.clear()
    return made


def test_it_reads_the_feed_then_subscribes_then_takes_a_snapshot(server: FreshnessOracle) -> None:
    session = Session(server, NullListener())
    assert "not connected" in str(session.problem)
    session.exchange()
    assert server.log == [b"HELLO", b"INFO", b"HGETALL", b"TIME", b"SUBSCRIBE"]
    assert session.replica.records == {}
    server.beat()
    session.exchange()
    assert server.log[5:] == [b"SMEMBERS", b"PING", *[b"HMGET"] * 4, b"MGET", b"PING"]
    assert session.problem is None
    assert session.replica.records == server.world.stored
    assert session.live == server.world.stored


def test_an_announcement_is_applied_at_once(
    server: FreshnessOracle, session: Session, listener: RecordingListener
) -> None:
    server.tick(STABLE[1], STABLE[3])
    session.hear()
    assert session.replica.records == server.world.stored
    assert listener.symbols == [STABLE[1], STABLE[3]]
    assert listener.reports == []


def test_a_record_announced_again_is_reported_only_if_it_was_missing(
    server: FreshnessOracle, session: Session, listener: RecordingListener
) -> None:
    server.put_again(STABLE[1], STABLE[3])
    session.hear()
    assert listener.symbols == []
    del session.replica.records[STABLE[3]]
    server.put_again(STABLE[1], STABLE[3])
    session.hear()
    assert listener.symbols == [STABLE[3]]
    assert session.replica.records == server.world.stored


def test_only_the_symbols_of_the_scope_are_kept(server: FreshnessOracle) -> None:
    session = Session(server, NullListener(), Scope(None, (STABLE[2], FLOATING[0])))
    session.live_on()
    server.tick(*STABLE)
    session.hear()
    assert session.replica.records == {STABLE[2]: server.world.stored[STABLE[2]]}
    assert session.replica.wanted == {STABLE[2], FLOATING[0]}


def test_everything_is_every_asset_of_the_feed(server: FreshnessOracle) -> None:
    server.world.feed["assets"] = "BTC,ETH"
    Session(server, NullListener(), Scope()).live_on()
    assert server.log.count(b"SMEMBERS") == 2


def test_a_gap_breaks_it_until_a_snapshot_is_complete(
    server: FreshnessOracle, session: Session, listener: RecordingListener
) -> None:
    server.write([STABLE[0]])
    server.announce(is_lost=True)
    server.tick(STABLE[1])
    session.hear()
    assert "missed" in str(session.problem)
    assert session.live == {}
    assert listener.reports == [str(session.problem)]
    session.exchange()
    assert session.problem is None
    assert session.live == server.world.stored
    assert listener.reports[1:] == ["resumed"]
    assert sorted(listener.symbols) == STABLE[:2]


def test_a_gap_during_a_snapshot_requires_another_snapshot(
    server: FreshnessOracle, session: Session
) -> None:
    server.announce(is_lost=True)
    server.beat()
    session.hear()
    server.serve()
    session.hear()
    server.serve(len(server.commands) - 1)  # the records are read, which is not known yet
    server.write([STABLE[0]])
    server.announce(is_lost=True)
    server.beat()
    server.serve()
    session.hear()
    assert session.problem is not None
    session.live_on(0.3)
    assert session.problem is None
    assert session.live == server.world.stored


def test_changes_during_a_snapshot_are_reported_once_it_is_current(
    server: FreshnessOracle, session: Session, listener: RecordingListener
) -> None:
    server.announce(is_lost=True)
    server.beat()
    session.hear()
    server.tick(STABLE[2])  # behind the gap, before the records are read
    session.hear()
    assert listener.symbols == []
    session.exchange()
    assert listener.reports[1:] == ["resumed"]
    assert listener.symbols == [STABLE[2]]


def test_another_collector_breaks_it_and_makes_all_earlier_values_stale(
    server: FreshnessOracle, session: Session, listener: RecordingListener
) -> None:
    server.take_over()
    session.hear()
    assert session.live == {}
    session.live_on()
    assert session.problem is None
    assert session.live == {}
    server.redeliver()
    session.exchange()
    assert session.live == server.world.stored
    assert listener.reports[-1] == "resumed"


def test_numbers_of_another_epoch_do_not_continue_the_sequence(
    server: FreshnessOracle, session: Session, listener: RecordingListener
) -> None:
    number = server.number
    server.announces = False
    server.take_over()
    server.announces, server.number = True, number
    server.redeliver()
    session.live_on(0.1)
    assert listener.reports == ["another collector announces changes", "resumed"]
    assert session.live == server.world.stored
    assert sorted(listener.symbols) == STABLE


def test_announcements_of_an_epoch_that_the_feed_does_not_name_are_not_applied(
    server: FreshnessOracle, session: Session
) -> None:
    held = dict(session.replica.records)
    server.world.feed["venue"] = "bybit"
    server.take_over()
    server.redeliver()
    session.hear()
    assert session.replica.records == held
    assert session.live == {}
    session.pass_time(0.1)
    with pytest.raises(WrongVenue):
        session.exchange()
    assert session.replica.records == held


def test_symbols_taken_while_stale_are_delivered_again(server: FreshnessOracle) -> None:
    consumer = Consumer()
    session = Session(server, consumer.backlog)
    session.live_on()
    consumer.backlog.begin(())
    server.tick(STABLE[1])
    server.announce(is_lost=True)
    server.beat()
    session.hear()
    consumer.take(session)
    assert consumer.last == {}
    session.exchange()
    consumer.take(session)
    assert consumer.last == {STABLE[1]: server.world.stored[STABLE[1]]}


def test_a_new_epoch_in_the_feed_alone_breaks_it(server: FreshnessOracle, session: Session) -> None:
    server.announces = False
    server.take_over()
    session.live_on(0.3)
    assert "another collector" in str(session.problem)
    assert session.live == {}


def test_a_new_listing_is_loaded_without_a_break(
    server: FreshnessOracle, session: Session, listener: RecordingListener
) -> None:
    server.relist(FLOATING[:2])
    server.tick(FLOATING[0])
    session.live_on(0.3)
    assert listener.reports == []
    assert session.live.keys() == {*STABLE, FLOATING[0]}
    server.tick(FLOATING[1])  # the first of a listed symbol
    session.hear()
    assert session.live == server.world.stored
    server.relist([])
    session.live_on(0.3)
    assert session.replica.records.keys() == set(STABLE)
    server.tick(*STABLE)
    session.hear()
    assert listener.reports == []
    assert session.live == server.world.stored


def test_records_deleted_from_the_store_are_dropped(
    server: FreshnessOracle, session: Session
) -> None:
    del server.world.stored[STABLE[0]]
    server.relist(FLOATING)
    session.live_on(0.3)
    assert session.replica.records.keys() == set(STABLE[1:])


def test_heartbeats_without_announcements_break_it(
    server: FreshnessOracle, session: Session, listener: RecordingListener
) -> None:
    server.announces = False
    server.tick(STABLE[0])
    session.live_on(3.0)
    assert "no announcements" in str(session.problem)
    assert "+publish" not in str(session.problem)
    assert listener.reports == [str(session.problem)]
    server.announces = True
    session.live_on(3.0)
    assert session.live == server.world.stored
    assert listener.reports[1:] == ["resumed"]
    assert listener.symbols == [STABLE[0]]


def test_a_silent_feed_is_down_and_resumes_with_its_heartbeat(
    server: FreshnessOracle, session: Session, listener: RecordingListener
) -> None:
    for _ in range(60):
        session.pass_time(0.1)
        session.exchange()
    assert session.live == {}
    assert "last heartbeat" in listener.reports[0]
    assert len(listener.reports) == 1
    server.beat()
    session.live_on(0.2)
    assert listener.reports[1:] == ["resumed"]
    assert session.live == server.world.stored


def test_an_unread_feed_makes_it_stale_until_the_next_read_without_a_snapshot(
    server: FreshnessOracle, session: Session, listener: RecordingListener
) -> None:
    reads = server.log.count(b"MGET")
    session.pass_time(0.5)
    assert session.problem is None
    session.pass_time(0.6)
    assert "was last read 1." in str(session.problem)
    assert session.live == {}
    assert listener.reports == [str(session.problem)]
    session.pass_time(0.6)
    session.exchange()  # what is answered was asked too long ago
    assert session.live == {}
    assert len(listener.reports) == 1
    session.live_on(0.2)
    assert session.live == server.world.stored
    assert listener.reports[1:] == ["resumed"]
    assert server.log.count(b"MGET") == reads


def test_a_lost_connection_breaks_it_and_the_next_reports_the_changes(
    server: FreshnessOracle, session: Session, listener: RecordingListener
) -> None:
    session.lose()
    assert "no connection to Redis: closed" in str(session.problem)
    server.tick(STABLE[3])
    session.connect()
    session.live_on()
    assert session.live == server.world.stored
    assert listener.symbols == [STABLE[3]]
    assert listener.reports[1:] == ["resumed"]


def test_values_of_a_closed_connection_resume_once_delivered_again(
    server: FreshnessOracle, session: Session, listener: RecordingListener
) -> None:
    server.lose_conn()
    session.live_on(0.2)
    assert session.problem is None
    assert session.live == {}
    assert listener.reports == ["values of connection 1 are not live any more"]
    server.tick(*STABLE[:3])
    session.live_on(0.3)
    assert len(listener.reports) == 1
    server.tick(STABLE[3])
    session.live_on(0.2)
    assert listener.reports[1:] == ["resumed"]
    assert session.live == server.world.stored


def test_expired_options_do_not_delay_resuming(
    server: FreshnessOracle, session: Session, listener: RecordingListener
) -> None:
    server.lose_conn()
    session.live_on(0.2)
    server.world.feed["skew_ms"] = 5_000_000_000_000
    session.live_on(0.2)
    assert listener.reports[1:] == ["resumed"]


def test_data_of_another_venue_are_refused(server: FreshnessOracle, session: Session) -> None:
    other = FreshnessOracle("bybit")
    held = dict(session.replica.records)
    session.lose()
    session.server = other
    session.connect()
    other.serve(2)
    other.beat()
    other.serve()
    with pytest.raises(WrongVenue, match="venue='bybit'") as raised:
        session.hear()
    session.replica.lost(raised.value)
    assert session.problem is raised.value
    assert b"SUBSCRIBE" not in other.log
    assert session.replica.records == held


def test_an_emptied_server_is_down(
    server: FreshnessOracle, session: Session, listener: RecordingListener
) -> None:
    held, server.world.feed = server.world.feed, {}
    session.pass_time(0.1)
    session.exchange()
    assert "no collector" in str(session.problem)
    assert len(listener.reports) == 1
    server.world.feed = held
    session.live_on()
    assert session.live == server.world.stored
    assert listener.reports[1:] == ["resumed"]


def test_a_feed_that_is_down_from_the_start_is_settled_and_read(server: FreshnessOracle) -> None:
    server.now_ms += 60_000
    session = Session(server, NullListener())
    assert not session.replica.is_settled(session.now)
    session.exchange()
    assert session.replica.is_settled(session.now)
    assert session.problem is not None
    assert session.replica.records == server.world.stored
    assert session.live == {}


def test_where_no_collector_ever_wrote_it_is_settled_and_begins_with_one(
    server: FreshnessOracle,
) -> None:
    held, server.world.feed = server.world.feed, {}
    session = Session(server, NullListener())
    session.exchange()
    assert session.replica.is_settled(session.now)
    assert session.replica.records == {}
    server.world.feed = held
    session.live_on()
    assert session.live == server.world.stored


def test_a_closed_replica_is_not_current(session: Session, listener: RecordingListener) -> None:
    session.replica.close()
    assert "closed" in str(session.problem)
    assert listener.reports == ["closed: changes are not received any more"]


def _message(count: int, *entries: bytes, version: int = 1, epoch: int = 1) -> bytes:
    return struct.pack("<BxHIQ", version, count, epoch, 1) + b"".join(entries)


ENTRY = b"\x03ABC" + bytes(256)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"\x01",
        _message(0, version=2),
        _message(1),
        _message(1, ENTRY[:-1]),
        _message(1, ENTRY, b"x"),
        _message(2, ENTRY),
        _message(0, ENTRY),
    ],
    ids=["empty", "short", "version", "nothing", "cut", "more", "fewer", "uncounted"],
)
def test_a_malformed_announcement_ends_the_connection(
    server: FreshnessOracle, session: Session, message: bytes
) -> None:
    server.publish(message)
    with pytest.raises(StoreError, match="an update"):
        session.hear()


@pytest.mark.parametrize("command", [b"HELLO", b"SUBSCRIBE", b"SMEMBERS", b"MGET", b"HGETALL"])
def test_an_error_reply_ends_the_connection_with_the_servers_message(
    server: FreshnessOracle, command: bytes
) -> None:
    server.refusals[command] = "NOPERM no"
    with pytest.raises(StoreError, match="NOPERM no"):
        Session(server, NullListener()).live_on()


def test_refused_terms_count_as_missing(server: FreshnessOracle) -> None:
    server.refusals[b"HMGET"] = "WRONGTYPE no hash"
    session = Session(server, NullListener())
    session.live_on()
    assert session.live == server.world.stored
    assert session.replica.terms == {}


@pytest.mark.parametrize("data", [b"+OK\r\n", b"?\r\n", b">2\r\n+message\r\n+x\r\n"])
def test_an_unexpected_reply_ends_the_connection(
    server: FreshnessOracle, session: Session, data: bytes
) -> None:
    session.exchange()
    server.put(data)
    with pytest.raises(StoreError):
        session.hear()


def test_a_connection_may_be_lost_at_any_byte(server: FreshnessOracle) -> None:
    listener = RecordingListener()
    session = Session(server, listener)
    size = 0
    while session.problem is not None:
        size += 7
        session.lose()
        session.pass_time(20.0)  # snapshots are paced
        server.beat()
        session.connect()
        for left in range(size, 0, -256):
            server.serve()
            session.hear(min(left, 256))
            server.beat()
    assert session.live == server.world.stored
    assert size > 1000
    assert sorted(listener.symbols) == STABLE


def test_the_feed_may_be_read_before_or_after_an_announcement(
    server: FreshnessOracle, session: Session, listener: RecordingListener
) -> None:
    for is_before in (False, True, True, False, False, True):
        session.pass_time(0.11)
        server.world.feed["heartbeat_ms"] = server.now_ms
        if is_before:
            session.exchange()
        server.announce()
        session.exchange()
    assert listener.reports == []


class Consumer:
    """Takes from a backlog at times, and remembers the last of each symbol that was live."""

    def __init__(self) -> None:
        self.backlog = Backlog(contextlib.nullcontext(), lambda: None)
        self.last: dict[str, bytes] = {}
        self.gaps: list[Gap] = []

    def take(self, session: Session) -> None:
        while (taken := self.backlog.take()) is not None:
            if isinstance(taken, Gap):
                self.gaps.append(taken)
            elif taken in session.live:
                self.last[taken] = session.replica.records[taken]
            else:
                self.backlog.withhold(taken)


class Chance:
    """One random schedule of what server, wire, clock and consumer do."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.consumer = Consumer()
        self.server = FreshnessOracle()
        self.session = Session(self.server, self.consumer.backlog)
        self.session.live_on(self.chance.choice([0.0, 1.5]))
        self.steps: list[tuple[int, Callable[[], None]]] = [
            (20, lambda: self.session.hear(self.chance.choice([1, 60, 500, 5000]))),
            (20, lambda: self.server.serve(self.chance.randint(1, 5))),
            (10, lambda: self.session.pass_time(self.chance.choice([0.001, 0.03, 0.11]))),
            (15, self.write),
            (12, self.server.settle),
            (6, self.server.beat),
            (6, lambda: self.consumer.take(self.session)),
            (3, self.server.redeliver),
            (3, self.session.exchange),
            (2, lambda: self.server.announce(is_lost=True)),
            (2, lambda: self.server.relist(self.some(FLOATING))),
            (1, self.server.lose_conn),
            (1, self.server.take_over),
            (1, self.cut),
            (1, lambda: self.session.pass_time(1.2)),
        ]

    def some(self, symbols: Sequence[str]) -> list[str]:
        return [symbol for symbol in symbols if self.chance.random() < 0.5]

    def write(self) -> None:
        self.server.settle()
        self.server.write(self.some(sorted(self.server.world.listed)))

    def cut(self) -> None:
        self.session.lose()
        self.session.connect()

    def step(self) -> None:
        weights, steps = zip(*self.steps, strict=True)
        [one] = self.chance.choices(steps, weights)
        one()


@pytest.mark.parametrize("seed", range(150))
def test_a_current_replica_equals_the_server_at_that_point(seed: int) -> None:
    made = Chance(seed)
    server, session, consumer = made.server, made.session, made.consumer
    for _ in range(made.chance.choice([30, 200])):
        made.step()
        if session.problem is None:
            assert server.is_acceptable(session.replica.records)
    session.live_on(15)
    server.redeliver()
    session.live_on()
    consumer.take(session)
    assert session.problem is None
    assert session.replica.records == server.world.stored
    assert session.live == server.world.stored
    assert {symbol: consumer.last.get(symbol) for symbol in session.live} == session.live
    told = [gap.kind for gap in consumer.gaps if gap.kind != "skipped"]
    assert told[-1:] in ([], ["resumed"])
    assert all(told[i - 1 : i] == ["broken"] for i, kind in enumerate(told) if kind == "resumed")


def test_records_of_another_version_do_no_harm(
    server: FreshnessOracle, listener: RecordingListener
) -> None:
    server.world.stored[STABLE[0]] = b"\x02" + record(server.epoch, 1)[1:]
    session = Session(server, listener)
    session.live_on()
    server.lose_conn()
    session.live_on(0.2)
    server.tick(*STABLE[1:])
    session.live_on(0.2)
    assert listener.reports[1:] == ["resumed"]


def test_a_storm_of_gaps_costs_a_bounded_number_of_commands(server: FreshnessOracle) -> None:
    """A minute in which every announcement follows a gap, then the end of it."""
    session = Session(server, NullListener())
    session.live_on()
    server.log.clear()
    for tenth in range(600):
        session.pass_time(0.1)
        for _ in range(5):
            server.announce(is_lost=True)
            server.tick(STABLE[tenth % 4])
        session.exchange()
        assert session.live in ({}, server.world.stored)
    counts = {name: server.log.count(name) for name in set(server.log)}
    assert counts[b"MGET"] <= 30  # first 0.1 s apart, in the end 5 to 10 s
    assert counts[b"HMGET"] <= 4 * counts[b"MGET"]  # there are no terms, so they are asked for
    assert counts[b"HELLO"] <= 12  # conversations that were given up
    assert counts[b"HGETALL"] <= 600 + counts[b"HELLO"]
    session.live_on(15)
    assert session.problem is None
    assert session.live == server.world.stored


def test_announcements_of_a_collector_without_the_lease_do_no_harm(
    server: FreshnessOracle, session: Session, listener: RecordingListener
) -> None:
    server.log.clear()
    for count in range(200):
        server.publish(_message(0, epoch=77))
        session.pass_time(0.01)
        server.tick(STABLE[count % 4])
        session.exchange()
    session.live_on(0.2)
    assert session.live == server.world.stored
    assert b"MGET" not in server.log
    assert listener.reports == ["another collector announces changes", "resumed"]
    server.beat()
    for count in range(200):  # no two alike
        server.publish(_message(0, epoch=1000 + count))
        session.pass_time(0.01)
        session.exchange()
    assert server.log.count(b"HGETALL") < 120
    assert b"MGET" not in server.log
    session.live_on(0.2)
    assert session.live == server.world.stored


def test_another_store_in_the_same_epoch_is_subscribed_to_again(
    server: FreshnessOracle, session: Session
) -> None:
    server.log.clear()
    server.world.feed["store"] = "fedcba9876543210"
    session.live_on(0.2)
    assert session.live == {}
    session.live_on(1.5)
    assert server.log.count(b"HELLO") == 1
    assert server.log.count(b"SUBSCRIBE") == 1


def test_an_announcement_of_another_store_ends_the_connection(
    server: FreshnessOracle, session: Session
) -> None:
    server.put(b">3\r\n+message\r\n+fastopts:updates:fedcba9876543210\r\n+x\r\n")
    with pytest.raises(StoreError, match="another store"):
        session.hear()


def test_a_feed_without_a_store_is_of_an_older_collector(server: FreshnessOracle) -> None:
    del server.world.feed["store"]
    session = Session(server, NullListener())
    session.live_on(0.3)
    assert "older than its readers" in str(session.problem)
    assert b"SUBSCRIBE" not in server.log


def test_connections_are_given_up_less_often_while_the_feed_stays_down(
    server: FreshnessOracle,
) -> None:
    session = Session(server, NullListener())
    session.live_on()
    server.log.clear()
    for _ in range(1200):  # two minutes
        session.pass_time(0.1)
        session.exchange()
    assert 4 <= server.log.count(b"HELLO") <= 14
    assert server.log.count(b"MGET") <= 2  # nothing was written since
    server.beat()
    session.live_on(2.0)
    assert session.problem is None
