"""`Mirror`: a copy within this process, kept current by a thread; and what it shares with the one
that a task keeps."""

import os
import threading
import time
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Final, Self

from fastopts import keys
from fastopts.core import decode
from fastopts.errors import BadInput, FastoptsError, FeedDown, StaleData, StoreUnavailable, Unknown
from fastopts.net.address import Address
from fastopts.net.talk import Talk
from fastopts.reader.absent import Absent
from fastopts.reader.option import Option
from fastopts.reader.queries import Demand, asset_name, refusal
from fastopts.reader.replica import Listener, Replica, Scope
from fastopts.reader.state import FeedState

__all__ = ("NOT_ANNOUNCED", "RETRY_S", "START_S", "Mirror", "Mirrored", "scope_of")

RETRY_S: Final = 0.25
START_S: Final = 3.0  # beside the timeout: an announcement comes every second
NOT_ANNOUNCED: Final = (
    "the collector announces nothing; its user may lack the rights +publish, +pubsub|numsub"
)


class Mirrored:
    """Reads from a replica, under the rules of freshness and without a round trip."""

    def __init__(self, replica: Replica) -> None:
        self._replica = replica
        self._pid = os.getpid()

    def __len__(self) -> int:
        return len(self._replica.records)

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._replica.records

    @property
    def symbols(self) -> list[str]:
        """What it holds, sorted."""
        return sorted(self._replica.records)

    @property
    def problem(self) -> FastoptsError | None:
        """Why nothing in it is current at the moment; None when everything is."""
        if self._pid != os.getpid():
            return FeedDown("this process was forked, its mirror stayed behind: make a new one")
        return self._replica.problem()

    def feed(self) -> FeedState:
        """The feed as it was last heard of, at this moment of the server's clock."""
        return FeedState(self._replica.moment(time.monotonic()))

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
        found = self._find(symbol, Demand(require_live, allow_expired, max_age_s))
        if isinstance(found, Absent):
            raise found.reason
        return found

    def get_many(
        self,
        symbols: Iterable[str],
        *,
        require_live: bool = True,
        allow_expired: bool = False,
        max_age_s: float | None = None,
    ) -> list[Option | Absent]:
        """Return the options *symbols* in their order; what can't be handed over as an Absent."""
        demand = Demand(require_live, allow_expired, max_age_s)
        return [self._find(symbol, demand) for symbol in symbols]

    def _find(self, symbol: str, demand: Demand) -> Option | Absent:
        replica, problem = self._replica, self.problem
        moment = replica.moment(time.monotonic())
        record = replica.records.get(symbol)
        if record is None:
            return Absent(symbol, problem or Unknown(f"{symbol!r} is not in this mirror"))
        conns = moment.live_conns if problem is None else ()
        option = decode(Option, symbol, record, moment, moment.feed.epoch, conns)
        reason = refusal(option, demand)
        if reason is None:
            return option
        if problem is not None and isinstance(reason, StaleData):
            reason = FeedDown(f"{symbol}, {option.age_s:.1f} s old: {problem}")
        return Absent(symbol, reason)


class Mirror(Mirrored):
    """A copy of some records within this process, kept current by a thread. A context manager.

    Made by `OptionReader.mirror`. Any thread may read it; a forked child may not.
    """

    def __init__(
        self, address: Address, venue: str, scope: Scope, timeout_s: float, listener: Listener
    ) -> None:
        super().__init__(Replica(venue, scope, listener))
        self._timeout_s = timeout_s
        self._talk = Talk(address, self._replica, timeout_s)
        self._closing = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._keep, name="fastopts-mirror", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def wait(self) -> None:
        """Return once it is current, or the feed is known to be down.

        Raises StoreUnavailable or WrongVenue when neither comes about; it is closed then.
        """
        deadline = time.monotonic() + self._timeout_s + START_S
        while not self._replica.is_settled():
            if self._failure is not None or time.monotonic() > deadline:
                self.close()
                raise self._reason()
            time.sleep(0.005)

    def close(self) -> None:
        """End the thread and its connection. What it holds is not current any more."""
        self._closing.set()
        self._talk.end()
        if self._pid == os.getpid() and self._thread is not threading.current_thread():
            self._thread.join()

    def _keep(self) -> None:
        while not self._closing.is_set():
            try:
                self._talk.run()
            except (OSError, FastoptsError) as error:
                self._failure = error
                self._replica.lost(error)
            self._closing.wait(RETRY_S)
        self._replica.close()

    def _reason(self) -> FastoptsError:
        if isinstance(self._failure, FastoptsError):
            return self._failure
        return StoreUnavailable(f"no mirror: {self._failure or NOT_ANNOUNCED}")


def scope_of(what: str | Sequence[str] | None) -> Scope:
    """What *what* names: an asset, symbols, or None for everything. Raises BadInput."""
    if what is None:
        return Scope(None, None)
    if isinstance(what, str):
        if "-" in what:
            raise BadInput(f"{what!r} is no asset; write [{what!r}] for a symbol")
        return Scope((asset_name(what),), None)
    symbols = tuple(what)
    for symbol in symbols:
        if not isinstance(symbol, str) or not keys.is_symbol(symbol):
            raise BadInput(f"{symbol!r} is no symbol")
    if not symbols:
        raise BadInput("no symbols were named")
    return Scope(None, symbols)
