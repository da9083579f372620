"""`Table`: rows of a market, and the forms a user may take them away in."""

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
    """Some rows of a market, in the export schema: a column for each name of the vocabulary."""

    def __init__(self, market: Market, rows: NDArray[np.intp]) -> None:
        self.market = market
        self.rows = rows

    @property
    def provenance(self) -> "Provenance":
        """Whose data it is, and of when."""
        from fastopts.reader.export.dataframes import Provenance

        feed = self.market.moment.feed
        return Provenance(feed.venue, feed.epoch, self.market.moment.venue_ms)

    @property
    def unplaced(self) -> tuple[str, ...]:
        """Listed symbols that are left out: the store has no terms of them, or unusable ones."""
        return tuple(self.market.listing.unplaced)

    def to_numpy(self) -> Column:
        """One structured array: texts are numpy strings, times datetime64[ms] in UTC, numbers
        float64 with NaN for none, `seq` -1 for none."""
        return self.market.array(self.rows)

    def to_pandas(self) -> "pandas.DataFrame":
        """A DataFrame in the export schema. Needs the extra `pandas`."""
        from fastopts.reader.export import dataframes as frames

        return frames.to_pandas(self.market.columns(self.rows), self.provenance)

    def to_polars(self) -> "polars.DataFrame":
        """A DataFrame in the export schema. Needs the extra `polars`."""
        from fastopts.reader.export import dataframes as frames

        return frames.to_polars(self.market.columns(self.rows))

    def to_arrow(self) -> "pyarrow.Table":
        """A Table in the export schema. Needs the extra `arrow`."""
        from fastopts.reader.export import dataframes as frames

        return frames.to_arrow(self.market.columns(self.rows), self.provenance)

    def export(self, path: str | PathLike[str]) -> None:
        """Write a .json, .csv, .parquet or .arrow file in the export schema, whole or not at all.

        Parquet and Arrow need the extra `arrow`. Raises ConfigError for another suffix or
        a file that can't be written.
        """
        from fastopts.reader.export import files as export

        export.write(path, self.market.columns(self.rows), self.provenance)

    def write_to(self, stream: BinaryIO, form: str) -> None:
        """Write it to *stream* as json, csv, parquet or arrow, in one piece.

        Parquet and Arrow need the extra `arrow`. Raises ConfigError for another form.
        """
        from fastopts.reader.export import files as export

        export.write_to(stream, form, self.market.columns(self.rows), self.provenance)
