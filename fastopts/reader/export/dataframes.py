"""Columns of a market as tables of pyarrow, pandas and polars: the export schema, version 1.

Columns are numpy arrays of equal length, one for each field of the schema. An absent value is NaN
in a number, NaT in a time and -1 in a count; in a table it is null, never 0.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from fastopts.errors import MissingPackage, extra_missing
from fastopts.field_registry import COLUMNS, FIELDS, SCHEMA_VERSION

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow

__all__ = (
    "Column",
    "Columns",
    "Provenance",
    "absent",
    "arranged",
    "iso",
    "to_arrow",
    "to_pandas",
    "to_polars",
)

Column: TypeAlias = np.ndarray[Any, Any]
Columns: TypeAlias = Mapping[str, Column]
# Two exports of one moment are equal byte by byte, whatever the order in which options were read.
_ROW_ORDER = ("asset", "expiry", "settle", "strike", "type")


@dataclass(frozen=True, slots=True)
class Provenance:
    """Origin of exported rows: the venue, the feed's epoch, the venue's time of the read in ms."""

    venue: str
    epoch: int
    as_of_ms: int

    @property
    def as_of(self) -> str:
        """The time of the read as text: 2026-11-27T08:00:00.000Z."""
        return str(iso(np.datetime64(self.as_of_ms, "ms")))

    def metadata(self) -> dict[str, str | int]:
        """The metadata of an export: schema version, venue, epoch and time of the read."""
        return {
            "schema": SCHEMA_VERSION,
            "venue": self.venue,
            "epoch": self.epoch,
            "as_of": self.as_of,
        }


def to_arrow(columns: Columns, provenance: Provenance) -> "pyarrow.Table":
    """Return the rows as a pyarrow Table; the schema's metadata holds the provenance.

    Raises MissingPackage without pyarrow.
    """
    with _extra("arrow"):
        import pyarrow as pa
    types = {
        "text": pa.string(),
        "time": pa.timestamp("ms", tz="UTC"),
        "flag": pa.bool_(),
        "count": pa.int64(),
        "number": pa.float64(),
    }
    arrays = {}
    for name, column in arranged(columns).items():
        form = FIELDS[name].form
        array = pa.array(column, types[form], mask=absent(column))
        # texts repeat in thousands of rows: a dictionary stores each of them once
        arrays[name] = array.dictionary_encode() if form == "text" else array
    metadata = {f"fastopts.{name}": str(value) for name, value in provenance.metadata().items()}
    return pa.table(arrays, metadata=metadata)


def to_pandas(columns: Columns, provenance: Provenance) -> "pandas.DataFrame":
    """Return the rows as a pandas DataFrame; its `attrs` hold the provenance.

    An absent number is NaN, as usual in pandas. Raises MissingPackage without pandas.
    """
    with _extra("pandas"):
        import pandas as pd
    # pandas' own inference would make objects of texts and floats of counts
    makers: dict[str, Callable[[Any], Any]] = {
        "text": pd.Categorical,
        "time": lambda column: pd.DatetimeIndex(column, tz="UTC"),
        "flag": np.asarray,
        "count": lambda column: pd.arrays.IntegerArray(column, absent(column)),
        "number": lambda column: np.where(absent(column), np.nan, column),
    }
    sorted_columns = arranged(columns).items()
    frame = pd.DataFrame({name: makers[FIELDS[name].form](c) for name, c in sorted_columns})
    frame.attrs.update(provenance.metadata())
    return frame


def to_polars(columns: Columns) -> "polars.DataFrame":
    """Return the rows as a polars DataFrame, without the provenance: polars has no place for it.

    Raises MissingPackage without polars.
    """
    with _extra("polars"):
        import polars as pl
    types = {
        "text": pl.Categorical(),
        "time": pl.Datetime("ms", "UTC"),
        "flag": pl.Boolean(),
        "count": pl.Int64(),
        "number": pl.Float64(),
    }
    series = []
    for name, column in arranged(columns).items():
        # polars has NaN and null: NaN of numpy would count as a value
        values = pl.Series(name, column, types[FIELDS[name].form])
        series.append(values.set(pl.Series(absent(column)), None))
    return pl.DataFrame(series)


def arranged(columns: Columns) -> dict[str, Column]:
    """Order columns as the schema does, rows by asset, expiry, settle coin, strike and type."""
    order = np.lexsort([columns[name] for name in reversed(_ROW_ORDER)])
    return {name: columns[name][order] for name in COLUMNS}


def absent(column: Column) -> Column:
    """A mask of the absent values of *column*."""
    mask: Column
    match column.dtype.kind:
        case "f":
            mask = ~np.isfinite(column)  # JSON has no infinity, and no market either
        case "i":
            mask = column < 0
        case "M":
            mask = np.isnat(column)
        case _:
            mask = np.zeros(len(column), bool)
    return mask


def iso(times: Column | np.datetime64) -> Column:
    """Format UTC times as 2026-11-27T08:00:00.000Z."""
    texts: Column = np.datetime_as_string(times, unit="ms", timezone="UTC")
    return texts


@contextmanager
def _extra(name: str) -> Iterator[None]:
    """Raise MissingPackage for an import that fails; *name* is the extra that installs it."""
    try:
        yield
    except ImportError as error:
        raise MissingPackage(extra_missing(error.name or name, name)) from error
