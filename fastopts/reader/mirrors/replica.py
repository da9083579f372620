"""`Replica`: a copy of records kept current by announcements, without I/O or a clock.

One RESP3 connection carries everything, so that replies and announcements arrive in the order in
which the server made them. The conversation: read the feed, which names the store; subscribe to its
channel; after the first announcement, and not before, take a snapshot; apply announcements from
then on. A gap in their numbers or another epoch requires a new snapshot. So does a new listing, but
the present records stay current meanwhile.

Channels are per server while databases are not, so each store has its own channel: replicas of one
database must not apply announcements for another. Announcements of another epoch than the feed's
are not applied, but make everything stale until the feed has been read again: either another
collector has just begun, or one without the lease still writes.

The feed is read ten times a second. Its reply comes behind all that was announced before it: so
nothing here is older than the last read of the feed, and a replica that could not read it for a
second is not current. Resyncs that do not help are spaced out (`ResyncBackoff`), and a connection
over which nothing is current for some seconds is given up (`FailoverTimer`).
"""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any, Final

from fastopts import keys
from fastopts.core import mget
from fastopts.errors import FastoptsError, FeedDown, StoreError, WrongVenue
from fastopts.model import Instrument
from fastopts.net.redis.resp import pack
from fastopts.reader.freshness.feed import Feed, Version, feed_from_fields
from fastopts.reader.freshness.moment import Moment
from fastopts.reader.mirrors import announcement
from fastopts.reader.mirrors.announcement import Announcement
from fastopts.reader.mirrors.contents import ReplicaContents
from fastopts.reader.mirrors.exchange import Exchange
from fastopts.reader.mirrors.listener import MirrorListener
from fastopts.reader.mirrors.resync import ResyncBackoff
from fastopts.reader.objects.option import Option
from fastopts.reader.objects.universe import ask_terms, read_terms
from fastopts.reader.redis.failover import ASK_ROLE, FailoverTimer, master_of, with_master
from fastopts.reader.selection.scope import Scope

__all__ = ("FEED_AGE_MAX_S", "NOT_ANNOUNCED", "Replica")

FEED_READ_S: Final = 0.1
FEED_READ_MIN_S: Final = 0.05  # between two reads, however many announcements ask for one
ROLE_READ_S: Final = 1.0
FEED_AGE_MAX_S: Final = 1.0  # an older feed: the network, the server or this process is stuck
MGET_CHUNK: Final = 250  # records per command: announcements get through between two replies
# Heartbeats without an announcement that mean a missed one: something is announced behind each. Of
# those seen since the last announcement, the first may belong before it, and the announcement for
# the newest may still be under way.
SILENT_BEATS_MAX: Final = 2

NOT_ANNOUNCED: Final = "no announcements of the collector arrive over this connection"
REFUSED: Final = (
    "the server refuses the collector's announcements ({}): allow its user +pubsub|numsub +publish"
    f" &{keys.updates('*')}"
)
NO_STORE: Final = "the feed names no store: the collector is older than its readers, upgrade it"
NEVER: Final = float("inf")
_BARRIER: Final = pack("PING")  # its reply comes behind those of all earlier commands


class Replica:
    """State and rules of one replica, over one connection after the other.

    The caller owns socket and clock: `start` begins a connection and `lost` ends it, `receive`
    takes its bytes, `data_to_send` returns bytes to send, `tick` is due at `next_deadline`. Other
    threads may read `records`, `terms`, `expired`, `wanted`, `delisted` and `loaded`, and call
    `problem` and `moment`.
    """

    # Of the present connection, see `_reset`:
    _exchange: Exchange
    _now: float  # the time of the call that is being handled
    _read_feed_at: float
    _feed_asked_at: float
    _has_feed: bool
    _was_current: bool
    _is_alive: bool  # current, and the feed not down, when it was last read
    _channel: str  # subscribed to
    _read_role_at: float
    _epoch: int  # of the last announcement
    _number: int
    _other_sequence: tuple[int, int]  # epoch and number of the last one of another epoch
    _other_count: int  # of such announcements
    _ignored_epoch: int  # announced without being the feed's: by a collector without the lease
    _is_suspended: bool  # from such an announcement until the feed has been read
    _is_complete: bool  # everything announced up to `_number` is here
    _gaps: int
    _silent_beats: int  # heartbeats since the last announcement
    _loading: set[str] | None  # symbols of the snapshot that is being taken
    _is_snapshot_due: bool
    loaded: Version | None  # the listing of the last complete snapshot

    def __init__(self, venue: str, scope: Scope, listener: MirrorListener) -> None:
        self.contents: ReplicaContents = ReplicaContents()
        self.records: dict[str, bytes] = self.contents.records
        self.terms: dict[str, Instrument] = self.contents.terms
        self.expired: dict[str, bytes] = self.contents.expired
        self.delisted: frozenset[str] = frozenset()  # symbols of the scope
        self._venue = venue
        self.scope: Scope = scope
        self._listener = listener
        # The feed, the server's clock in ms, and our clock when they were asked for.
        self._seen: tuple[Feed, int, float] = (Feed({}), 0, -NEVER)
        self._problem: FastoptsError | None = FeedDown("not connected to Redis yet")
        self._is_current = self._is_stuck = self._is_broken = False
        self._live_conns: frozenset[int] = frozenset()
        self._lost_conns: frozenset[int] = frozenset()  # whose records are here and were live
        self._unreported: set[str] = set()  # symbols that changed while it was not current
        self._resync = ResyncBackoff()
        self._failover = FailoverTimer()
        self._missing: set[str] = set()  # symbols of the scope that the snapshot finds delisted
        self._terms_version: Version | None = None  # the listing that the terms are of
        self._master: str | None = None  # set while the server is a replica
        # Version and heartbeat of a snapshot taken while the feed was down: nothing is written
        # then, so that the next connection need not take another one.
        self._loaded_while_down: tuple[Version, int] | None = None
        self._reset()

    @property
    def wanted(self) -> frozenset[str]:
        """The symbols whose records it should hold."""
        return self.contents.wanted

    @property
    def sequence(self) -> tuple[int, int]:
        """Epoch and number of the last announcement."""
        return self._epoch, self._number

    @property
    def was_current(self) -> bool:
        """Whether it was current over the present connection."""
        return self._was_current

    def start(self, introduction: Iterable[tuple[str, ...]]) -> None:
        """Begin a new connection with the commands of *introduction* (AUTH, SELECT)."""
        self._reset()
        for command in (*introduction, ("HELLO", "3")):
            self._exchange.send(pack(*command), _ignore)

    def lost(self, error: Exception) -> None:
        """Note that the connection ended with *error*."""
        self._has_feed = False
        if isinstance(error, WrongVenue | FeedDown):
            self._break(error)
        else:
            self._break(FeedDown(f"no connection to Redis: {error}"))

    def close(self) -> None:
        """Note that it will not be kept current any more."""
        self._break(FeedDown("closed: changes are not received any more"))

    def data_to_send(self) -> bytes:
        """Remove and return the bytes to send."""
        return self._exchange.data_to_send()

    def next_deadline(self) -> float:
        """Return when `tick` is due."""
        if self._is_snapshot_due:
            return min(self._read_feed_at, self._resync.due_at)
        return self._read_feed_at

    def tick(self, now: float) -> None:
        """Do what is due at *now*."""
        self._now = now
        if now >= self._read_feed_at:
            self._read_feed(now)
        if self._is_snapshot_due:
            self._load()
        unread = self._unread(now)
        self._report_phases(now)
        if self._is_current and unread is not None and not self._is_stuck:
            self._is_stuck = True
            self._report_broken(str(unread))

    def receive(self, data: bytes, now: float) -> None:
        """Handle *data* from the server.

        Raises StoreError or WrongVenue if the server can't be used, and FeedDown if the connection
        is to be given up.
        """
        self._now = now
        self._exchange.receive(data)

    def problem(self, now: float) -> FastoptsError | None:
        """Return the error that makes everything stale; None if it was current when last read."""
        problem = self._problem or self._unread(now)
        if self._master is None:
            return problem
        moment = self.moment(now)
        problem = problem or moment.feed.down(moment.now_ms)
        return None if problem is None else with_master(problem, self._master)

    def moment(self, now: float) -> Moment:
        """Return the feed at *now*, the server's clock extrapolated from the last read."""
        feed, now_ms, asked_at = self._seen
        elapsed_ms = int((now - asked_at) * 1000) if now_ms else 0
        return Moment(feed, now_ms + elapsed_ms, self.terms)

    def is_settled(self, now: float) -> bool:
        """Whether it is current, or the feed is known to be down and all there is was read."""
        if self.problem(now) is None:
            return True
        feed, now_ms, _ = self._seen
        is_down = bool(now_ms) and feed.down(now_ms) is not None
        return is_down and (not feed.venue or self.loaded == feed.version)

    def remember(self, option: Option) -> None:
        """Keep an *option* that expired before the first snapshot."""
        self.contents.remember(option)

    def _reset(self) -> None:
        """Forget the last connection. What it brought stays, and is not current."""
        self._exchange = Exchange(self._on_message)
        self._now = self._read_feed_at = self._feed_asked_at = self._read_role_at = 0.0
        self._has_feed = self._was_current = self._is_alive = self._is_snapshot_due = False
        self._channel = ""
        self._epoch = self._number = self._gaps = self._silent_beats = 0
        self._other_sequence = 0, 0
        self._ignored_epoch = self._other_count = 0
        self._is_suspended = self._is_complete = False
        self.loaded = self._loading = self._master = None

    # Announcements

    def _on_message(self, channel: bytes, payload: bytes) -> None:
        if channel != self._channel.encode():
            raise StoreError(f"an announcement of another store: {channel[:60]!r}")
        self._apply(announcement.parse(payload))

    def _apply(self, message: Announcement) -> None:
        if message.epoch != self._seen[0].epoch:
            if message.epoch != self._ignored_epoch:
                self._suspend(message)
            return
        is_next = message.number == self._number + 1 and message.epoch == self._epoch
        self._follow(message.epoch, message.number)
        if not is_next:
            self._note_gap()
            self._break(FeedDown("an announcement was missed; taking a new snapshot"))
        if not self._is_complete:
            self._load()
        if changed := self.contents.apply(message.records):
            self._report_changed(changed)

    def _suspend(self, message: Announcement) -> None:
        """Be stale until the feed shows whether the epoch of *message* has begun."""
        self._other_sequence = message.epoch, message.number
        self._other_count += 1
        self._is_suspended = True
        if self._read_feed_at < NEVER:
            self._read_feed_at = min(self._read_feed_at, self._feed_asked_at + FEED_READ_MIN_S)
        if self._is_current:
            self._break(FeedDown("another collector announces changes"))

    def _resume(self, feed: Feed, other_count: int) -> None:
        """Go on if *feed* was read after all *other_count* announcements of other epochs.

        An epoch that is not the feed's by now is that of a collector without the lease: ignore it.
        """
        if not self._is_suspended or other_count != self._other_count:
            return
        self._is_suspended = False
        self._ignored_epoch = (
            self._other_sequence[0] if self._other_sequence[0] != feed.epoch else 0
        )
        if self._is_complete and feed.epoch == self._epoch:
            self._become_current()

    def _follow(self, epoch: int, number: int) -> None:
        self._epoch, self._number, self._silent_beats = epoch, number, 0

    def _note_gap(self) -> None:
        self._gaps += 1
        self._is_complete = False

    # The feed

    def _read_feed(self, now: float) -> None:
        self._read_feed_at = NEVER  # not before the reply
        self._feed_asked_at = now
        if not self._is_alive and now >= self._read_role_at:
            self._read_role_at = now + ROLE_READ_S
            self._exchange.send(ASK_ROLE, self._on_role, takes_errors=True)
        read: list[tuple[Any, int]] = []
        self._exchange.send(
            pack("HGETALL", keys.FEED), lambda fields: read.append((fields, self._other_count))
        )
        self._exchange.send(pack("TIME"), lambda time: self._on_feed(*read[0], time))

    def _on_feed(self, fields: Mapping[bytes, bytes], other_count: int, time: list[bytes]) -> None:
        """Handle the feed. *other_count* is that of the moment at which its reply arrived."""
        feed = feed_from_fields(fields, self._venue)
        now_ms = int(time[0]) * 1000 + int(time[1]) // 1000
        before = self._seen[0]
        # The server read its clock after we asked: extrapolated from then, the time is never behind
        # the server's, and no age is understated.
        self._seen = (feed, now_ms, self._feed_asked_at)
        self._read_feed_at = self._now + FEED_READ_S
        down = feed.down(now_ms)
        if not self._has_feed:
            self._on_first_feed(feed)
        self._subscribe(feed.store)
        self._compare_feeds(before, feed, down)
        self._resume(feed, other_count)
        self._compare_conns(feed, now_ms)
        self._load_if_outdated(feed, down)
        self._check_alive(self._problem or down)

    def _on_first_feed(self, feed: Feed) -> None:
        self._has_feed = True
        self._failover.begin(self._now)
        reason = _unannounced(feed)
        is_known = reason != NOT_ANNOUNCED
        self._problem = FeedDown(reason if is_known else "no announcement received yet")

    def _load_if_outdated(self, feed: Feed, down: FeedDown | None) -> None:
        if down is not None and self._loaded_while_down == (feed.version, feed.heartbeat_ms):
            self.loaded = feed.version
        can_be_current = feed.epoch == self._epoch or down is not None
        if feed.venue and feed.version != self.loaded and can_be_current:
            self._load()

    def _check_alive(self, problem: FastoptsError | None) -> None:
        """Give the connection up, by an error, if it has had a *problem* for too long."""
        self._is_alive = problem is None
        if problem is None:
            self._failover.alive(self._now)
        elif self._failover.is_over(self._now):
            self._failover.given_up(self._now)
            raise with_master(problem, self._master)

    def _on_role(self, reply: Any) -> None:
        self._master = master_of(reply)

    def _subscribe(self, store: str) -> None:
        """Subscribe to the announcements of *store*."""
        channel = keys.updates(store)
        if not store or channel == self._channel:
            return
        if self._channel:
            raise FeedDown("another store replaced the one being read; reconnecting")
        self._channel = channel
        self._exchange.send(pack("SUBSCRIBE", channel), self._on_subscribe, takes_errors=True)

    def _on_subscribe(self, reply: Any) -> None:
        """Raise: a reply to SUBSCRIBE, rather than a push, is a refusal."""
        remedy = f" (allow this user +subscribe &{keys.updates('*')})"
        is_noperm = isinstance(reply, StoreError) and reply.reply.startswith("NOPERM")
        raise StoreError(f"{reply}{remedy if is_noperm else ''}", getattr(reply, "reply", ""))

    def _compare_feeds(self, before: Feed, feed: Feed, down: FeedDown | None) -> None:
        if before.epoch not in (0, feed.epoch):
            self._break(down or FeedDown("another collector has begun"))
            self._note_gap()
            if self._other_sequence[0] == feed.epoch:
                self._follow(*self._other_sequence)
        self._silent_beats += feed.heartbeat_ms != before.heartbeat_ms
        if self._silent_beats > SILENT_BEATS_MAX:
            self._is_complete = False
            self._break(down or FeedDown(_unannounced(feed)))
        if down is not None and not self._is_current:
            self._problem = down

    def _compare_conns(self, feed: Feed, now_ms: int) -> None:
        """Report which connections stopped or began to be live."""
        before, live = self._live_conns, feed.live_conns(now_ms)
        stopped, self._live_conns = before - live, live
        if stopped and self._is_current:
            conns = ", ".join(map(str, sorted(stopped)))
            reason = f"values of connection {conns} are not live any more"
            self._report_broken(str(feed.down(now_ms) or reason))
        lost = (self._lost_conns | stopped) - live
        if lost:  # of interest only as long as records of them are here
            lost &= frozenset(self.contents.conns(feed.epoch, now_ms + feed.skew_ms))
        self._lost_conns = lost
        was_stuck, self._is_stuck = self._is_stuck, self._unread(self._now) is not None
        if live - before or was_stuck:
            self._listener.revived()
        self._report_resumed()

    def _unread(self, now: float) -> FeedDown | None:
        """Return an error if the feed was not read for too long."""
        age_s = now - self._seen[2]
        if age_s < FEED_AGE_MAX_S:
            return None
        return FeedDown(f"the state of the feed was last read {age_s:.1f} s ago")

    # Snapshots

    def _load(self) -> None:
        """Take a snapshot, unless one is being taken; later, if one was taken just now."""
        if self._loading is not None:
            return
        self._is_snapshot_due = self._now < self._resync.due_at
        if self._is_snapshot_due:
            return
        self._resync.begin(self._now)
        feed, gaps = self._seen[0], self._gaps
        self._loading = set(self.scope.symbols)
        self._missing = set()
        send = self._exchange.send
        for asset, symbols in self.scope.by_asset().items():
            handler = partial(self._on_named_members, symbols)
            send(pack("SMEMBERS", keys.asset(asset)), handler, takes_errors=True)
        for asset in self.scope.assets(feed):
            send(pack("SMEMBERS", keys.asset(asset)), self._on_members)
        send(_BARRIER, lambda _: self._load_records(feed.version, gaps))

    def _on_named_members(self, symbols: set[str], members: Any) -> None:
        """Note which of the scope's *symbols* are not *members* of their asset.

        An empty set proves nothing: another program may have deleted it.
        """
        if isinstance(members, list | set) and members:
            self._missing |= symbols - keys.symbols_of(members)

    def _on_members(self, members: Iterable[bytes]) -> None:
        assert self._loading is not None
        self._loading |= keys.symbols_of(members)

    def _load_records(self, version: Version, gaps: int) -> None:
        assert self._loading is not None
        self.contents.wanted = frozenset(self._loading)
        symbols = sorted(self._loading)
        for symbol in symbols:
            # The collector raises the version whenever it writes terms.
            if version != self._terms_version or symbol not in self.terms:
                handler = partial(self._on_terms, symbol)
                self._exchange.send(ask_terms([symbol]), handler, takes_errors=True)
        for start in range(0, len(symbols), MGET_CHUNK):
            chunk = symbols[start : start + MGET_CHUNK]
            self._exchange.send(mget(chunk), partial(self._on_records, chunk))
        self._exchange.send(_BARRIER, lambda _: self._finish(version, gaps))

    def _on_terms(self, symbol: str, reply: Any) -> None:
        instrument = read_terms(symbol, reply)
        if instrument is not None:
            self.terms[symbol] = instrument

    def _on_records(self, symbols: list[str], values: list[bytes | None]) -> None:
        if changed := self.contents.replace(symbols, values):
            self._report_changed(changed)

    def _finish(self, version: Version, gaps: int) -> None:
        """Handle the end of a snapshot that began with the listing *version* and after *gaps*."""
        self._loading, self._terms_version = None, version
        self.contents.drop_delisted(self.moment(self._now).venue_ms)
        if gaps == self._gaps:
            self.loaded = version
            self.delisted = frozenset(self._missing)
            feed, now_ms, _ = self._seen
            is_frozen = feed.version == version and feed.down(now_ms) is not None
            self._loaded_while_down = (version, feed.heartbeat_ms) if is_frozen else None
            self._is_complete = version[1] == self._epoch
            if self._is_complete and not self._is_suspended:
                self._become_current()
            self._listener.relisted()
        elif self._epoch == self._seen[0].epoch:
            self._load()  # announcements were missed while it was taken

    # Reports to the listener

    def _become_current(self) -> None:
        if self._is_current:
            return
        self._is_current, self._problem = True, None
        self._was_current = True
        self._report_resumed()
        unreported, self._unreported = self._unreported, set()
        self._listener.changed(unreported)
        self._listener.revived()

    def _break(self, problem: FastoptsError) -> None:
        """Stop being current."""
        self._problem = problem
        if self._is_current:
            self._is_current = False
            self._report_broken(str(problem))

    def _report_changed(self, symbols: Iterable[str]) -> None:
        if self._is_current:
            self._listener.changed(symbols)
        else:
            self._unreported.update(symbols)

    def _report_phases(self, now: float) -> None:
        moment = self.moment(now)
        if moment.now_ms and (symbols := self.contents.changed_phases(moment.venue_ms)):
            self._report_changed(symbols)

    def _report_broken(self, reason: str) -> None:
        self._is_broken = True
        self._listener.broke(reason)

    def _report_resumed(self) -> None:
        if self._is_broken and self._is_current and not (self._lost_conns or self._is_stuck):
            self._is_broken = False
            self._listener.resumed()


def _unannounced(feed: Feed) -> str:
    """Return why no announcements arrive, as far as *feed* explains it."""
    if feed.venue and not feed.store:
        return NO_STORE
    return REFUSED.format(feed.updates_refused) if feed.updates_refused else NOT_ANNOUNCED


def _ignore(_: Any) -> None:
    pass
