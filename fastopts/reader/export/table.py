"""`Table`: rows of a market, as arrays, dataframes and files.

numpy is the only library that it imports at once: those of the extras are loaded when a method
needs them, so that a reader without them works.
"""

from os import PathLike
from typing import TYPE_CHECKING, BinaryIO

import numpy as np
from numpy.typing import NDArray

from fastopts.reader.objects.market import Column, Market

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

    from fastopts.reader.export.dataframes import Provenance

__all__ = ("Table",)


class Table:
    """Rows of a market in the export schema: a column for each of its fields."""

    def __init__(self, market: Market, rows: NDArray[np.intp]) -> None:
        self.market = market
        self.rows = rows

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

    def to_numpy(self) -> Column:
        """One structured array with a field per column.

        Texts are numpy strings, times datetime64[ms] in UTC, flags bool, numbers float64 with NaN
        for none, `seq` int64 with -1 for none.
        """
        return self.market.array(self.rows)

    def to_pandas(self) -> "pandas.DataFrame":
        """A DataFrame in the export schema. Needs the extra `pandas`."""
        from fastopts.reader.export import dataframes

        return dataframes.to_pandas(self.market.columns(self.rows), self.provenance)

    def to_polars(self) -> "polars.DataFrame":
        """A DataFrame in the export schema. Needs the extra `polars`."""
        from fastopts.reader.export import dataframes

        return dataframes.to_polars(self.market.columns(self.rows))

    def to_arrow(self) -> "pyarrow.Table":
        """A Table in the export schema. Needs the extra `arrow`."""
        from fastopts.reader.export import dataframes

        return dataframes.to_arrow(self.market.columns(self.rows), self.provenance)

    def export(self, path: str | PathLike[str]) -> None:
        """Write a .json, .csv, .parquet or .arrow file in the export schema, whole or not at all.

        Parquet and Arrow need the extra `arrow`. Raises ConfigError for another suffix or
        a file that can't be written.
        """
        from fastopts.reader.export import files

        files.write(path, self.market.columns(self.rows), self.provenance)

    def write_to(self, stream: BinaryIO, form: str) -> None:
        """Write the rows to the binary *stream* as json, csv, parquet or arrow, in one piece.

        Parquet and Arrow need the extra `arrow`. Raises ConfigError for another form.
        """
        from fastopts.reader.export import files

        files.write_to(stream, form, self.market.columns(self.rows), self.provenance)
