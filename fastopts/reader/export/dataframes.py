"""Columns of a market as tables of pyarrow, pandas and polars: the export schema, version 2.

Columns are numpy arrays of equal length, one for each field of the schema, or of its version 1. An
absent value is NaN in a number, NaT in a time and -1 in a count; in a table it is null, never 0.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import orjson

from fastopts.errors import MissingPackage, extra_missing
from fastopts.field_registry import BASE_COLUMNS, COLUMNS, FIELDS, SCHEMA_VERSION
from fastopts.reader.export.times import iso

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
    "to_arrow",
    "to_pandas",
    "to_polars",
)

Column: TypeAlias = np.ndarray[Any, Any]
Columns: TypeAlias = Mapping[str, Column]
# Two exports of one moment are equal byte by byte, whatever the order in which options were read.
_ROW_ORDER = ("asset", "expiry", "settle", "strike", "type")
# Texts repeat in thousands of rows: a category or dictionary stores each of them once. Not these:
# as many categories as rows take more memory than plain strings, and five times as long to build.
_UNIQUE = ("symbol",)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Origin of exported rows: the venue, the feed's epoch, the venue's time of the read in ms."""

    venue: str
    epoch: int
    as_of_ms: int

    @property
    def as_of(self) -> str:
        """The time of the read as text: 2026-11-27T08:00:00.000Z."""
        return iso(datetime.fromtimestamp(self.as_of_ms / 1000, UTC))

    def metadata(self, columns: Iterable[str]) -> dict[str, str | int]:
        """The metadata of an export of *columns*: schema version, venue, epoch, time of the read.

        Without derived columns it is version 1 of the schema.
        """
        is_derived = any(name not in BASE_COLUMNS for name in columns)
        return {
            "schema": SCHEMA_VERSION if is_derived else 1,
            "venue": self.venue,
            "epoch": self.epoch,
            "as_of": self.as_of,
        }


def to_arrow(columns: Columns, provenance: Provenance) -> "pyarrow.Table":
    """Return the rows as a pyarrow Table, with the provenance and units in its schema.

    The schema's metadata has `fastopts.schema`, `.venue`, `.epoch`, `.as_of`, and `fastopts.units`:
    a JSON object, column -> unit. Each field's metadata has its `unit` and `meaning`. Parquet files
    keep them. Raises MissingPackage without pyarrow.
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
    arrays, fields = [], []
    for name, column in arranged(columns).items():
        field = FIELDS[name]
        array = pa.array(column, types[field.form], mask=absent(column))
        if _is_category(name):
            array = array.dictionary_encode()
        described = {"unit": field.unit, "meaning": field.meaning}
        arrays.append(array)
        fields.append(pa.field(name, array.type, metadata=described))
    metadata = {
        f"fastopts.{name}": str(value) for name, value in provenance.metadata(columns).items()
    }
    # again for the whole table: engines that are not Arrow show a file's metadata, not a field's
    units = {field.name: FIELDS[field.name].unit for field in fields}
    metadata["fastopts.units"] = orjson.dumps(units).decode()
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata))


def to_pandas(columns: Columns, provenance: Provenance) -> "pandas.DataFrame":
    """Return the rows as a pandas DataFrame; its `attrs` hold the provenance.

    An absent number is NaN, as usual in pandas. Raises MissingPackage without pandas.
    """
    with _extra("pandas"):
        import pandas as pd
    # pandas' own inference would make floats of counts
    makers: dict[str, Callable[[Any], Any]] = {
        "text": pd.Categorical,
        "time": lambda column: pd.DatetimeIndex(column, tz="UTC"),
        "flag": np.asarray,
        "count": lambda column: pd.arrays.IntegerArray(column, absent(column)),
        "number": lambda column: np.where(absent(column), np.nan, column),
    }
    frame = pd.DataFrame(
        {
            name: _pandas_strings(column) if name in _UNIQUE else makers[FIELDS[name].form](column)
            for name, column in arranged(columns).items()
        }
    )
    frame.attrs.update(provenance.metadata(columns))
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
        kind = pl.String() if name in _UNIQUE else types[FIELDS[name].form]
        values = pl.Series(name, column, kind)
        series.append(values.set(pl.Series(absent(column)), None))
    return pl.DataFrame(series)


def arranged(columns: Columns) -> dict[str, Column]:
    """Order columns as the schema does, rows by asset, expiry, settle coin, strike and type."""
    order = np.lexsort([columns[name] for name in reversed(_ROW_ORDER)])
    return {name: columns[name][order] for name in COLUMNS if name in columns}


def _pandas_strings(column: Column) -> "pandas.Series[str]":
    import pandas as pd

    # from objects, since converting numpy's strings takes longer; `str` makes them the strings of
    # pandas 3, and objects in pandas 2, in a market without rows too
    return pd.Series(column.astype(object), dtype=str)


def _is_category(name: str) -> bool:
    return FIELDS[name].form == "text" and name not in _UNIQUE


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


@contextmanager
def _extra(name: str) -> Iterator[None]:
    """Raise MissingPackage for an import that fails; *name* is the extra that installs it."""
    try:
        yield
    except ImportError as error:
        raise MissingPackage(extra_missing(error.name or name, name)) from error
