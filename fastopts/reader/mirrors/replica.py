"""A copy of the records, kept current by the announcements of changes; without a wire or a clock.

One RESP3 connection carries everything, so that answers and announcements come in the server's own
order. The talk: look at the feed, and see whose it is; subscribe; once something is announced, and
not before, take a snapshot; apply what is announced from then on. A gap in the numbers or another
epoch asks for a new snapshot, and so does another listing, which leaves what is there current.

The channel is that of the store that the feed names; announcements of another epoch than the feed's
do not count. However many gaps there are, snapshots are taken ever more rarely while they don't
help, and a conversation over which nothing is current for some seconds is given up: the name of the
server may lead to another one by now.

The feed is looked at ten times a second. An answer comes behind all that was announced before it:
so nothing here is older than the last look, and a copy that could not look is not current.
"""

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final

import hiredis

from fastopts import keys
from fastopts.core import Tick, decode, mget
from fastopts.errors import FastoptsError, FeedDown, StoreError, WrongVenue
from fastopts.model import RECORD, Instrument
from fastopts.net.redis.resp import pack, parsing_replies, reply_reader
from fastopts.reader.freshness.feed import Feed, Version, feed_from_fields
from fastopts.reader.freshness.moment import Moment
from fastopts.reader.mirrors import announcement
from fastopts.reader.mirrors.listener import MirrorListener
from fastopts.reader.mirrors.resync import ResyncBackoff
from fastopts.reader.objects import universe
from fastopts.reader.objects.option import Option
from fastopts.reader.objects.phases import Phases
from fastopts.reader.redis.failover import ASK_ROLE, FailoverTimer, master_of, with_master
from fastopts.reader.selection.scope import Scope

__all__ = ("NOT_ANNOUNCED", "UNSEEN_S", "Replica")

LOOK_S: Final = 0.1
LOOK_MIN_S: Final = 0.05  # between two looks, whatever is announced
ROLE_S: Final = 1.0
UNSEEN_S: Final = 1.0  # without a look: the wire, the server or this process is stuck
CHUNK: Final = 250  # records asked for at once: announcements come between two answers

NOT_ANNOUNCED: Final = "the collector announces nothing over this connection"
REFUSED: Final = (
    "the server refuses the collector's announcements ({}): allow its user +pubsub|numsub +publish"
    f" &{keys.updates('*')}"
)
NO_STORE: Final = "the feed names no store: the collector is older than its readers, upgrade it"
UNREADABLE: Final = b"\0"  # kept in place of a value of another size, which may be large
NEVER: Final = float("inf")
_BEHIND: Final = pack("PING")  # its answer comes behind those of all that was asked before

Handler = Callable[[Any], None]


class Replica:
    """One conversation after the other with a server; the caller owns socket and clock.

    `start` begins one, `receive` hears it, `data_to_send` drains what is to be said, `tick` is due
    at `next_deadline`, `lost` ends it. `records`, their `terms` and `wanted`, whose they should be,
    may be read from any thread, and `problem` and `moment` asked.
    """

    _outgoing: list[bytes]
    _expected: deque[tuple[Handler, bool]]  # and whether a refusal is for it, too
    _look_at: float
    _now: float
    _asked_at: float
    _has_looked: bool
    _was_current: bool
    _is_alive: bool  # current, and the feed not down, at the last look
    _channel: str  # that it subscribes to
    _role_at: float
    _epoch: int  # and the number, of the last announcement
    _number: int
    _foreign: tuple[int, int]  # the same, of the last one of an epoch that is not the feed's
    _stray: int  # an epoch that was announced while the feed had another
    _foreigners: int  # announcements of such epochs
    _is_suspended: bool  # until the feed was seen after one
    _is_whole: bool  # holds what was announced up to there
    _gaps: int
    _beats: int  # heartbeats seen since the last announcement
    _members: set[str] | None  # while a snapshot is taken
    _owes_snapshot: bool
    loaded: Version | None  # the version of the last one, of this conversation

    def __init__(self, venue: str, scope: Scope, listener: MirrorListener) -> None:
        self.records: dict[str, bytes] = {}
        self.terms: dict[str, Instrument] = {}
        self.delivered: dict[str, bytes] = {}  # records of options that left the listing since
        self.delisted: frozenset[str] = frozenset()  # of the symbols of the scope
        self._phases = Phases()
        self._gone: set[str] = set()
        self._venue = venue
        self._scope = scope
        self._listener = listener
        self._view: tuple[Feed, int, float] = (Feed({}), 0, -NEVER)
        self._problem: FastoptsError | None = FeedDown("not connected to Redis yet")
        self._is_current = self._is_stuck = self._is_broken = False
        self._live: frozenset[int] = frozenset()
        self._lost: frozenset[int] = frozenset()  # connections whose records were live
        self.wanted: frozenset[str] = frozenset()
        self._untold: set[str] = set()  # that changed while it was not current
        self._resync = ResyncBackoff()
        self._failover = FailoverTimer()
        self._terms_of: Version | None = None  # the listing whose terms are here
        self._master: str | None = None  # of which this server is a replica
        self._at_rest: tuple[Version, int] | None = None  # what was read of a feed that was down
        self._forget()

    def start(self, introduction: Iterable[tuple[str, ...]]) -> None:
        """Begin a conversation over a new connection."""
        self._forget()
        for words in (*introduction, ("HELLO", "3")):
            self._ask(pack(*words), _ignore)

    def lost(self, error: Exception) -> None:
        """The connection is gone."""
        self._has_looked = False
        if isinstance(error, WrongVenue | FeedDown):
            self._break(error)
        else:
            self._break(FeedDown(f"no connection to Redis: {error}"))

    def close(self) -> None:
        """Nobody keeps it current any more."""
        self._break(FeedDown("closed: changes are not received any more"))

    @property
    def sequence(self) -> tuple[int, int]:
        """Epoch and number of the last announcement that was heard."""
        return self._epoch, self._number

    @property
    def was_current(self) -> bool:
        """Whether it was, during this conversation."""
        return self._was_current

    def data_to_send(self) -> bytes:
        """Drain what the rules decided to say."""
        if not self._outgoing:
            return b""
        data, self._outgoing = b"".join(self._outgoing), []
        return data

    def next_deadline(self) -> float:
        """When `tick` is due."""
        return min(self._look_at, self._resync.due_at) if self._owes_snapshot else self._look_at

    def tick(self, now: float) -> None:
        """Time has passed."""
        self._now = now
        if now >= self._look_at:
            self._look(now)
        if self._owes_snapshot:
            self._load()
        unseen = self._unseen(now)
        self._pass_phases(now)
        if self._is_current and unseen is not None and not self._is_stuck:
            self._is_stuck = True
            self._tell_broken(str(unseen))

    def receive(self, data: bytes, now: float) -> None:
        """Hear *data*. Raises StoreError or WrongVenue when the conversation makes no sense, and
        FeedDown when it is to be given up."""
        self._now = now
        with parsing_replies():
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not False:
                self._hear(reply)

    def problem(self, now: float) -> FastoptsError | None:
        """Why nothing of it is current; None when everything is, as of the last look."""
        problem = self._problem or self._unseen(now)
        if self._master is None:
            return problem
        seen = self.moment(now)
        problem = problem or seen.feed.down(seen.now_ms)
        return None if problem is None else with_master(problem, self._master)

    def moment(self, now: float) -> Moment:
        """The moment *now*, by the server's clock as it was last heard."""
        feed, now_ms, at = self._view
        return Moment(feed, now_ms + int((now - at) * 1000) if now_ms else 0, self.terms)

    def is_settled(self, now: float) -> bool:
        """Whether it is known what can be had of it: all is current, or the feed is down."""
        if self.problem(now) is None:
            return True
        feed, now_ms, _ = self._view
        is_down = bool(now_ms) and feed.down(now_ms) is not None
        return is_down and (not feed.venue or self.loaded == feed.version)

    def _forget(self) -> None:
        self._reader = reply_reader()
        self._outgoing = []
        self._expected = deque()
        self._look_at = self._now = self._asked_at = 0.0
        self._has_looked = self._was_current = self._is_alive = self._owes_snapshot = False
        self._channel = ""
        self._role_at = 0.0
        self._epoch = self._number = self._gaps = self._beats = 0
        self._foreign = 0, 0
        self._stray = self._foreigners = 0
        self._is_suspended = self._is_whole = False
        self.loaded = self._members = self._master = None

    def _ask(self, command: bytes, handler: Handler, hears_refusal: bool = False) -> None:
        self._outgoing.append(command)
        self._expected.append((handler, hears_refusal))

    def _hear(self, reply: Any) -> None:
        if isinstance(reply, hiredis.PushNotification):
            if reply[0] == b"subscribe":
                self._expected.popleft()
            elif reply[0] == b"message":
                if reply[1] != self._channel.encode():
                    raise StoreError(f"an announcement of another store: {reply[1][:60]!r}")
                self._announced(announcement.parse(reply[2]))
            return
        handler, hears_refusal = self._expected.popleft()
        if isinstance(reply, StoreError) and not hears_refusal:
            raise reply
        handler(reply)

    def _announced(self, update: announcement.Announcement) -> None:
        if update.epoch != self._view[0].epoch:
            if update.epoch != self._stray:
                self._suspend(update)
            return
        is_next = update.number == self._number + 1 and update.epoch == self._epoch
        self._follow(update.epoch, update.number)
        if not is_next:
            self._lose_track()
            self._break(FeedDown("changes were missed; catching up"))
        if not self._is_whole:
            self._load()
        held = self.records.get
        # What is here already is announced again once a minute, in case that it was deleted.
        news = {
            symbol: record
            for symbol, record in update.records.items()
            if symbol in self.wanted and record != held(symbol)
        }
        if news:
            self.records.update(news)
            self._changed(news)

    def _suspend(self, update: announcement.Announcement) -> None:
        """Not current until the feed says whether the epoch of *update* has begun."""
        self._foreign = update.epoch, update.number
        self._foreigners += 1
        self._is_suspended = True
        if self._look_at < NEVER:
            self._look_at = min(self._look_at, self._asked_at + LOOK_MIN_S)
        if self._is_current:
            self._break(FeedDown("another collector announces changes"))

    def _resume(self, feed: Feed, foreigners: int) -> None:
        """Go on after *foreigners* announcements of other epochs, of which the feed says whose they
        are: those of an epoch that has not begun are nobody's."""
        if not self._is_suspended or foreigners != self._foreigners:
            return
        self._is_suspended = False
        self._stray = self._foreign[0] if self._foreign[0] != feed.epoch else 0
        if self._is_whole and feed.epoch == self._epoch:
            self._succeed()

    def _lose_track(self) -> None:
        """Announcements were missed: a snapshot is needed."""
        self._gaps += 1
        self._is_whole = False

    def _follow(self, epoch: int, number: int) -> None:
        self._epoch, self._number, self._beats = epoch, number, 0

    def _changed(self, symbols: Iterable[str]) -> None:
        if self._is_current:
            self._listener.changed(symbols)
        else:
            self._untold.update(symbols)

    # The looks at the feed

    def _look(self, now: float) -> None:
        self._look_at = NEVER  # one at a time
        self._asked_at = now
        if not self._is_alive and now >= self._role_at:
            self._role_at = now + ROLE_S
            self._ask(ASK_ROLE, self._heard_role, hears_refusal=True)
        found: list[tuple[Any, int]] = []
        self._ask(
            pack("HGETALL", keys.FEED), lambda fields: found.append((fields, self._foreigners))
        )
        self._ask(pack("TIME"), lambda time: self._looked(*found[0], time))

    def _looked(self, fields: Mapping[bytes, bytes], foreigners: int, time: list[bytes]) -> None:
        feed = feed_from_fields(fields, self._venue)
        now_ms = int(time[0]) * 1000 + int(time[1]) // 1000
        before = self._view[0]
        # The server's clock was read after the question: so the time reckoned is never too early.
        self._view = (feed, now_ms, self._asked_at)
        self._look_at = self._now + LOOK_S
        down = feed.down(now_ms)
        if not self._has_looked:
            self._has_looked = True
            self._failover.begin(self._now)
            words = _unannounced(feed)
            is_explained = words != NOT_ANNOUNCED
            self._problem = FeedDown(words if is_explained else "nothing was announced yet")
        self._subscribe(feed.store)
        self._compare(before, feed, down)
        self._resume(feed, foreigners)
        self._compare_conns(feed, now_ms)
        if down is not None and self._at_rest == (feed.version, feed.heartbeat_ms):
            self.loaded = feed.version  # nothing was written since
        is_to_be_had = feed.epoch == self._epoch or down is not None
        if feed.venue and feed.version != self.loaded and is_to_be_had:
            self._load()
        problem = self._problem or down
        self._is_alive = problem is None
        if problem is None:
            self._failover.alive(self._now)
        elif self._failover.is_over(self._now):
            self._failover.given_up(self._now)
            raise with_master(problem, self._master)

    def _heard_role(self, answer: Any) -> None:
        self._master = master_of(answer)

    def _subscribe(self, store: str) -> None:
        """Hear of the changes of *store* from now on."""
        channel = keys.updates(store)
        if not store or channel == self._channel:
            return
        if self._channel:
            raise FeedDown("another store replaced the one being read; reconnecting")
        self._channel = channel
        self._ask(pack("SUBSCRIBE", channel), self._denied, hears_refusal=True)

    def _denied(self, answer: Any) -> None:
        """SUBSCRIBE was refused: it is answered by a push otherwise."""
        remedy = f" (allow this user +subscribe &{keys.updates('*')})"
        is_noperm = isinstance(answer, StoreError) and answer.reply.startswith("NOPERM")
        raise StoreError(f"{answer}{remedy if is_noperm else ''}", getattr(answer, "reply", ""))

    def _compare(self, before: Feed, feed: Feed, down: FeedDown | None) -> None:
        if before.epoch not in (0, feed.epoch):
            self._break(down or FeedDown("another collector has begun"))
            self._lose_track()
            if self._foreign[0] == feed.epoch:
                self._follow(*self._foreign)
        # Something is announced behind each heartbeat. Of those seen since the last announcement,
        # the first may stand before it, and what belongs to the newest may be under way.
        self._beats += feed.heartbeat_ms != before.heartbeat_ms
        if self._beats > 2:
            self._is_whole = False
            self._break(down or FeedDown(_unannounced(feed)))
        if down is not None and not self._is_current:
            self._problem = down

    def _compare_conns(self, feed: Feed, now_ms: int) -> None:
        held, live = self._live, feed.live_conns(now_ms)
        gone, self._live = held - live, live
        if gone and self._is_current:
            conns = ", ".join(map(str, sorted(gone)))
            words = f"what connection {conns} delivered is not live any more"
            self._tell_broken(str(feed.down(now_ms) or words))
        lost = (self._lost | gone) - live
        self._lost = lost and lost & self._held_conns(feed, now_ms)
        was_stuck, self._is_stuck = self._is_stuck, self._unseen(self._now) is not None
        if live - held or was_stuck:
            self._listener.revived()
        self._mend()

    def _held_conns(self, feed: Feed, now_ms: int) -> frozenset[int]:
        """The connections that delivered what is here and not expired."""
        held = set()
        for symbol, record in self.records.items():
            with contextlib.suppress(StoreError):  # a record of another version
                tick = decode(Tick, symbol, record, None, 0, ())
                if tick.epoch == feed.epoch and tick.expiry_ms > now_ms + feed.skew_ms:
                    held.add(tick.conn)
        return frozenset(held)

    def _unseen(self, now: float) -> FeedDown | None:
        unseen_s = now - self._view[2]
        if unseen_s < UNSEEN_S:
            return None
        return FeedDown(f"the state of the feed was last read {unseen_s:.1f} s ago")

    # The snapshot

    def _load(self) -> None:
        """Take a snapshot, unless one is being taken; later, if one was taken just now."""
        if self._members is not None:
            return
        self._owes_snapshot = self._now < self._resync.due_at
        if self._owes_snapshot:
            return
        self._resync.begin(self._now)
        feed, gaps = self._view[0], self._gaps
        self._members = set(self._scope.symbols)
        self._gone = set()
        for asset, symbols in self._scope.by_asset().items():
            self._ask(pack("SMEMBERS", keys.asset(asset)), partial(self._compared, symbols), True)
        for asset in self._scope.assets(feed):
            self._ask(pack("SMEMBERS", keys.asset(asset)), self._listed)
        self._ask(_BEHIND, lambda _: self._load_records(feed.version, gaps))

    def _compared(self, symbols: set[str], members: Any) -> None:
        """Note which of *symbols* are not among the listed ones of their asset. Where nothing is
        listed, another program may have deleted the set."""
        if isinstance(members, list | set) and members:
            self._gone |= symbols - keys.symbols_of(members)

    def _listed(self, members: Iterable[bytes]) -> None:
        assert self._members is not None
        self._members |= keys.symbols_of(members)

    def _load_records(self, version: Version, gaps: int) -> None:
        assert self._members is not None
        self.wanted = frozenset(self._members)
        names = sorted(self._members)
        for name in names:
            if version == self._terms_of and name in self.terms:
                continue  # terms that are written anew change the version
            self._ask(universe.ask_terms([name]), partial(self._termed, name), hears_refusal=True)
        for start in range(0, len(names), CHUNK):
            chunk = names[start : start + CHUNK]
            self._ask(mget(chunk), partial(self._read, chunk))
        self._ask(_BEHIND, lambda _: self._finish(version, gaps))

    def _termed(self, name: str, answer: Any) -> None:
        one = universe.read_terms(name, answer)
        if one is not None:
            self.terms[name] = one

    def _read(self, names: list[str], answers: list[bytes | None]) -> None:
        stirred = []
        for name, answer in zip(names, answers, strict=True):
            is_foreign = answer is not None and len(answer) != RECORD.size
            record = UNREADABLE if is_foreign else answer
            if record is None:
                self.records.pop(name, None)
            elif self.records.get(name) != record:
                self.records[name] = record
                stirred.append(name)
        if stirred:
            self._changed(stirred)

    def _finish(self, version: Version, gaps: int) -> None:
        self._members, self._terms_of = None, version
        self._keep_delivered()
        for name in self.records.keys() - self.wanted:
            del self.records[name]
        for name in self.terms.keys() - self.wanted - self.delivered.keys():
            del self.terms[name]
        ends = ((name, self._expiry_ms(name)) for name in self.wanted)
        self._phases.follow((name, end) for name, end in ends if end is not None)
        if gaps == self._gaps:
            self.loaded = version
            self.delisted = frozenset(self._gone)
            feed, now_ms, _ = self._view
            is_at_rest = feed.version == version and feed.down(now_ms) is not None
            self._at_rest = (version, feed.heartbeat_ms) if is_at_rest else None
            self._is_whole = version[1] == self._epoch
            if self._is_whole and not self._is_suspended:
                self._succeed()
            self._listener.relisted()
        elif self._epoch == self._view[0].epoch:
            self._load()

    # What the time does

    def remember(self, option: Option) -> None:
        """Hold *option*, which was delivered before the first snapshot."""
        if option.symbol not in self.records:
            self.delivered[option.symbol] = option.record
            if option.instrument is not None:
                self.terms.setdefault(option.symbol, option.instrument)

    def _keep_delivered(self) -> None:
        """Keep what is listed no more since it was delivered, as long as its keys live."""
        venue_ms = self.moment(self._now).venue_ms
        for name in self.records.keys() - self.wanted:
            end = self._expiry_ms(name)
            if end is not None and end <= venue_ms:
                self.delivered[name] = self.records[name]
        for name in list(self.delivered):
            end = self._expiry_ms(name)
            if name in self.wanted or end is None or venue_ms > end + keys.TTL_AFTER_DELIVERY_MS:
                del self.delivered[name]

    def _expiry_ms(self, name: str) -> int | None:
        if name in self.terms:
            return self.terms[name].expiry_ms
        record = self.records.get(name) or self.delivered.get(name)
        with contextlib.suppress(StoreError):  # a record of another version
            return decode(Tick, name, record, None, 0, ()).expiry_ms if record else None
        return None

    def _pass_phases(self, now: float) -> None:
        moment = self.moment(now)
        if moment.now_ms:
            passed = self._phases.passed(moment.venue_ms)
            if passed:
                self._changed(passed)

    # What is told

    def _succeed(self) -> None:
        if self._is_current:
            return
        self._is_current, self._problem = True, None
        self._was_current = True
        self._mend()
        untold, self._untold = self._untold, set()
        self._listener.changed(untold)
        self._listener.revived()

    def _break(self, problem: FastoptsError) -> None:
        self._problem = problem
        if self._is_current:
            self._is_current = False
            self._tell_broken(str(problem))

    def _tell_broken(self, words: str) -> None:
        self._is_broken = True
        self._listener.broke(words)

    def _mend(self) -> None:
        if self._is_broken and self._is_current and not (self._lost or self._is_stuck):
            self._is_broken = False
            self._listener.resumed()


def _unannounced(feed: Feed) -> str:
    if feed.venue and not feed.store:
        return NO_STORE
    return REFUSED.format(feed.updates_refused) if feed.updates_refused else NOT_ANNOUNCED


def _ignore(_: Any) -> None:
    pass
