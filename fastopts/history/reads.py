"""`PastReads`: the methods of a reader, answered from the market as it was recorded."""

# Written by `python -m tools.make_readers` from ../reader/asynchronous.py: change that file.

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeVar

from fastopts.model import Instrument
from fastopts.reader.freshness.requirements import Requirements
from fastopts.reader.local_source import run_local
from fastopts.reader.objects.absent import Absent
from fastopts.reader.objects.chain import Chain
from fastopts.reader.objects.expiry import Expiry
from fastopts.reader.objects.option import Option
from fastopts.reader.objects.universe import Series
from fastopts.reader.queries import Queries, Query
from fastopts.reader.selection.signatures import lists_bounds

if TYPE_CHECKING:
    from os import PathLike
    from typing import Unpack

    import pandas
    import polars
    import pyarrow

    from fastopts.reader.export.table import Table
    from fastopts.reader.objects.market import Column
    from fastopts.reader.selection.bounds import Bounds
    from fastopts.reader.selection.scan import Scan

__all__ = ("PastReads",)

T = TypeVar("T")


class PastReads:
    """Methods of `OptionReader` that a moment of the past has."""

    _queries: Queries

    def _run(self, query: Query[T]) -> T:
        return run_local(query)

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
        return self._run(self._queries.get(symbol, requirements))

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
        return self._run(self._queries.get_many(symbols, requirements, strict))

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

    def scan_high_iv(
        self, min_iv: float = 1.0, asset: str | None = None, limit: int | None = None
    ) -> "Scan":
        """Return the options that pass the gate of `scan` with a mark IV of at least *min_iv* (1.0
        is 100 %), the highest first."""
        return self.scan(asset, min_iv=min_iv, sort="-mark_iv", limit=limit)

    def snapshot(self, asset: str | None = None, *, require_live: bool = True) -> "Column":
        """Return every option (of *asset*) that has ticked as one numpy structured array.

        It has one row per option and a field for each name of the export schema: texts are numpy
        strings, times datetime64[ms] in UTC, numbers float64 with NaN for absent values, `seq` -1
        if absent. Stale rows are included: see the field `live`. Raises FeedDown unless
        `require_live=False`.
        """
        table = self.table(asset, require_live=require_live)
        return table.to_numpy()

    def to_pandas(
        self, asset: str | None = None, *, require_live: bool = True
    ) -> "pandas.DataFrame":
        """Return `table` as a pandas DataFrame. Needs the extra `pandas`."""
        table = self.table(asset, require_live=require_live)
        return table.to_pandas()

    def to_polars(
        self, asset: str | None = None, *, require_live: bool = True
    ) -> "polars.DataFrame":
        """Return `table` as a polars DataFrame. Needs the extra `polars`."""
        table = self.table(asset, require_live=require_live)
        return table.to_polars()

    def to_arrow(
        self,
        asset: str | None = None,
        *,
        require_live: bool = True,
    ) -> "pyarrow.Table":
        """Return `table` as an Arrow table. Needs the extra `arrow`."""
        table = self.table(asset, require_live=require_live)
        return table.to_arrow()

    def export(
        self, path: "str | PathLike[str]", asset: str | None = None, *, require_live: bool = True
    ) -> None:
        """Write `table` to a .json, .csv, .parquet or .arrow file, whole or not at all.

        Parquet and Arrow need the extra `arrow`. Raises ConfigError for another suffix,
        MissingPackage without the extra, and FileError for a file that can't be written.
        """
        table = self.table(asset, require_live=require_live)
        table.export(path)
