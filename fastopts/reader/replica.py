"""A copy of the records, kept current by the announcements of changes; without a wire or a clock.

One RESP3 connection carries everything, so that answers and announcements come in the server's own
order. The talk: look at the feed, and see whose it is; subscribe; once something is announced, and
not before, take a snapshot; apply what is announced from then on. A gap in the numbers or another
epoch asks for a new snapshot, and so does another listing, which leaves what is there current.

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
from fastopts.model import Instrument
from fastopts.net.resp import pack, reply_reader, understood
from fastopts.reader import freshness, universe, updates
from fastopts.reader.freshness import Feed, Moment
from fastopts.reader.listener import Listener
from fastopts.reader.scope import Scope

__all__ = ("NOT_ANNOUNCED", "UNSEEN_S", "Replica")

LOOK_S: Final = 0.1
UNSEEN_S: Final = 1.0  # without a look: the wire, the server or this process is stuck
CHUNK: Final = 250  # records asked for at once: announcements come between two answers

NOT_ANNOUNCED: Final = (
    "the collector announces nothing; its user may lack the rights +publish, +pubsub|numsub"
)
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
    _is_subscribed: bool
    _epoch: int  # and the number, of the last announcement
    _number: int
    _gaps: int
    _beats: int  # heartbeats seen since the last announcement
    _members: set[str] | None  # while a snapshot is taken
    loaded: tuple[int, int] | None  # the version of the last one, of this conversation

    def __init__(self, venue: str, scope: Scope, listener: Listener) -> None:
        self.records: dict[str, bytes] = {}
        self.terms: dict[str, Instrument] = {}
        self._venue = venue
        self._scope = scope
        self._listener = listener
        self._view: tuple[Feed, int, float] = (Feed({}), 0, -NEVER)
        self._problem: FastoptsError | None = FeedDown("the mirror is not connected yet")
        self._is_current = self._is_stuck = self._is_broken = False
        self._live: frozenset[int] = frozenset()
        self._lost: frozenset[int] = frozenset()  # connections whose records were live
        self.wanted: frozenset[str] = frozenset()
        self._untold: set[str] = set()  # that changed while it was not current
        self._forget()

    def start(self, introduction: Iterable[tuple[str, ...]]) -> None:
        """Begin a conversation over a new connection."""
        self._forget()
        for words in (*introduction, ("HELLO", "3")):
            self._ask(pack(*words), _ignore)

    def lost(self, error: Exception) -> None:
        """The connection is gone."""
        self._is_subscribed = False
        if isinstance(error, WrongVenue):
            self._break(error)
        else:
            self._break(FeedDown(f"the mirror lost its connection: {error}"))

    def close(self) -> None:
        """Nobody keeps it current any more."""
        self._break(FeedDown("the mirror was closed"))

    @property
    def sequence(self) -> tuple[int, int]:
        """Epoch and number of the last announcement that was heard."""
        return self._epoch, self._number

    @property
    def has_looked(self) -> bool:
        """Whether this conversation has seen the feed."""
        return self._is_subscribed

    def data_to_send(self) -> bytes:
        """Drain what the rules decided to say."""
        if not self._outgoing:
            return b""
        data, self._outgoing = b"".join(self._outgoing), []
        return data

    def next_deadline(self) -> float:
        """When `tick` is due."""
        return self._look_at

    def tick(self, now: float) -> None:
        """Time has passed."""
        if now >= self._look_at:
            self._look(now)
        unseen = self._unseen(now)
        if self._is_current and unseen is not None and not self._is_stuck:
            self._is_stuck = True
            self._tell_broken(str(unseen))

    def receive(self, data: bytes, now: float) -> None:
        """Hear *data*. Raises StoreError or WrongVenue when the conversation makes no sense."""
        self._now = now
        with understood():
            self._reader.feed(data)
            while (reply := self._reader.gets()) is not False:
                self._hear(reply)

    def problem(self, now: float) -> FastoptsError | None:
        """Why nothing of it is current; None when everything is, as of the last look."""
        return self._problem or self._unseen(now)

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
        self._is_subscribed = False
        self._epoch = self._number = self._gaps = self._beats = 0
        self.loaded = self._members = None

    def _ask(self, command: bytes, handler: Handler, hears_refusal: bool = False) -> None:
        self._outgoing.append(command)
        self._expected.append((handler, hears_refusal))

    def _hear(self, reply: Any) -> None:
        if isinstance(reply, hiredis.PushNotification):
            if reply[0] == b"message":
                self._announced(updates.parse(reply[2]))
            elif reply[0] == b"subscribe":
                self._expected.popleft()
            return
        handler, hears_refusal = self._expected.popleft()
        if isinstance(reply, StoreError) and not hears_refusal:
            raise reply
        handler(reply)

    def _announced(self, update: updates.Update) -> None:
        is_next = update.number == self._number + 1 and update.epoch == self._epoch
        self._epoch, self._number, self._beats = update.epoch, update.number, 0
        if not is_next:
            self._gaps += 1
            self._break(FeedDown("the mirror missed changes and is catching up"))
        if update.epoch != self._view[0].epoch:
            self._look_at = min(self._look_at, self._now)  # whose it is must be known first
            return
        if not self._is_current:
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

    def _changed(self, symbols: Iterable[str]) -> None:
        if self._is_current:
            self._listener.changed(symbols)
        else:
            self._untold.update(symbols)

    # The looks at the feed

    def _look(self, now: float) -> None:
        self._look_at = NEVER  # one at a time
        self._asked_at = now
        found: list[Any] = []
        self._ask(pack("HGETALL", keys.FEED), found.append)
        self._ask(pack("TIME"), lambda time: self._looked(found[0], time))

    def _looked(self, fields: Mapping[bytes, bytes], time: list[bytes]) -> None:
        feed = freshness.feed_of(fields, self._venue)
        now_ms = int(time[0]) * 1000 + int(time[1]) // 1000
        before = self._view[0]
        # The server's clock was read after the question: so the time reckoned is never too early.
        self._view = (feed, now_ms, self._asked_at)
        self._look_at = self._now + LOOK_S
        if not self._is_subscribed:
            self._is_subscribed = True
            self._problem = FeedDown("the collector has announced nothing yet")
            self._ask(pack("SUBSCRIBE", keys.UPDATES), _ignore)
        self._compare(before, feed, feed.down(now_ms))
        self._compare_conns(feed, now_ms)
        is_to_be_had = feed.epoch == self._epoch or feed.down(now_ms) is not None
        if feed.venue and feed.version != self.loaded and is_to_be_had:
            self._load()

    def _compare(self, before: Feed, feed: Feed, down: FeedDown | None) -> None:
        if before.epoch not in (0, feed.epoch):
            self._break(down or FeedDown("another collector has begun"))
        # Something is announced behind each heartbeat. Of those seen since the last announcement,
        # the first may stand before it, and what belongs to the newest may be under way.
        self._beats += feed.heartbeat_ms != before.heartbeat_ms
        if self._beats > 2:
            self._break(down or FeedDown(NOT_ANNOUNCED))
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
        return FeedDown(f"the mirror has not seen the feed for {unseen_s:.1f} s")

    # The snapshot

    def _load(self) -> None:
        """Take a snapshot, unless one is being taken."""
        if self._members is not None:
            return
        feed, gaps = self._view[0], self._gaps
        self._members = set(self._scope.symbols)
        for asset in self._scope.assets(feed):
            self._ask(pack("SMEMBERS", keys.asset(asset)), self._listed)
        self._ask(_BEHIND, lambda _: self._load_records(feed.version, gaps))

    def _listed(self, members: Iterable[bytes]) -> None:
        assert self._members is not None
        self._members |= keys.symbols_of(members)

    def _load_records(self, version: tuple[int, int], gaps: int) -> None:
        assert self._members is not None
        self.wanted = frozenset(self._members)
        names = sorted(self._members)
        for name in names:
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
        for name, record in zip(names, answers, strict=True):
            if record is None:
                self.records.pop(name, None)
            elif self.records.get(name) != record:
                self.records[name] = record
                stirred.append(name)
        if stirred:
            self._changed(stirred)

    def _finish(self, version: tuple[int, int], gaps: int) -> None:
        self._members = None
        for name in self.records.keys() - self.wanted:
            del self.records[name]
        for name in self.terms.keys() - self.wanted:
            del self.terms[name]
        if gaps == self._gaps:
            self.loaded = version
            if version[0] == self._epoch:
                self._succeed()
        elif self._epoch == self._view[0].epoch:
            self._load()

    # What is told

    def _succeed(self) -> None:
        if self._is_current:
            return
        self._is_current, self._problem = True, None
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


def _ignore(_: Any) -> None:
    pass
