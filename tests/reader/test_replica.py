"""What a replica holds, and when it says that it is current: without a wire or a clock."""

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
from tests.reader.scripted import FLOATING, STABLE, Server, record

BTC = Scope("BTC")


class Heard:
    """A listener that remembers."""

    def __init__(self) -> None:
        self.symbols: list[str] = []
        self.said: list[str] = []

    def changed(self, symbols: Iterable[str]) -> None:
        self.symbols += symbols

    def revived(self) -> None:
        pass

    def relisted(self) -> None:
        pass

    def broke(self, words: str) -> None:
        self.said.append(words)

    def resumed(self) -> None:
        self.said.append("resumed")


class Talking:
    """A replica in conversation with a scripted server, by a clock of ours."""

    def __init__(
        self, server: Server, listener: Backlog | Heard | NullListener, scope: Scope = BTC
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
        """Say and hear until there is nothing more."""
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
def server() -> Server:
    return Server()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def talking(server: Server, heard: Heard) -> Talking:
    """One whose replica is current."""
    made = Talking(server, heard)
    made.live_on()
    assert made.problem is None
    heard.symbols.clear()
    return made


def test_it_looks_whose_the_feed_is_then_subscribes_then_reads(server: Server) -> None:
    talking = Talking(server, NullListener())
    assert "not connected" in str(talking.problem)
    talking.exchange()
    assert server.log == [b"HELLO", b"INFO", b"HGETALL", b"TIME", b"SUBSCRIBE"]
    assert talking.replica.records == {}
    server.beat()
    talking.exchange()
    assert server.log[5:] == [b"SMEMBERS", b"PING", *[b"HMGET"] * 4, b"MGET", b"PING"]
    assert talking.problem is None
    assert talking.replica.records == server.world.stored
    assert talking.live == server.world.stored


def test_an_announced_change_is_there_at_once(
    server: Server, talking: Talking, heard: Heard
) -> None:
    server.tick(STABLE[1], STABLE[3])
    talking.hear()
    assert talking.replica.records == server.world.stored
    assert heard.symbols == [STABLE[1], STABLE[3]]
    assert heard.said == []


def test_what_is_announced_again_unchanged_is_told_only_where_it_was_missing(
    server: Server, talking: Talking, heard: Heard
) -> None:
    server.put_again(STABLE[1], STABLE[3])
    talking.hear()
    assert heard.symbols == []
    del talking.replica.records[STABLE[3]]
    server.put_again(STABLE[1], STABLE[3])
    talking.hear()
    assert heard.symbols == [STABLE[3]]
    assert talking.replica.records == server.world.stored


def test_only_what_was_asked_for_is_held(server: Server) -> None:
    talking = Talking(server, NullListener(), Scope(None, (STABLE[2], FLOATING[0])))
    talking.live_on()
    server.tick(*STABLE)
    talking.hear()
    assert talking.replica.records == {STABLE[2]: server.world.stored[STABLE[2]]}
    assert talking.replica.wanted == {STABLE[2], FLOATING[0]}


def test_everything_is_every_asset_of_the_feed(server: Server) -> None:
    server.world.feed["assets"] = "BTC,ETH"
    Talking(server, NullListener(), Scope()).live_on()
    assert server.log.count(b"SMEMBERS") == 2


def test_a_gap_breaks_it_until_a_snapshot_was_taken(
    server: Server, talking: Talking, heard: Heard
) -> None:
    server.write([STABLE[0]])
    server.announce(is_lost=True)
    server.tick(STABLE[1])
    talking.hear()
    assert "missed" in str(talking.problem)
    assert talking.live == {}
    assert heard.said == [str(talking.problem)]
    talking.exchange()
    assert talking.problem is None
    assert talking.live == server.world.stored
    assert heard.said[1:] == ["resumed"]
    assert sorted(heard.symbols) == STABLE[:2]


def test_a_gap_while_a_snapshot_is_taken_asks_for_another(server: Server, talking: Talking) -> None:
    server.announce(is_lost=True)
    server.beat()
    talking.hear()
    server.serve()
    talking.hear()
    server.serve(len(server.commands) - 1)  # the records are read, which is not known yet
    server.write([STABLE[0]])
    server.announce(is_lost=True)
    server.beat()
    server.serve()
    talking.hear()
    assert talking.problem is not None
    talking.live_on(0.3)
    assert talking.problem is None
    assert talking.live == server.world.stored


def test_what_changes_while_a_snapshot_is_taken_is_told_when_all_is_current(
    server: Server, talking: Talking, heard: Heard
) -> None:
    server.announce(is_lost=True)
    server.beat()
    talking.hear()
    server.tick(STABLE[2])  # behind the gap, before the records are read
    talking.hear()
    assert heard.symbols == []
    talking.exchange()
    assert heard.said[1:] == ["resumed"]
    assert heard.symbols == [STABLE[2]]


def test_another_collector_breaks_it_and_nothing_of_the_first_stays_live(
    server: Server, talking: Talking, heard: Heard
) -> None:
    server.take_over()
    talking.hear()
    assert talking.live == {}
    talking.live_on()
    assert talking.problem is None
    assert talking.live == {}
    server.redeliver()
    talking.exchange()
    assert talking.live == server.world.stored
    assert heard.said[-1] == "resumed"


def test_another_collectors_numbers_are_no_continuation(
    server: Server, talking: Talking, heard: Heard
) -> None:
    number = server.number
    server.announces = False
    server.take_over()
    server.announces, server.number = True, number
    server.redeliver()
    talking.live_on(0.1)
    assert heard.said == ["another collector announces changes", "resumed"]
    assert talking.live == server.world.stored
    assert sorted(heard.symbols) == STABLE


def test_what_is_announced_before_its_feed_was_seen_stays_out(
    server: Server, talking: Talking
) -> None:
    held = dict(talking.replica.records)
    server.world.feed["venue"] = "bybit"
    server.take_over()
    server.redeliver()
    talking.hear()
    assert talking.replica.records == held
    assert talking.live == {}
    talking.pass_time(0.1)
    with pytest.raises(WrongVenue):
        talking.exchange()
    assert talking.replica.records == held


def test_what_was_taken_while_it_was_not_live_is_had_again(server: Server) -> None:
    consumer = Consumer()
    talking = Talking(server, consumer.backlog)
    talking.live_on()
    consumer.backlog.begin(())
    server.tick(STABLE[1])
    server.announce(is_lost=True)
    server.beat()
    talking.hear()
    consumer.take(talking)
    assert consumer.last == {}
    talking.exchange()
    consumer.take(talking)
    assert consumer.last == {STABLE[1]: server.world.stored[STABLE[1]]}


def test_another_feed_alone_breaks_it_too(server: Server, talking: Talking) -> None:
    server.announces = False
    server.take_over()
    talking.live_on(0.3)
    assert "another collector" in str(talking.problem)
    assert talking.live == {}


def test_another_listing_is_taken_over_without_a_break(
    server: Server, talking: Talking, heard: Heard
) -> None:
    server.relist(FLOATING[:2])
    server.tick(FLOATING[0])
    talking.live_on(0.3)
    assert heard.said == []
    assert talking.live.keys() == {*STABLE, FLOATING[0]}
    server.tick(FLOATING[1])  # the first of a listed symbol
    talking.hear()
    assert talking.live == server.world.stored
    server.relist([])
    talking.live_on(0.3)
    assert talking.replica.records.keys() == set(STABLE)
    server.tick(*STABLE)
    talking.hear()
    assert heard.said == []
    assert talking.live == server.world.stored


def test_what_is_gone_from_the_store_is_not_kept(server: Server, talking: Talking) -> None:
    del server.world.stored[STABLE[0]]
    server.relist(FLOATING)
    talking.live_on(0.3)
    assert talking.replica.records.keys() == set(STABLE[1:])


def test_a_collector_that_announces_nothing_behind_its_heartbeats_breaks_it(
    server: Server, talking: Talking, heard: Heard
) -> None:
    server.announces = False
    server.tick(STABLE[0])
    talking.live_on(3.0)
    assert "no announcements" in str(talking.problem)
    assert "+publish" not in str(talking.problem)
    assert heard.said == [str(talking.problem)]
    server.announces = True
    talking.live_on(3.0)
    assert talking.live == server.world.stored
    assert heard.said[1:] == ["resumed"]
    assert heard.symbols == [STABLE[0]]


def test_a_feed_that_goes_silent_is_down_and_resumes_with_its_heartbeat(
    server: Server, talking: Talking, heard: Heard
) -> None:
    for _ in range(60):
        talking.pass_time(0.1)
        talking.exchange()
    assert talking.live == {}
    assert "last heartbeat" in heard.said[0]
    assert len(heard.said) == 1
    server.beat()
    talking.live_on(0.2)
    assert heard.said[1:] == ["resumed"]
    assert talking.live == server.world.stored


def test_without_a_look_it_is_not_current_and_needs_no_snapshot_to_be_so_again(
    server: Server, talking: Talking, heard: Heard
) -> None:
    reads = server.log.count(b"MGET")
    talking.pass_time(0.5)
    assert talking.problem is None
    talking.pass_time(0.6)
    assert "was last read 1." in str(talking.problem)
    assert talking.live == {}
    assert heard.said == [str(talking.problem)]
    talking.pass_time(0.6)
    talking.exchange()  # what is answered was asked too long ago
    assert talking.live == {}
    assert len(heard.said) == 1
    talking.live_on(0.2)
    assert talking.live == server.world.stored
    assert heard.said[1:] == ["resumed"]
    assert server.log.count(b"MGET") == reads


def test_a_lost_connection_breaks_it_and_the_next_tells_what_changed(
    server: Server, talking: Talking, heard: Heard
) -> None:
    talking.lose()
    assert "no connection to Redis: closed" in str(talking.problem)
    server.tick(STABLE[3])
    talking.connect()
    talking.live_on()
    assert talking.live == server.world.stored
    assert heard.symbols == [STABLE[3]]
    assert heard.said[1:] == ["resumed"]


def test_what_a_lost_conn_delivered_is_resumed_once_it_is_delivered_again(
    server: Server, talking: Talking, heard: Heard
) -> None:
    server.lose_conn()
    talking.live_on(0.2)
    assert talking.problem is None
    assert talking.live == {}
    assert heard.said == ["values of connection 1 are not live any more"]
    server.tick(*STABLE[:3])
    talking.live_on(0.3)
    assert len(heard.said) == 1
    server.tick(STABLE[3])
    talking.live_on(0.2)
    assert heard.said[1:] == ["resumed"]
    assert talking.live == server.world.stored


def test_what_is_expired_is_not_waited_for(server: Server, talking: Talking, heard: Heard) -> None:
    server.lose_conn()
    talking.live_on(0.2)
    server.world.feed["skew_ms"] = 5_000_000_000_000
    talking.live_on(0.2)
    assert heard.said[1:] == ["resumed"]


def test_the_data_of_another_venue_never_come_in(server: Server, talking: Talking) -> None:
    other = Server("bybit")
    held = dict(talking.replica.records)
    talking.lose()
    talking.server = other
    talking.connect()
    other.serve(2)
    other.beat()
    other.serve()
    with pytest.raises(WrongVenue, match="venue='bybit'") as raised:
        talking.hear()
    talking.replica.lost(raised.value)
    assert talking.problem is raised.value
    assert b"SUBSCRIBE" not in other.log
    assert talking.replica.records == held


def test_an_emptied_server_is_down(server: Server, talking: Talking, heard: Heard) -> None:
    held, server.world.feed = server.world.feed, {}
    talking.pass_time(0.1)
    talking.exchange()
    assert "no collector" in str(talking.problem)
    assert len(heard.said) == 1
    server.world.feed = held
    talking.live_on()
    assert talking.live == server.world.stored
    assert heard.said[1:] == ["resumed"]


def test_a_feed_that_is_down_from_the_start_is_settled_and_read(server: Server) -> None:
    server.now_ms += 60_000
    talking = Talking(server, NullListener())
    assert not talking.replica.is_settled(talking.now)
    talking.exchange()
    assert talking.replica.is_settled(talking.now)
    assert talking.problem is not None
    assert talking.replica.records == server.world.stored
    assert talking.live == {}


def test_where_no_collector_ever_wrote_it_is_settled_and_begins_with_one(server: Server) -> None:
    held, server.world.feed = server.world.feed, {}
    talking = Talking(server, NullListener())
    talking.exchange()
    assert talking.replica.is_settled(talking.now)
    assert talking.replica.records == {}
    server.world.feed = held
    talking.live_on()
    assert talking.live == server.world.stored


def test_closed_it_is_not_current(talking: Talking, heard: Heard) -> None:
    talking.replica.close()
    assert "closed" in str(talking.problem)
    assert heard.said == ["closed: changes are not received any more"]


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
def test_a_malformed_update_ends_the_conversation(
    server: Server, talking: Talking, message: bytes
) -> None:
    server.publish(message)
    with pytest.raises(StoreError, match="an update"):
        talking.hear()


@pytest.mark.parametrize("command", [b"HELLO", b"SUBSCRIBE", b"SMEMBERS", b"MGET", b"HGETALL"])
def test_a_refusal_ends_the_conversation_in_the_servers_words(
    server: Server, command: bytes
) -> None:
    server.refusals[command] = "NOPERM no"
    with pytest.raises(StoreError, match="NOPERM no"):
        Talking(server, NullListener()).live_on()


def test_refused_terms_are_terms_that_are_not_there(server: Server) -> None:
    server.refusals[b"HMGET"] = "WRONGTYPE no hash"
    talking = Talking(server, NullListener())
    talking.live_on()
    assert talking.live == server.world.stored
    assert talking.replica.terms == {}


@pytest.mark.parametrize("data", [b"+OK\r\n", b"?\r\n", b">2\r\n+message\r\n+x\r\n"])
def test_what_was_not_asked_for_ends_the_conversation(
    server: Server, talking: Talking, data: bytes
) -> None:
    talking.exchange()
    server.put(data)
    with pytest.raises(StoreError):
        talking.hear()


def test_a_connection_may_be_lost_at_any_byte(server: Server) -> None:
    heard = Heard()
    talking = Talking(server, heard)
    size = 0
    while talking.problem is not None:
        size += 7
        talking.lose()
        talking.pass_time(20.0)  # snapshots are paced
        server.beat()
        talking.connect()
        for left in range(size, 0, -256):
            server.serve()
            talking.hear(min(left, 256))
            server.beat()
    assert talking.live == server.world.stored
    assert size > 1000
    assert sorted(heard.symbols) == STABLE


def test_a_look_on_either_side_of_an_announcement_breaks_nothing(
    server: Server, talking: Talking, heard: Heard
) -> None:
    for is_before in (False, True, True, False, False, True):
        talking.pass_time(0.11)
        server.world.feed["heartbeat_ms"] = server.now_ms
        if is_before:
            talking.exchange()
        server.announce()
        talking.exchange()
    assert heard.said == []


class Consumer:
    """Takes from a backlog at times, and remembers the last of each symbol that was live."""

    def __init__(self) -> None:
        self.backlog = Backlog(contextlib.nullcontext(), lambda: None)
        self.last: dict[str, bytes] = {}
        self.gaps: list[Gap] = []

    def take(self, talking: Talking) -> None:
        while (taken := self.backlog.take()) is not None:
            if isinstance(taken, Gap):
                self.gaps.append(taken)
            elif taken in talking.live:
                self.last[taken] = talking.replica.records[taken]
            else:
                self.backlog.withhold(taken)


class Chance:
    """One random schedule of what server, wire, clock and consumer do."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.consumer = Consumer()
        self.server = Server()
        self.talking = Talking(self.server, self.consumer.backlog)
        self.talking.live_on(self.chance.choice([0.0, 1.5]))
        self.steps: list[tuple[int, Callable[[], None]]] = [
            (20, lambda: self.talking.hear(self.chance.choice([1, 60, 500, 5000]))),
            (20, lambda: self.server.serve(self.chance.randint(1, 5))),
            (10, lambda: self.talking.pass_time(self.chance.choice([0.001, 0.03, 0.11]))),
            (15, self.write),
            (12, self.server.settle),
            (6, self.server.beat),
            (6, lambda: self.consumer.take(self.talking)),
            (3, self.server.redeliver),
            (3, self.talking.exchange),
            (2, lambda: self.server.announce(is_lost=True)),
            (2, lambda: self.server.relist(self.some(FLOATING))),
            (1, self.server.lose_conn),
            (1, self.server.take_over),
            (1, self.cut),
            (1, lambda: self.talking.pass_time(1.2)),
        ]

    def some(self, symbols: Sequence[str]) -> list[str]:
        return [symbol for symbol in symbols if self.chance.random() < 0.5]

    def write(self) -> None:
        self.server.settle()
        self.server.write(self.some(sorted(self.server.world.listed)))

    def cut(self) -> None:
        self.talking.lose()
        self.talking.connect()

    def step(self) -> None:
        weights, steps = zip(*self.steps, strict=True)
        [one] = self.chance.choices(steps, weights)
        one()


@pytest.mark.parametrize("seed", range(150))
def test_whenever_it_is_current_it_holds_what_the_server_held_there(seed: int) -> None:
    made = Chance(seed)
    server, talking, consumer = made.server, made.talking, made.consumer
    for _ in range(made.chance.choice([30, 200])):
        made.step()
        if talking.problem is None:
            assert server.is_acceptable(talking.replica.records)
    talking.live_on(15)
    server.redeliver()
    talking.live_on()
    consumer.take(talking)
    assert talking.problem is None
    assert talking.replica.records == server.world.stored
    assert talking.live == server.world.stored
    assert {symbol: consumer.last.get(symbol) for symbol in talking.live} == talking.live
    told = [gap.kind for gap in consumer.gaps if gap.kind != "skipped"]
    assert told[-1:] in ([], ["resumed"])
    assert all(told[i - 1 : i] == ["broken"] for i, kind in enumerate(told) if kind == "resumed")


def test_records_of_another_version_stand_in_nobodys_way(server: Server, heard: Heard) -> None:
    server.world.stored[STABLE[0]] = b"\x02" + record(server.epoch, 1)[1:]
    talking = Talking(server, heard)
    talking.live_on()
    server.lose_conn()
    talking.live_on(0.2)
    server.tick(*STABLE[1:])
    talking.live_on(0.2)
    assert heard.said[1:] == ["resumed"]


def test_a_storm_of_gaps_costs_a_bounded_number_of_commands(server: Server) -> None:
    """A minute in which every announcement follows a gap, then the end of it."""
    talking = Talking(server, NullListener())
    talking.live_on()
    server.log.clear()
    for tenth in range(600):
        talking.pass_time(0.1)
        for _ in range(5):
            server.announce(is_lost=True)
            server.tick(STABLE[tenth % 4])
        talking.exchange()
        assert talking.live in ({}, server.world.stored)
    counts = {name: server.log.count(name) for name in set(server.log)}
    assert counts[b"MGET"] <= 30  # first 0.1 s apart, in the end 5 to 10 s
    assert counts[b"HMGET"] <= 4 * counts[b"MGET"]  # there are no terms, so they are asked for
    assert counts[b"HELLO"] <= 12  # conversations that were given up
    assert counts[b"HGETALL"] <= 600 + counts[b"HELLO"]
    talking.live_on(15)
    assert talking.problem is None
    assert talking.live == server.world.stored


def test_announcements_of_an_epoch_that_is_nobodys_do_no_harm(
    server: Server, talking: Talking, heard: Heard
) -> None:
    server.log.clear()
    for count in range(200):
        server.publish(_message(0, epoch=77))
        talking.pass_time(0.01)
        server.tick(STABLE[count % 4])
        talking.exchange()
    talking.live_on(0.2)
    assert talking.live == server.world.stored
    assert b"MGET" not in server.log
    assert heard.said == ["another collector announces changes", "resumed"]
    server.beat()
    for count in range(200):  # no two alike
        server.publish(_message(0, epoch=1000 + count))
        talking.pass_time(0.01)
        talking.exchange()
    assert server.log.count(b"HGETALL") < 120
    assert b"MGET" not in server.log
    talking.live_on(0.2)
    assert talking.live == server.world.stored


def test_another_store_in_the_same_epoch_is_subscribed_to_anew(
    server: Server, talking: Talking
) -> None:
    server.log.clear()
    server.world.feed["store"] = "fedcba9876543210"
    talking.live_on(0.2)
    assert talking.live == {}
    talking.live_on(1.5)
    assert server.log.count(b"HELLO") == 1
    assert server.log.count(b"SUBSCRIBE") == 1


def test_an_announcement_of_another_store_ends_the_conversation(
    server: Server, talking: Talking
) -> None:
    server.put(b">3\r\n+message\r\n+fastopts:updates:fedcba9876543210\r\n+x\r\n")
    with pytest.raises(StoreError, match="another store"):
        talking.hear()


def test_a_feed_without_a_store_is_of_an_older_collector(server: Server) -> None:
    del server.world.feed["store"]
    talking = Talking(server, NullListener())
    talking.live_on(0.3)
    assert "older than its readers" in str(talking.problem)
    assert b"SUBSCRIBE" not in server.log


def test_while_the_feed_is_down_connections_are_given_up_ever_more_rarely(server: Server) -> None:
    talking = Talking(server, NullListener())
    talking.live_on()
    server.log.clear()
    for _ in range(1200):  # two minutes
        talking.pass_time(0.1)
        talking.exchange()
    assert 4 <= server.log.count(b"HELLO") <= 14
    assert server.log.count(b"MGET") <= 2  # nothing was written since
    server.beat()
    talking.live_on(2.0)
    assert talking.problem is None
