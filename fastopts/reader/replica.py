"""A copy of the records, kept current by the announcements of changes; without a wire or a clock.

One RESP3 connection carries everything, so that answers and announcements come in the server's own
order. The talk: subscribe; once something is announced, and not before, take a snapshot; apply what
is announced from then on. A gap in the numbers or another epoch asks for a new snapshot, and so
does another listing, which leaves what is there current. The feed is looked at ten times a second.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Final, Protocol

import hiredis

from fastopts import keys
from fastopts.core import mget
from fastopts.errors import FastoptsError, FeedDown, StoreError, WrongVenue
from fastopts.model import Instrument
from fastopts.net.resp import pack, reply_reader
from fastopts.reader import freshness, universe, updates
from fastopts.reader.freshness import Feed, Moment

__all__ = ("LOOK_S", "Deaf", "Listener", "Replica", "Scope")

LOOK_S: Final = 0.1
SILENCE_S: Final = 5.0  # the collector announces something every second
CHUNK: Final = 250  # records asked for at once: announcements come between two answers

NEVER: Final = float("inf")
_BEHIND: Final = pack("PING")  # its answer comes behind those of all that was asked before

Handler = Callable[[Any], None]


class Listener(Protocol):
    """Hears what happens to a replica."""

    def changed(self, symbols: Iterable[str]) -> None:
        """These records are others now."""

    def broke(self, words: str) -> None:
        """What was current is not any more."""

    def resumed(self) -> None:
        """Everything is current again."""


class Deaf:
    """The listener of a replica that is only read."""

    def changed(self, symbols: Iterable[str]) -> None:
        pass

    def broke(self, words: str) -> None:
        pass

    def resumed(self) -> None:
        pass


class Scope:
    """What a replica holds: *symbols*, else everything that is listed of *assets* (None: all)."""

    def __init__(self, assets: tuple[str, ...] | None, symbols: tuple[str, ...] | None) -> None:
        self.assets = assets
        self.symbols = symbols

    def sets(self, feed: Feed) -> tuple[str, ...]:
        """The assets whose members are to be asked for."""
        if self.symbols is not None:
            return ()
        return feed.assets if self.assets is None else self.assets


class Replica:
    """One conversation after the other with a server; the caller owns socket and clock.

    `start` begins one, `receive` hears it, `data_to_send` drains what is to be said, `tick` is due
    at `next_deadline`, `lost` ends it. `records` may be read from any thread.
    """

    _outgoing: list[bytes]
    _expected: deque[Handler]
    _look_at: float
    _heard_at: float
    _looking_since: float
    _now: float
    _epoch: int
    _number: int
    _gaps: int
    _loaded: tuple[int, int] | None
    _members: set[str] | None  # while a snapshot is taken
    _stirred: list[str]  # what the snapshot found to be other

    def __init__(self, venue: str, scope: Scope, listener: Listener) -> None:
        self.records: dict[str, bytes] = {}
        self.terms: dict[str, Instrument] = {}
        self._venue = venue
        self._scope = scope
        self._listener = listener
        self._view: tuple[Feed, int, float] = (Feed({}), 0, 0.0)
        self._problem: FastoptsError | None = FeedDown("the mirror is not connected yet")
        self._is_current = self._has_broken = False
        self._live_conns: frozenset[int] = frozenset()
        self._wanted: frozenset[str] = frozenset()
        self._forget()

    def start(self, introduction: Iterable[tuple[str, ...]]) -> None:
        """Begin a conversation over a new connection."""
        self._forget()
        for words in (*introduction, ("HELLO", "3"), ("SUBSCRIBE", keys.UPDATES)):
            self._ask(pack(*words), lambda _: None)

    def lost(self, error: Exception) -> None:
        """The connection is gone."""
        if isinstance(error, WrongVenue):
            self._break(error)
        else:
            self._break(FeedDown(f"the mirror lost its connection: {error}"))

    def close(self) -> None:
        """Nobody keeps it current any more."""
        self._break(FeedDown("the mirror was closed"))

    def data_to_send(self) -> bytes:
        """Drain what the rules decided to say."""
        data, self._outgoing = b"".join(self._outgoing), []
        return data

    def next_deadline(self) -> float:
        """When `tick` is due."""
        return self._look_at

    def tick(self, now: float) -> None:
        """Time has passed."""
        self._now = now
        if now >= self._look_at:
            self._look()
        silent_s = now - self._heard_at
        if self._is_current and silent_s > SILENCE_S:
            self._break(FeedDown(f"no change was announced for {silent_s:.1f} s"))

    def receive(self, data: bytes, now: float) -> None:
        """Hear *data*. Raises StoreError or WrongVenue when the conversation makes no sense."""
        self._now = now
        self._reader.feed(data)
        while (reply := self._reader.gets()) is not False:
            if isinstance(reply, StoreError):
                raise reply
            if not isinstance(reply, hiredis.PushNotification):
                self._expected.popleft()(reply)
            elif reply[0] == b"message":
                self._announced(updates.parse(reply[2]))
            elif reply[0] == b"subscribe":
                self._expected.popleft()(reply)

    def problem(self) -> FastoptsError | None:
        """Why nothing of it is current; None when everything is."""
        return self._problem

    def is_settled(self) -> bool:
        """Whether it is known what can be had of it: all is current, or the feed is down."""
        feed, now_ms, _ = self._view
        is_down = bool(now_ms) and feed.down(now_ms) is not None
        return self._problem is None or (is_down and self._loaded == feed.version)

    def moment(self, now: float) -> Moment:
        """The moment *now*, by the server's clock as it was last heard."""
        feed, now_ms, at = self._view
        return Moment(feed, now_ms + int((now - at) * 1000), self.terms)

    def _forget(self) -> None:
        self._reader = reply_reader()
        self._outgoing = []
        self._expected = deque()
        self._look_at = self._now = self._heard_at = self._looking_since = 0.0
        self._epoch = self._number = self._gaps = 0
        self._loaded = self._members = None
        self._stirred = []

    def _ask(self, command: bytes, handler: Handler) -> None:
        self._outgoing.append(command)
        self._expected.append(handler)

    def _announced(self, update: updates.Update) -> None:
        is_next = update.epoch == self._epoch and update.number == self._number + 1
        self._epoch, self._number, self._heard_at = update.epoch, update.number, self._now
        if not is_next:
            self._gaps += 1
            self._break(FeedDown("the mirror missed a change and is catching up"))
        if not self._is_current:
            self._load()
        records = [(name, record) for name, record in update.records if name in self._wanted]
        self.records.update(records)
        if records and self._is_current:
            self._listener.changed([name for name, _ in records])

    def _look(self) -> None:
        self._look_at = NEVER  # one at a time
        self._looking_since = self._now
        found: list[Any] = []
        self._ask(pack("HGETALL", keys.FEED), found.append)
        self._ask(pack("TIME"), lambda time: self._looked(found[0], time))

    def _looked(self, fields: Mapping[bytes, bytes], time: list[bytes]) -> None:
        feed = freshness.feed_of(fields, self._venue)
        now_ms = int(time[0]) * 1000 + int(time[1]) // 1000
        # The server's clock was read after the question: so the time reckoned is never too early.
        self._view = (feed, now_ms, self._looking_since)
        self._look_at = self._now + LOOK_S
        is_announced = feed.epoch == self._epoch
        if feed.version != self._loaded and (is_announced or feed.down(now_ms)):
            self._load()
        self._compare_conns(feed.live_conns(now_ms))

    def _compare_conns(self, live: frozenset[int]) -> None:
        gone, self._live_conns = self._live_conns - live, live
        if gone and self._is_current:
            conns = ", ".join(map(str, sorted(gone)))
            self._listener.broke(f"what connection {conns} delivered is not live any more")

    def _load(self) -> None:
        """Take a snapshot, unless one is being taken or nothing is known of the feed yet."""
        feed = self._view[0]
        if self._members is not None or not feed.venue:
            return
        self._members = set(self._scope.symbols or ())
        for asset in self._scope.sets(feed):
            self._ask(pack("SMEMBERS", keys.asset(asset)), self._listed)
        load = partial(self._load_records, feed.version, self._gaps)
        self._ask(_BEHIND, lambda _: load())

    def _listed(self, members: Iterable[bytes]) -> None:
        assert self._members is not None
        self._members |= {name.decode() for name in members}

    def _load_records(self, version: tuple[int, int], gaps: int) -> None:
        assert self._members is not None
        self._wanted = frozenset(self._members)
        names = sorted(self._members)
        for name in names:
            self._ask(universe.ask_terms([name]), partial(self._termed, name))
        for start in range(0, len(names), CHUNK):
            chunk = names[start : start + CHUNK]
            self._ask(mget(chunk), partial(self._read, chunk))
        self._ask(_BEHIND, lambda _: self._finish(version, gaps))

    def _termed(self, name: str, answer: Any) -> None:
        one = universe.read_terms(name, answer)
        if one is not None:
            self.terms[name] = one

    def _read(self, names: list[str], answers: list[bytes | None]) -> None:
        for name, record in zip(names, answers, strict=True):
            if record is None:
                self.records.pop(name, None)
            elif self.records.get(name) != record:
                self.records[name] = record
                self._stirred.append(name)

    def _finish(self, version: tuple[int, int], gaps: int) -> None:
        self._members, stirred, self._stirred = None, self._stirred, []
        for name in self.records.keys() - self._wanted:
            del self.records[name]
        for name in self.terms.keys() - self._wanted:
            del self.terms[name]
        if gaps != self._gaps:
            self._load()
            return
        self._loaded = version
        if not self._is_current and version[0] == self._epoch:
            self._is_current, self._problem = True, None
            if self._has_broken:
                self._listener.resumed()
        if stirred:
            self._listener.changed(stirred)

    def _break(self, problem: FastoptsError) -> None:
        self._problem = problem
        if self._is_current:
            self._is_current, self._has_broken = False, True
            self._listener.broke(str(problem))
