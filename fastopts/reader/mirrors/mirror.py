"""`Mirror`: a local copy kept current by a thread; `BaseMirror` is common to it and AsyncMirror."""

import os
import threading
import time
from collections.abc import Iterable
from typing import Final, Self, TypeVar

from fastopts import keys
from fastopts.clock import steady_s
from fastopts.core import decode
from fastopts.errors import (
    BadInput,
    FastoptsError,
    FeedDown,
    StoreError,
    StoreUnavailable,
    Unknown,
)
from fastopts.field_registry import DAY_MS
from fastopts.net.redis.address import Address
from fastopts.net.redis.push_blocking import BlockingPushConnection
from fastopts.reader.freshness.feed import Version
from fastopts.reader.freshness.feed_state import FeedState
from fastopts.reader.freshness.moment import Moment
from fastopts.reader.freshness.requirements import (
    Requirements,
    missing_error,
    raise_if_down,
    unmet,
)
from fastopts.reader.local_source import LocalSource, run_local
from fastopts.reader.mirrors.listener import MirrorListener
from fastopts.reader.mirrors.reads import MirrorReads
from fastopts.reader.mirrors.replica import FEED_AGE_MAX_S, Replica
from fastopts.reader.objects.absent import Absent
from fastopts.reader.objects.option import Option
from fastopts.reader.objects.uncopied import Uncopied
from fastopts.reader.objects.universe import Universe
from fastopts.reader.queries import Queries, Query, raise_absent
from fastopts.reader.selection import arguments
from fastopts.reader.selection.arguments import shown
from fastopts.reader.selection.scope import Scope

__all__ = ("POLL_S", "BaseMirror", "Mirror")

T = TypeVar("T")

RETRY_S: Final = 0.25
RETRY_MAX_S: Final = 2.0
START_S: Final = 3.0  # to become current, beside the timeout: announcements come every second
POLL_S: Final = 0.005


class BaseMirror(MirrorReads, Uncopied):
    """A replica with the methods of a reader, under the same rules of freshness.

    A subclass keeps the replica current over a connection. Symbols outside the mirror are Unknown,
    and nothing in a mirror that is not current is live.
    """

    def __init__(
        self, address: Address, venue: str, scope: Scope, timeout_s: float, listener: MirrorListener
    ) -> None:
        self._address = address
        self._scope = scope
        self._replica = Replica(venue, scope, listener)
        self._queries = Queries(LocalSource(self._replica, self._moment))
        self._timeout_s = timeout_s
        self._failure: Exception | None = None
        self._deadline = steady_s() + timeout_s + START_S
        self._pid = os.getpid()
        self._tries = 0

    def __len__(self) -> int:
        return len(self._replica.records)

    def __contains__(self, symbol: object) -> bool:
        if not isinstance(symbol, str):
            return False
        return self._holds(symbol) or self._canonical(symbol) is not None

    @property
    def symbols(self) -> list[str]:
        """The symbols in the mirror, sorted."""
        return sorted(self._replica.records)

    @property
    def problem(self) -> FastoptsError | None:
        """The error that makes everything in it stale; None if values can be live."""
        return self._moment().down

    @property
    def forked(self) -> bool:
        """Whether it was made by another process, whose thread or task keeps it current."""
        return self._pid != os.getpid()

    @property
    def sequence(self) -> tuple[int, int]:
        """Epoch and number of the newest announcement applied: it is the same only if every value
        is. There is a new one at least once a second."""
        return self._replica.sequence

    @property
    def listing(self) -> Version | None:
        """The version of the listing: it changes whenever options are listed or delisted."""
        return self._replica.loaded

    def feed(self) -> FeedState:
        """Return the feed as it was last read, at the present moment of the server's clock.

        If the mirror is not current, `FeedState.down` is the reason.
        """
        return FeedState(self._moment())

    def universe(self, asset: str) -> Universe:
        """Return everything that is listed of *asset*, by series. Raises what `expiries` raises."""
        return self._run(self._queries.universe(asset))

    def lost(self, symbols: Iterable[str]) -> list[str]:
        """Return those of *symbols* that it lacks and that expired within the last day.

        They may have expired before the mirror began: the server keeps such records for hours.
        """
        from fastopts.reader.selection.spelling import canonical, delivery_ms

        replica, venue_ms = self._replica, self._moment().venue_ms
        names = [canonical(name) or name for name in arguments.symbols(symbols)]
        absent = {name for name in names if name not in replica.records}
        absent -= replica.expired.keys()
        expiries = ((name, delivery_ms(name)) for name in sorted(absent) if keys.is_symbol(name))
        return [name for name, at in expiries if at is not None and abs(venue_ms - at) < DAY_MS]

    def remember(self, option: Option) -> None:
        """Keep an expired *option*, which was read from the server, in the mirror."""
        if not isinstance(option, Option):
            raise BadInput(f"option: {shown(option)} is no Option: write what `get` returned")
        if option.phase == "expired":
            self._replica.remember(option)

    def find(self, symbol: str, requirements: Requirements) -> Option | Absent:
        """Return the option *symbol* as `get` does, or an Absent with the error."""
        moment = self._moment()
        replica = self._replica
        record = replica.records.get(symbol) or replica.expired.get(symbol)
        if record is None:
            if (name := self._canonical(symbol)) is not None:
                return self.find(name, requirements)
            error = moment.problem or self._missing_error(symbol, moment, requirements)
            return Absent(symbol, error)
        try:
            option = decode(Option, symbol, record, moment, moment.feed.epoch, moment.live_conns)
        except StoreError as error:
            return Absent(symbol, error)
        reason = unmet(option, requirements)
        return option if reason is None else Absent(symbol, reason)

    def check(self, scope: Scope) -> None:
        """Raise Unknown, Expired or BadInput if nothing, or not all, of *scope* is listed.

        Expired options are listed until the venue delists them. While the feed is down the listing
        is unknown, and nothing is raised.
        """
        self._run(self._queries.check_selection(scope, is_raw=True))

    def unlisted(self) -> dict[str, FastoptsError] | None:
        """Return why the mirror's selection, or a part of it, can't match: an error by symbol, with
        "" for the whole selection. None while the feed is down and the listing unknown."""
        if self.problem is not None:
            return None
        try:
            absent = self._run(self._queries.absent(self._scope))
            if not absent:
                self._run(self._queries.check_selection(self._scope))
        except FastoptsError as error:
            return {"": error}
        return {each.symbol: each.reason for each in absent}

    def _run(self, query: Query[T]) -> T:
        return run_local(query, FEED_AGE_MAX_S)

    def _get(self, symbol: str, requirements: Requirements) -> Option:
        result = self.find(arguments.symbol(symbol), requirements)
        if isinstance(result, Absent):
            raise result.reason
        return result

    def _get_many(
        self, symbols: Iterable[str], requirements: Requirements, strict: bool
    ) -> list[Option | Absent]:
        raise_if_down(self._moment(), requirements)
        results = [self.find(name, requirements) for name in arguments.symbols(symbols)]
        return raise_absent(results) if strict else results

    def _moment(self) -> Moment:
        now = steady_s()
        moment, problem = self._replica.moment(now), self._problem(now)
        if problem is None:
            return moment
        return Moment(moment.feed, moment.now_ms, moment.terms, problem)

    def _problem(self, now: float) -> FastoptsError | None:
        if self.forked:
            return FeedDown("this process was forked without its mirror's thread: make a new one")
        return self._replica.problem(now)

    def _holds(self, symbol: str) -> bool:
        return symbol in self._replica.records or symbol in self._replica.expired

    def _canonical(self, symbol: str) -> str | None:
        """The symbol in the mirror that *symbol* is in another case or form; None if there is none.

        For symbols that are not in the mirror as written: the others are found without it.
        """
        from fastopts.reader.selection.spelling import canonical

        name = canonical(symbol)
        return name if name is not None and self._holds(name) else None

    def _missing_error(
        self, symbol: str, moment: Moment, requirements: Requirements
    ) -> FastoptsError:
        error = missing_error(symbol, moment, requirements)
        if not isinstance(error, Unknown):
            return error
        unknown: list[Option | Absent] = [Absent(symbol, error)]
        [absent] = self._run(self._queries.with_suggestions([symbol], unknown, moment))
        assert isinstance(absent, Absent)
        if self._scope.is_everything or absent.reason is not error:
            return absent.reason
        return Unknown(f"{shown(symbol)} is not in this mirror, which does not hold everything")

    def _connection_failed(self, error: Exception) -> None:
        self._failure = error
        self._tries = 1 if self._replica.was_current else self._tries + 1
        self._replica.lost(error)

    def _retry_s(self) -> float:
        """Return the delay before the next connection, jittered.

        The mirrors of a server that restarted must not come back in step, and ever more slowly
        while it does not answer.
        """
        ceiling_s = min(RETRY_S * 2.0 ** min(self._tries, 8), RETRY_MAX_S)
        draw = int.from_bytes(os.urandom(4)) / 2**32  # `import random` costs half a MB
        return ceiling_s * (0.1 + 0.9 * draw)

    def _is_settled(self) -> bool:
        """Whether `wait` may return. Raises the error for which it never will."""
        if self._replica.is_settled(now := steady_s()):
            self._run(self._queries.check_selection(self._scope))
            return True
        failure = self._failure
        if isinstance(failure, FeedDown):  # given up on purpose: the next connection may do
            failure = None
        if isinstance(failure, FastoptsError):
            raise failure
        if failure is not None or now > self._deadline:
            reason = failure or self._replica.problem(now)
            refused = failure is not None and self._address.is_refusal(failure)
            raise StoreUnavailable(f"{self._address}: {reason}", is_refused=refused)
        return False


class Mirror(BaseMirror):
    """A local copy of options, kept current by a thread. A context manager.

    Made by `OptionReader.mirror`. It has methods of a reader, under the same rules, without round
    trips: symbols outside the mirror are Unknown, and nothing in a mirror that is not current is
    live. Any thread may read it; a forked child may not.
    """

    def __init__(
        self, address: Address, venue: str, scope: Scope, timeout_s: float, listener: MirrorListener
    ) -> None:
        super().__init__(address, venue, scope, timeout_s, listener)
        self._connection = BlockingPushConnection(address, self._replica, timeout_s)
        self._closing = threading.Event()
        # A daemon: a program that forgets to close its mirrors can still end.
        self._thread = threading.Thread(target=self._maintain, name="fastopts-mirror", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait(self) -> None:
        """Return once it is current, or the feed is known to be down.

        Raises StoreUnavailable, StoreError or WrongVenue if neither happens in time, and closes it.
        """
        try:
            while not self._is_settled():
                time.sleep(POLL_S)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Stop the thread and close its connection. The mirror is not current from now on."""
        if self.forked:
            return  # thread and connection are the parent's
        self._closing.set()
        self._connection.end()
        self._thread.join()

    def _maintain(self) -> None:
        try:
            while not self._closing.is_set():
                try:
                    self._connection.run()
                except (OSError, FastoptsError) as error:
                    self._connection_failed(error)
                self._closing.wait(self._retry_s())
        finally:
            self._replica.close()
