"""`Table`: rows of a market, as options, arrays, dataframes and files.

numpy is the only library that it imports at once: those of the extras are loaded when a method
needs them, so that a reader without them works.
"""

from collections.abc import Iterator
from os import PathLike
from typing import TYPE_CHECKING, BinaryIO, NoReturn, overload

import numpy as np
from numpy.typing import NDArray

from fastopts.reader.objects.market import Column, Market
from fastopts.reader.objects.option import Option
from fastopts.reader.selection.arguments import flag

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

    from fastopts.reader.export.dataframes import Provenance

__all__ = ("Table",)


class Table:
    """Rows of a market: as options, and as columns of the export schema.

    Its length is the number of rows; an index or an iteration returns options, a slice a list of
    them. It is no `collections.abc.Sequence`: write ``list(table)`` where one is needed. Libraries
    that read Arrow streams take it as it is (``pyarrow.table(table)``, ``polars.DataFrame(table)``,
    ``pandas.DataFrame.from_arrow(table)``, DuckDB), with the extra `arrow`. It does not change, and
    can be copied and pickled.
    """

    # Not a collections.abc.Sequence: polars and pandas take those for lists of objects, and would
    # make a frame of one column instead of reading the Arrow stream.

    def __init__(self, market: Market, rows: NDArray[np.intp]) -> None:
        self.market = market
        self.rows = rows

    def __repr__(self) -> str:
        live = int(np.count_nonzero(self.market.column("live")[self.rows]))
        return f"<Table {self.provenance.venue}: {len(self)} options, {live} live>"

    def __len__(self) -> int:
        return len(self.rows)

    @overload
    def __getitem__(self, index: int) -> Option: ...
    @overload
    def __getitem__(self, index: slice) -> list[Option]: ...
    def __getitem__(self, index: int | slice) -> Option | list[Option]:
        if isinstance(index, slice):
            return [self.market.option(int(row)) for row in self.rows[index]]
        return self.market.option(int(self.rows[index]))

    def __iter__(self) -> Iterator[Option]:
        # options are built on demand: of 2,000 rows a caller often needs the first ten
        return (self.market.option(int(row)) for row in self.rows)

    def __array__(self, dtype: object = None, copy: bool | None = None) -> NoReturn:
        """Raises TypeError: pandas would make one column of tuples of the structured array."""
        name = type(self).__name__
        raise TypeError(
            f"a {name} is no array: call to_numpy() for a structured array, to_pandas() for a"
            " DataFrame"
        )

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """An Arrow stream of `to_arrow`, as a PyCapsule: other libraries read it without a copy.

        Raises MissingPackage without pyarrow.
        """
        return self.to_arrow().__arrow_c_stream__(requested_schema)

    def _repr_html_(self) -> str:
        from fastopts.reader.export import notebook

        return notebook.table_html(self)

    @property
    def provenance(self) -> "Provenance":
        """The venue, the epoch and the time of the read."""
        from fastopts.reader.export.dataframes import Provenance

        feed = self.market.moment.feed
        return Provenance(feed.venue, feed.epoch, self.market.moment.venue_ms)

    @property
    def unplaced(self) -> tuple[str, ...]:
        """Listed symbols that are left out, since their terms are missing or unusable."""
        return tuple(self.market.listing.unplaced)

    def to_numpy(self, *, derived: bool = True) -> Column:
        """One structured array with a field per column.

        Texts are numpy strings, times datetime64[ms] in UTC, flags bool, numbers float64 with NaN
        for none, `expiry_ms` and `seq` int64 with -1 for none. Without *derived* it has the columns
        of version 1 of the export schema only.
        """
        return self.market.array(self.rows, flag("derived", derived))

    def to_pandas(self, *, derived: bool = True) -> "pandas.DataFrame":
        """A DataFrame in the export schema, see `to_numpy`. Needs the extra `pandas`.

        The column `as_of` is the time of the read; `attrs` have it, too, with venue and epoch.
        """
        from fastopts.reader.export import dataframes

        return dataframes.to_pandas(self._columns(derived), self.provenance)

    def to_polars(self, *, derived: bool = True) -> "polars.DataFrame":
        """A DataFrame in the export schema, see `to_numpy`. Needs the extra `polars`."""
        from fastopts.reader.export import dataframes

        return dataframes.to_polars(self._columns(derived))

    def to_arrow(self, *, derived: bool = True) -> "pyarrow.Table":
        """A Table in the export schema, see `to_numpy`. Needs the extra `arrow`.

        The metadata of its schema has venue, epoch, time of the read and units; so have Parquet and
        Arrow files.
        """
        from fastopts.reader.export import dataframes

        return dataframes.to_arrow(self._columns(derived), self.provenance)

    def export(self, path: str | PathLike[str], *, derived: bool = True) -> None:
        """Write a .json, .csv, .parquet or .arrow file in the export schema, whole or not at all.

        Without *derived* it has the columns of version 1 of the schema only. Parquet and Arrow need
        the extra `arrow`. Raises ConfigError for another suffix or a file that can't be written.
        """
        from fastopts.reader.export import files

        files.write(path, self._columns(derived), self.provenance)

    def write_to(self, stream: BinaryIO, form: str, *, derived: bool = True) -> None:
        """Write the rows to the binary *stream* as json, csv, parquet or arrow, in one piece.

        See `export`. Raises ConfigError for another form.
        """
        from fastopts.reader.export import files

        files.write_to(stream, form, self._columns(derived), self.provenance)

    def _columns(self, derived: bool) -> dict[str, Column]:
        return self.market.columns(self.rows, flag("derived", derived))
