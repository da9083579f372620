"""`MirrorReads`: the methods of a reader that a mirror has, answered from its replica."""

# Written by `python -m tools.make_readers` from ../asynchronous.py: change that file.

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

from fastopts.model import Instrument
from fastopts.reader.freshness.requirements import Requirements
from fastopts.reader.objects.absent import Absent
from fastopts.reader.objects.chain import Chain
from fastopts.reader.objects.expiry import Expiry
from fastopts.reader.objects.option import Option
from fastopts.reader.objects.universe import Series
from fastopts.reader.queries import Queries, Query
from fastopts.reader.selection.signatures import lists_bounds

if TYPE_CHECKING:
    from typing import Unpack

    from fastopts.reader.export.table import Table
    from fastopts.reader.selection.bounds import Bounds
    from fastopts.reader.selection.scan import Scan

__all__ = ("MirrorReads",)

T = TypeVar("T")


class MirrorReads:
    """Methods of `OptionReader` that a mirror has. They need no round trip, and no `await`."""

    _queries: Queries

    def _run(self, query: Query[T]) -> T:
        raise NotImplementedError

    def _get(self, symbol: str, requirements: Requirements) -> Option:
        raise NotImplementedError

    def _get_many(
        self, symbols: Iterable[str], requirements: Requirements, strict: bool
    ) -> list[Option | Absent]:
        raise NotImplementedError

    def get(
        self,
        symbol: str,
        *,
        require_live: bool = True,
        allow_expired: bool = False,
        max_age_s: float | None = None,
    ) -> Option:
        """Return the option *symbol*, at most *max_age_s* seconds old.

        `require_live=False` also returns stale values, `allow_expired=True` also options whose
        expiry has passed. Raises Unknown, Expired, or a StaleData: FeedDown, ConnectionMuted,
        ConnectionLate, NotYetLive, TooOld.
        """
        requirements = Requirements(require_live, allow_expired, max_age_s).checked()
        return self._get(symbol, requirements)

    def get_many(
        self,
        symbols: Iterable[str],
        *,
        strict: bool = False,
        require_live: bool = True,
        allow_expired: bool = False,
        max_age_s: float | None = None,
    ) -> list[Option | Absent]:
        """Return the options *symbols* in their order.

        In place of an option that does not meet the requirements (see `get`) stands an Absent with
        the error; *strict* raises the first of these errors instead. A dead feed always raises
        FeedDown, unless `require_live=False`.
        """
        requirements = Requirements(require_live, allow_expired, max_age_s).checked()
        return self._get_many(symbols, requirements, strict)

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
        """Return one series of *asset*, strike by strike.

        *expiry* None means the first that is not settling, *settle* None the only settle coin, or
        USDT if there are two. Options that do not meet the requirements (see `get`) are missing;
        `Chain.absent` has their errors. Raises Unknown for a series that is not listed, BadInput
        for a malformed expiry, and FeedDown.
        """
        requirements = Requirements(require_live, allow_expired, max_age_s).checked()
        return self._run(self._queries.chain(asset, expiry, settle, requirements))

    def chains(
        self,
        asset: str,
        settle: str | None = None,
        *,
        require_live: bool = True,
        allow_expired: bool = False,
        max_age_s: float | None = None,
    ) -> list[Chain]:
        """Return every series of *asset* (settled in *settle*) by expiry and settle coin.

        All are of one moment. A series of which no option meets the requirements is there, empty.
        Raises Unknown for an asset or a settle coin without options, and FeedDown.
        """
        requirements = Requirements(require_live, allow_expired, max_age_s).checked()
        return self._run(self._queries.chains(asset, settle, requirements))

    def expiries(self, asset: str) -> list[Series]:
        """Return the series of *asset* with expiry, settle coin and the number of listed options.

        Raises Unknown for an asset without options.
        """
        return self._run(self._queries.expiries(asset))

    def instruments(self, asset: str | None = None) -> list[Instrument]:
        """Return the contract terms of all listed options (of *asset*), ordered by expiry, settle
        coin, strike and type."""
        return self._run(self._queries.instruments(asset))

    @lists_bounds
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
        """Return the options (of *asset*) that meet the *bounds*, see `Bounds`.

        The *gate* passes only options that are live, trading, quoted on both sides and not crossed,
        with a bid IV above 0, an ask IV below 5 and a mark IV above 0; `Scan.excluded` counts the
        others by reason. `gate=False` passes everything, stale values too. *sort* names a column,
        with "-" before it for descending order; absent values come last. Raises BadInput for
        invalid arguments, and FeedDown unless `require_live=False`.
        """
        return self._run(self._queries.scan(asset, bounds, gate, sort, limit, require_live))

    def table(self, asset: str | None = None, *, require_live: bool = True) -> "Table":
        """Return every option (of *asset*) that has ticked, to convert to a frame or a file.

        Stale rows are included: see the column `live`. Raises FeedDown unless `require_live=False`.
        """
        return self._run(self._queries.table(asset, require_live))
