"""`Mirror`: a copy within this process, kept current by a thread; and what it shares with the one
that a task keeps."""

import os
import threading
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, Self

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
from fastopts.model import Instrument
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
from fastopts.reader.mirrors.listener import MirrorListener
from fastopts.reader.mirrors.local_queries import LocalQueries, answered
from fastopts.reader.mirrors.replica import Replica
from fastopts.reader.objects.absent import Absent
from fastopts.reader.objects.chain import Chain
from fastopts.reader.objects.expiry import Expiry
from fastopts.reader.objects.option import Option
from fastopts.reader.objects.uncopied import Uncopied
from fastopts.reader.objects.universe import Series, Universe
from fastopts.reader.selection import arguments as checks
from fastopts.reader.selection.arguments import shown
from fastopts.reader.selection.scope import Scope

if TYPE_CHECKING:
    from typing import Unpack

    from fastopts.reader.export.table import Table
    from fastopts.reader.selection.bounds import Bounds
    from fastopts.reader.selection.scan import Scan

__all__ = ("POLL_S", "BaseMirror", "Mirror")

RETRY_S: Final = 0.25
RETRY_MAX_S: Final = 2.0
START_S: Final = 3.0  # beside the timeout: an announcement comes every second
POLL_S: Final = 0.005


class BaseMirror(Uncopied):
    """Reads from a replica, under the rules of freshness and without a round trip."""

    def __init__(
        self, address: Address, venue: str, scope: Scope, timeout_s: float, listener: MirrorListener
    ) -> None:
        self._address = address
        self._scope = scope
        self._replica = Replica(venue, scope, listener)
        self._held = LocalQueries(venue, self._replica, self._moment)
        self._timeout_s = timeout_s
        self._failure: Exception | None = None
        self._deadline = steady_s() + timeout_s + START_S
        self._pid = os.getpid()
        self._tries = 0

    def __len__(self) -> int:
        return len(self._replica.records)

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._replica.records or symbol in self._replica.delivered

    @property
    def symbols(self) -> list[str]:
        """What it holds, sorted."""
        return sorted(self._replica.records)

    @property
    def problem(self) -> FastoptsError | None:
        """Why nothing in it is live at the moment; None when something can be."""
        return self._moment().down

    @property
    def forked(self) -> bool:
        """Whether another process made it: what keeps it current stayed there."""
        return self._pid != os.getpid()

    @property
    def sequence(self) -> tuple[int, int]:
        """Epoch and number of the newest announcement in it: while it stays the same, so does
        every value. At least once a second there is a new one."""
        return self._replica.sequence

    @property
    def listing(self) -> Version | None:
        """While it stays the same, so does what is listed."""
        return self._replica.loaded

    def feed(self) -> FeedState:
        """The feed as it was last heard of, at this moment of the server's clock. A mirror that is
        not current says why in `down`."""
        return FeedState(self._moment())

    def get(
        self,
        symbol: str,
        *,
        require_live: bool = True,
        allow_expired: bool = False,
        max_age_s: float | None = None,
    ) -> Option:
        """Return the option *symbol* in microseconds. Raises what `OptionReader.get` raises; what
        is not in the mirror is Unknown, and nothing in a mirror that is not current is live."""
        demand = Requirements(require_live, allow_expired, max_age_s).checked()
        found = self.find(checks.symbol(symbol), demand)
        if isinstance(found, Absent):
            raise found.reason
        return found

    def get_many(
        self,
        symbols: Iterable[str],
        *,
        strict: bool = False,
        require_live: bool = True,
        allow_expired: bool = False,
        max_age_s: float | None = None,
    ) -> list[Option | Absent]:
        """Return the options *symbols* in their order; as `OptionReader.get_many`, what can't be
        handed over is an Absent, *strict* raises the first of them, and a dead feed raises."""
        demand = Requirements(require_live, allow_expired, max_age_s).checked()
        raise_if_down(self._moment(), demand)
        found = [self.find(symbol, demand) for symbol in checks.symbols(symbols)]
        for one in found:
            if strict and isinstance(one, Absent):
                raise one.reason
        return found

    def chain(
        self,
        asset: str,
        expiry: Expiry | None = None,
        settle: str | None = None,
        *,
        require_live: bool = True,
        allow_expired: bool = False,
        max_age_s: float | None = None,
    ) -> Chain:
        """As `OptionReader.chain`."""
        demand = Requirements(require_live, allow_expired, max_age_s).checked()
        return answered(self._held.chain(asset, expiry, settle, demand))

    def chains(
        self,
        asset: str,
        settle: str | None = None,
        *,
        require_live: bool = True,
        allow_expired: bool = False,
        max_age_s: float | None = None,
    ) -> list[Chain]:
        """As `OptionReader.chains`."""
        demand = Requirements(require_live, allow_expired, max_age_s).checked()
        return answered(self._held.chains(asset, settle, demand))

    def expiries(self, asset: str) -> list[Series]:
        """As `OptionReader.expiries`."""
        return answered(self._held.expiries(asset))

    def universe(self, asset: str) -> Universe:
        """Everything that is listed of *asset*, by series. Raises what `expiries` raises."""
        return answered(self._held.listed(asset))

    def instruments(self, asset: str | None = None) -> list[Instrument]:
        """As `OptionReader.instruments`."""
        return answered(self._held.instruments(asset))

    def scan(
        self,
        asset: str | None = None,
        *,
        gate: bool = True,
        sort: str | None = None,
        limit: int | None = None,
        require_live: bool = True,
        **bounds: "Unpack[Bounds]",
    ) -> "Scan":
        """As `OptionReader.scan`."""
        return answered(self._held.scan(asset, bounds, gate, sort, limit, require_live))

    def table(self, asset: str | None = None, *, require_live: bool = True) -> "Table":
        """As `OptionReader.table`."""
        return answered(self._held.table(asset, require_live))

    def lost(self, symbols: Iterable[str]) -> list[str]:
        """Those of *symbols* that it has not, and that were delivered within the last day by their
        names: before it began, perhaps, so that the store may have them still."""
        from fastopts.reader.selection import spelling as naming

        symbols = checks.symbols(symbols)
        replica, venue_ms = self._replica, self._moment().venue_ms
        absent = {one for one in symbols if one not in replica.records} - replica.delivered.keys()
        ends = ((one, naming.delivery_ms(one)) for one in sorted(absent) if keys.is_symbol(one))
        return [one for one, end in ends if end is not None and abs(venue_ms - end) < DAY_MS]

    def remember(self, option: Option) -> None:
        """Hold *option* too, which was read from the store after its delivery."""
        if not isinstance(option, Option):
            raise BadInput(f"option: {shown(option)} is no Option: write what `get` returned")
        if option.phase == "expired":
            self._replica.remember(option)

    def find(self, symbol: str, demand: Requirements) -> Option | Absent:
        """Return the option *symbol* as `get` does, or why not."""
        moment = self._moment()
        replica = self._replica
        record = replica.records.get(symbol) or replica.delivered.get(symbol)
        if record is None:
            return Absent(symbol, moment.problem or self._missing(symbol, moment, demand))
        try:
            option = decode(Option, symbol, record, moment, moment.feed.epoch, moment.live_conns)
        except StoreError as error:
            return Absent(symbol, error)
        reason = unmet(option, demand)
        return option if reason is None else Absent(symbol, reason)

    def check(self, scope: Scope) -> None:
        """Raise why nothing, or not all, of *scope* is listed; nothing while the feed is down, when
        that is not known. What was delivered is listed until the venue delists it."""
        answered(self._held.check_selection(scope, is_raw=True))

    def unlisted(self) -> dict[str, FastoptsError] | None:
        """Why the selection can't match, or not all of it: by symbol, "" standing for the whole of
        it. None while that is not known, since the feed is down."""
        if self.problem is not None:
            return None
        try:
            absent = answered(self._held.lacking(self._scope))
            if not absent:
                answered(self._held.check_selection(self._scope))
        except FastoptsError as error:
            return {"": error}
        return {one.symbol: one.reason for one in absent}

    def _moment(self) -> Moment:
        now = steady_s()
        seen, problem = self._replica.moment(now), self._problem(now)
        return seen if problem is None else Moment(seen.feed, seen.now_ms, seen.terms, problem)

    def _problem(self, now: float) -> FastoptsError | None:
        if self.forked:
            return FeedDown("this process was forked, its mirror stayed behind: make a new one")
        return self._replica.problem(now)

    def _missing(self, symbol: str, moment: Moment, demand: Requirements) -> FastoptsError:
        reason = missing_error(symbol, moment, demand)
        if not isinstance(reason, Unknown):
            return reason
        absent: list[Absent] = answered(
            self._held.suggested([Absent(symbol, reason)], moment.venue_ms)
        )
        if self._scope.is_everything or absent[0].reason is not reason:
            return absent[0].reason
        return Unknown(f"{shown(symbol)} is not in this mirror, which does not hold everything")

    def _failed(self, error: Exception) -> None:
        """The conversation is over."""
        self._failure = error
        self._tries = 1 if self._replica.was_current else self._tries + 1
        self._replica.lost(error)

    def _retry_s(self) -> float:
        """How long to wait before the next conversation: no herd of mirrors comes back at once."""
        ceiling_s = min(RETRY_S * 2.0 ** min(self._tries, 8), RETRY_MAX_S)
        draw = int.from_bytes(os.urandom(4)) / 2**32  # the module random is half a MB
        return ceiling_s * (0.1 + 0.9 * draw)

    def _is_settled(self) -> bool:
        """Whether it can be handed over. Raises why it never will be."""
        if self._replica.is_settled(now := steady_s()):
            answered(self._held.check_selection(self._scope))
            return True
        failure = self._failure
        if isinstance(failure, FeedDown):  # it tries another connection
            failure = None
        if isinstance(failure, FastoptsError):
            raise failure
        if failure is not None or now > self._deadline:
            reason = failure or self._replica.problem(now)
            raise StoreUnavailable(f"{self._address}: {reason}")
        return False


class Mirror(BaseMirror):
    """A copy of some records within this process, kept current by a thread. A context manager.

    Made by `OptionReader.mirror`. Any thread may read it; a forked child may not.
    """

    def __init__(
        self, address: Address, venue: str, scope: Scope, timeout_s: float, listener: MirrorListener
    ) -> None:
        super().__init__(address, venue, scope, timeout_s, listener)
        self._talk = BlockingPushConnection(address, self._replica, timeout_s)
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="fastopts-mirror", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait(self) -> None:
        """Return once it is current, or the feed is known to be down.

        Raises StoreUnavailable, StoreError or WrongVenue when neither comes about; it is closed
        then.
        """
        try:
            while not self._is_settled():
                time.sleep(POLL_S)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the thread and its connection. What it holds is not current any more."""
        if self.forked:
            return  # they are the parent's
        self._closing.set()
        self._talk.end()
        self._thread.join()

    def _keep(self) -> None:
        try:
            while not self._closing.is_set():
                try:
                    self._talk.run()
                except (OSError, FastoptsError) as error:
                    self._failed(error)
                self._closing.wait(self._retry_s())
        finally:
            self._replica.close()
